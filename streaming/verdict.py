"""Whether the live job is well, by what Flink tells of it. A job that restarts for ever says RUNNING now and then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from streaming.cluster import Health, Job, root_cause

START_SECONDS = 180.0
"""What a job may take until all its tasks run, and until its first checkpoint is complete."""

CHECKPOINTS_MISSED = 6
"""A job whose last checkpoint is older than so many intervals (and a minute) makes none."""


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
    """How the live job is: `jobs` are those of its name, newest first, on a cluster that is up for `up_seconds`."""
    alive = next((job for job in jobs if job.is_alive), None)
    if alive is not None:
        return judged(alive, health_of(alive), checkpoint_seconds=checkpoint_seconds, now=now)
    if up_seconds < START_SECONDS:
        return Verdict(is_well=True, told="not submitted yet", since=None, restarts=0)
    ended = f" (the last one: {jobs[0].state})" if jobs else ""
    return Verdict(
        is_well=False, told=f"does not run{ended}; see logs/keeper.log, it submits the job", since=None, restarts=0
    )


def judged(job: Job, health: Health, *, checkpoint_seconds: int, now: datetime) -> Verdict:
    """What a job that is alive, and how it is, come to."""
    is_starting = (now - job.since).total_seconds() < START_SECONDS
    complaint = "" if is_starting and not health.restarts else _complaint(job, health, checkpoint_seconds, now)
    if not complaint:
        remark = "starting" if health.tasks_running < health.tasks else "healthy"
        again = f", went on by itself {_times(health.restarts)}" if health.restarts else ""
        return Verdict(is_well=True, told=remark + again, since=job.since, restarts=health.restarts)
    cause = f"; failed {_times(health.restarts)}, last of: {root_cause(health.failure)}" if health.failure else ""
    return Verdict(
        is_well=False,
        told=f"{complaint}{cause}; see `segue jobs list` and logs/flink-taskmanager.log",
        since=job.since,
        restarts=health.restarts,
    )


def _complaint(job: Job, health: Health, checkpoint_seconds: int, now: datetime) -> str:
    """What is wrong; "" where nothing is."""
    age = now - (health.checkpoint.at if health.checkpoint is not None else job.since)
    if age > timedelta(seconds=60 + CHECKPOINTS_MISSED * checkpoint_seconds):
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
