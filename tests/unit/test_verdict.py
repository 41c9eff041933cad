"""Whether the live job is well, by what Flink tells of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.errors import Unavailable
from streaming.archive_age import Archive
from streaming.cluster import Checkpoint, Health, Job
from streaming.verdict import CHECKPOINTS_MISSED, START_SECONDS, Verdict, judged, live_job, with_archive

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TRACE = "org.apache.flink.X: task failed\n\tat a.B.c(B.java:1)\nCaused by: RecordTooLargeException: 1200139 bytes"
WELL = Health(
    tasks_running=20,
    tasks=20,
    checkpoints=9,
    checkpoint=Checkpoint(url="file:///c/chk-9", at=NOW - timedelta(seconds=8), bytes=1),
    restarts=0,
    back_pressure=0.0,
    failure="",
)
OVERDUE = Checkpoint(url="", at=NOW - timedelta(seconds=61 + CHECKPOINTS_MISSED * 10), bytes=1)


def verdict(health: Health, *, state: str = "RUNNING", seconds: float = 3_600) -> Verdict:
    """Of a job that was submitted so long ago and is to be saved every ten seconds."""
    job = Job("id", "segue.live_tables", state, NOW - timedelta(seconds=seconds))
    return judged(job, health, checkpoint_seconds=10, now=NOW)


def test_a_job_that_runs_and_is_saved_is_healthy() -> None:
    """And one that went on by itself since says how often."""
    assert (True, "healthy") == (verdict(WELL).is_well, verdict(WELL).told)
    again = verdict(replace(WELL, restarts=2, failure=TRACE))
    assert (True, "healthy, went on by itself 2 times", 2) == (again.is_well, again.told, again.restarts)


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING"])
def test_a_job_that_restarts_for_ever_is_not_well(state: str) -> None:
    """It says RUNNING between two failures; the age of its last checkpoint does not lie."""
    found = verdict(replace(WELL, checkpoint=OVERDUE, restarts=14, failure=TRACE), state=state)
    assert not found.is_well
    for part in ("no checkpoint", "for 2 min", "every 10 s", "14 times", "1200139 bytes", "upgrade --replay"):
        assert part in found.told


def test_a_job_that_never_made_a_checkpoint_is_not_well() -> None:
    """Its age is what counts, once it had time to start."""
    none = replace(WELL, checkpoint=None, checkpoints=0)
    assert "no checkpoint yet" in verdict(none).told
    assert not verdict(none).is_well
    assert verdict(none, seconds=START_SECONDS - 1).is_well


def test_a_job_of_which_tasks_are_gone_is_not_well() -> None:
    """Also before its checkpoints are overdue, and also while it is young."""
    failing = replace(WELL, tasks_running=3, restarts=1, failure=TRACE)
    for seconds in (10.0, 3_600.0):
        assert "3 of 20 tasks run (RESTARTING)" in verdict(failing, state="RESTARTING", seconds=seconds).told
        assert not verdict(failing, state="RESTARTING", seconds=seconds).is_well


def test_a_young_job_is_starting() -> None:
    """Not all of its tasks run, and nothing has failed."""
    found = verdict(replace(WELL, tasks_running=0, checkpoint=None), state="CREATED", seconds=5)
    assert (True, "starting") == (found.is_well, found.told)


@pytest.mark.parametrize(("up_seconds", "is_well"), [(START_SECONDS - 1, True), (START_SECONDS + 1, False)])
def test_a_job_that_does_not_run_is_missed_when_the_cluster_is_up_for_a_while(up_seconds: float, is_well: bool) -> None:
    """The keeper submits it after the parts have started."""
    ended = Job("id", "segue.live_tables", "FAILED", NOW)
    found = live_job([ended], lambda _: WELL, checkpoint_seconds=10, now=NOW, up_seconds=up_seconds)
    assert is_well == found.is_well
    assert ("FAILED" in found.told) is not is_well
    runs = replace(ended, state="RUNNING", since=NOW - timedelta(hours=1))
    assert "healthy" == live_job([ended, runs], lambda _: WELL, checkpoint_seconds=10, now=NOW, up_seconds=9e9).told


@pytest.mark.parametrize(("seconds", "is_well"), [(5, True), (START_SECONDS + 1, False)])
def test_words_of_flinks_own_are_not_for_a_job_that_it_has_just_taken(seconds: float, is_well: bool) -> None:
    """It refuses to tell of one whose tasks it does not know yet; of an old one that is worth saying."""
    job = Job("id", "segue.live_tables", "INITIALIZING", NOW - timedelta(seconds=seconds))

    def refuse(_: Job) -> Health:
        raise Unavailable("Flink refuses GET /jobs/id: NotFoundException")

    if not is_well:
        with pytest.raises(Unavailable):
            live_job([job], refuse, checkpoint_seconds=10, now=NOW, up_seconds=9)
        return
    found = live_job([job], refuse, checkpoint_seconds=10, now=NOW, up_seconds=9)
    assert (True, "starting") == (found.is_well, found.told)


@pytest.mark.parametrize(
    ("newest", "waiting", "told"),
    [
        (5, None, "healthy"),
        (5, 100, "healthy"),
        (3_600, None, "healthy"),
        (3_600, 121, "plays are counted but for 2 min none came into the archive file:///a (its newest file is of"),
        (None, 7_200, "for 2 h 0 min none came into the archive file:///a (it is empty)"),
    ],
)
def test_an_archive_that_stays_behind_is_told(newest: int | None, waiting: int | None, told: str) -> None:
    """Not its age alone: where nobody plays, no file comes. It says where, since when, and what to do."""
    archive = Archive(
        url="file:///a",
        newest_file=None if newest is None else NOW - timedelta(seconds=newest),
        waiting_since=None if waiting is None else NOW - timedelta(seconds=waiting),
    )
    found = with_archive(verdict(WELL), archive, checkpoint_seconds=10, now=NOW)
    assert told in found.told
    assert found.is_well is (told == "healthy")
    assert found.is_well or "archive_url" in found.told


def test_a_job_that_is_not_well_says_so_first() -> None:
    """Where it makes no checkpoints the archive is only what follows."""
    ill = verdict(replace(WELL, checkpoint=OVERDUE))
    archive = Archive(url="file:///a", newest_file=None, waiting_since=NOW - timedelta(hours=1))
    assert ill == with_archive(ill, archive, checkpoint_seconds=10, now=NOW)
