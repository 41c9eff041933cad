"""Which jobs run on the cluster for as long as Segue does, and which tables each of them fills.

The play archive has a job of its own: training, profiles and erasure need it, so nothing that goes wrong in a table
that people look at may stop it (docs/adr/0016-two-jobs.md). Each job has its own name on the cluster, compiled plan,
folder of states, lineage and lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.errors import InvalidInput, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveJob:
    """A job by its name below the tenant's, and its tables in order: one may read views of those before it.

    `share` is how far it is cut down for the little work that it has: a share of the subtasks that jobs are given, each
    saved so much more often. An archive that grows twice as often, by half as many writers, has as many files.
    """

    name: str
    tables: tuple[str, ...]
    share: int = 1

    def on_cluster(self, tenant: str) -> str:
        """The job's name on the cluster."""
        return f"{tenant}.{self.name}"

    def subtasks(self, parallelism: int) -> int:
        """How many of each operator run beside each other, of so many that jobs are given."""
        return max(1, parallelism // self.share)

    def checkpoint_seconds(self, given: int) -> int:
        """The time between two checkpoints, of so many that jobs are given."""
        return -(-given // self.share)


ARCHIVE = LiveJob(name="archive", tables=("play_archive",), share=2)
TABLES = LiveJob(
    name="live_tables",
    tables=(
        *("artist_engagement", "track_popularity", "artist_popularity", "trends", "anomalies", "listener_activity"),
        *("track_clusters", "topic_hours", "dead_letters", "dead_letter_counts"),
    ),
)
LIVE_JOBS: Sequence[LiveJob] = (ARCHIVE, TABLES)
"""In the order in which they are submitted."""

TOPIC_FEEDS = LiveJob(name="topic_feeds", tables=("topic_feeds",), share=2)
"""Runs where setting topic_feeds asks for it; what it writes, others follow."""


def wanted(*, topic_feeds: bool) -> Sequence[LiveJob]:
    """The jobs that shall run, in the order in which they are submitted."""
    return (*LIVE_JOBS, TOPIC_FEEDS) if topic_feeds else LIVE_JOBS


def chosen(name: str | None, *, topic_feeds: bool = False) -> Sequence[LiveJob]:
    """The job of this name; all that shall run where none is named. Raises InvalidInput."""
    jobs = wanted(topic_feeds=topic_feeds)
    found = [job for job in jobs if name in (None, job.name)]
    if not found:
        names = " or ".join(job.name for job in jobs)
        raise InvalidInput([Violation("--job", f"{name} is no job; choose {names}, or leave it out for all of them")])
    return found
