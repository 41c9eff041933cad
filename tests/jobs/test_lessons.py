"""Skips as the live tables count them: real Flink over the table of cases, and the recount of the same log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.plays import Lesson
from tests.jobs.conftest import RunJob, in_log, play_value
from tests.lessons import LESSON_CASES
from tests.recount import Log, Recount

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
COUNTED = {case.name: (1, int(case.teaches is Lesson.SKIP)) for case in LESSON_CASES}
"""Plays and skips of each case: every play counts, whatever it teaches."""


@pytest.fixture(scope="module")
def log() -> Log:
    """Every case as one play, by a listener and of an artist of its own."""
    values = [
        play_value(
            case.name,
            case.name,
            case.name,
            NOON + timedelta(seconds=nth),
            milliseconds_played=case.heard,
            track_milliseconds=case.length,
        )
        for nth, case in enumerate(LESSON_CASES)
    ]
    return Log(plays=in_log("plays", values))


@pytest.fixture(scope="module")
def rows(run_job: RunJob, log: Log) -> dict[str, list[dict[str, Any]]]:
    """The two tables with skips, after one run over the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("/tmp")
        return run_job(log, ["artist_engagement", "listener_activity"])


def test_tables_count_the_skips_of_the_definition(rows: dict[str, list[dict[str, Any]]]) -> None:
    """By artist and hour, and by listener and day."""
    hours = {row["artist_id"]: row for row in rows["artist_engagement"] if row["span"] == "hour"}
    assert COUNTED == {name: (row["plays"], row["skips"]) for name, row in hours.items()}
    days = {row["listener_id"]: row for row in rows["listener_activity"]}
    assert COUNTED == {name: (row["plays"], row["skips"]) for name, row in days.items()}


def test_a_play_of_unknown_length_is_part_of_no_completion_rate(rows: dict[str, list[dict[str, Any]]]) -> None:
    """It is counted, but neither as heard to the end nor as skipped."""
    hours = {row["artist_id"]: row for row in rows["artist_engagement"] if row["span"] == "hour"}
    unknown = {case.name for case in LESSON_CASES if case.length == 0}
    assert unknown == {name for name, row in hours.items() if row["completion_rate"] is None}


def test_the_recount_counts_the_same_skips(log: Log) -> None:
    """In both tables."""
    recount = Recount(log)
    hours = [row for row in recount.engagement() if row["span"] == "hour"]
    assert COUNTED == {row["artist_id"]: (row["plays"], row["skips"]) for row in hours}
    days = recount.activity(session_minutes=30)
    assert COUNTED == {row["listener_id"]: (row["plays"], row["skips"]) for row in days}
