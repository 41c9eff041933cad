"""Whether a live job is well, by what Flink tells of it. A job that restarts for ever says RUNNING now and then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backend.domain.errors import Unavailable
from streaming.archive_age import Archive
from streaming.cluster import Health, Job, root_cause

START_SECONDS = 180.0
"""What a job may take until all its tasks run, and until its first checkpoint is complete."""

CHECKPOINTS_MISSED = 6
"""A job whose last checkpoint is older than so many intervals (and a minute) makes none."""

HELP = (
    "once the cause is gone (logs/flink-taskmanager.log tells it) the job goes on by itself; where its state is the "
    "cause, `segue jobs upgrade --replay` computes every table again from the log, with --job those of one job"
)
"""What helps a job that fails again and again. A restart does not: it begins with a savepoint, which fails too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`told` is "healthy", a remark on it, or, where the job is not well, why and the next step."""

    is_well: bool
    told: str
    since: datetime | None
    restarts: int


def live_job(
    jobs: Sequence[Job],
    health_of: Callable[[Job], Health],
    *,
    checkpoint_seconds: int,
    now: datetime,
    up_seconds: float,
) -> Verdict:
    """How a live job is: `jobs` are those of its name, newest first, on a cluster that is up for `up_seconds`."""
    alive = next((job for job in jobs if job.is_alive), None)
    if alive is not None:
        try:
            health = health_of(alive)
        except Unavailable:
            # Of a job that it has just taken Flink knows no tasks yet, and says so in words of its own.
            if not _is_young(alive, now):
                raise
            return Verdict(is_well=True, told="starting", since=alive.since, restarts=0)
        return judged(alive, health, checkpoint_seconds=checkpoint_seconds, now=now)
    if up_seconds < START_SECONDS:
        return Verdict(is_well=True, told="not submitted yet", since=None, restarts=0)
    ended = f" (the last one: {jobs[0].state})" if jobs else ""
    return Verdict(
        is_well=False, told=f"does not run{ended}; see logs/keeper.log, it submits the job", since=None, restarts=0
    )


def judged(job: Job, health: Health, *, checkpoint_seconds: int, now: datetime) -> Verdict:
    """What a job that is alive, and how it is, come to."""
    complaint = "" if _is_young(job, now) and not health.restarts else _complaint(job, health, checkpoint_seconds, now)
    if not complaint:
        remark = "starting" if health.tasks_running < health.tasks else "healthy"
        again = f", went on by itself {_times(health.restarts)}" if health.restarts else ""
        return Verdict(is_well=True, told=remark + again, since=job.since, restarts=health.restarts)
    cause = f"; failed {_times(health.restarts)}, last of: {root_cause(health.failure)}" if health.failure else ""
    return Verdict(
        is_well=False,
        told=f"{complaint}{cause}; {HELP}",
        since=job.since,
        restarts=health.restarts,
    )


def with_archive(found: Verdict, archive: Archive, *, checkpoint_seconds: int, now: datetime) -> Verdict:
    """The verdict on the archive's job where it is well by itself, by what came of its work.

    Plays that wait for the archive longer than a checkpoint may take are not in what models learn from.
    """
    waiting = archive.waiting_since
    if not found.is_well or waiting is None or now - waiting <= longest(checkpoint_seconds):
        return found
    newest = f"its newest file is of {archive.newest_file:%Y-%m-%d %H:%M} UTC" if archive.newest_file else "it is empty"
    told = (
        f"plays are counted but for {_spell(now - waiting)} none came into the archive {archive.url} ({newest}); "
        "see that archive_url is where the job writes, then `segue jobs upgrade`"
    )
    return replace(found, is_well=False, told=told)


def longest(checkpoint_seconds: int) -> timedelta:
    """How old the last checkpoint may be, and so how long a play may wait for the archive."""
    return timedelta(seconds=60 + CHECKPOINTS_MISSED * checkpoint_seconds)


def _is_young(job: Job, now: datetime) -> bool:
    return (now - job.since).total_seconds() < START_SECONDS


def _complaint(job: Job, health: Health, checkpoint_seconds: int, now: datetime) -> str:
    """What is wrong; "" where nothing is."""
    age = now - (health.checkpoint.at if health.checkpoint is not None else job.since)
    if age > longest(checkpoint_seconds):
        # Files of the archive become visible, and rows of the tables are safe, with the checkpoint that covers them.
        which = "no checkpoint and nothing archived" if health.checkpoint else "no checkpoint yet, nothing archived,"
        return f"{which} for {_spell(age)}, one is due every {checkpoint_seconds} s"
    if health.tasks_running < health.tasks and health.restarts:
        return f"{health.tasks_running} of {health.tasks} tasks run ({job.state})"
    return ""


def _spell(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
