"""Clocks that are ahead and plays that are told late, through real Flink in batch mode, as `segue backfill` runs it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.plays import Timing
from backend.ports.event_log import Topic
from tests.jobs.conftest import RunJob, in_log, play_value
from tests.recount import Log

APPENDED = datetime(2026, 3, 1, tzinfo=UTC)
"""When the log took every record (conftest)."""

BEFORE = APPENDED - timedelta(hours=3)
TABLES = ("artist_engagement", "listener_activity", "dead_letters", "play_archive")

Rows = dict[str, list[dict[str, Any]]]


def moved(value: bytes, **times: int) -> bytes:
    """The record with these of its times."""
    return json.dumps(json.loads(value) | times).encode()


def ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


YEAR_AHEAD = ms(APPENDED + timedelta(days=365))
DAY_AHEAD = ms(APPENDED + timedelta(days=1))


@pytest.fixture(scope="module")
def poisoned(run_job: RunJob) -> Rows:
    """One partition: records of clocks that are ahead, and plays behind them."""
    ahead = play_value("ahead", "l", "a", BEFORE)
    return run_job(
        Log(
            plays=in_log(
                Topic.PLAYS,
                [
                    moved(ahead, played_at_ms=YEAR_AHEAD, ingested_at_ms=YEAR_AHEAD),
                    moved(ahead, event_id="far", played_at_ms=2**62, ingested_at_ms=2**62),
                    b'{"event_id":null,"listener_id":null,"played_at_ms":%d,"ingested_at_ms":%d}' % ((DAY_AHEAD,) * 2),
                    moved(play_value("server-ahead", "l", "a", BEFORE), ingested_at_ms=DAY_AHEAD),
                    moved(
                        play_value("skewed", "l", "a", BEFORE),
                        played_at_ms=ms(APPENDED + timedelta(minutes=50)),
                        ingested_at_ms=ms(APPENDED + timedelta(minutes=50)),
                    ),
                    play_value("after", "l", "a", APPENDED - timedelta(minutes=5)),
                ],
            )
        ),
        TABLES,
    )


def test_what_is_ahead_of_the_log_is_a_letter_and_costs_itself_only(poisoned: Rows) -> None:
    """A year, a day and 2^62 ms ahead; the plays behind them in the partition are counted, none is too late."""
    assert [("ahead", 0), ("ahead", 2), ("malformed", 1)] == sorted(
        (row["reason"], row["source_offset"]) for row in poisoned["dead_letters"] if row["reason"] != "unknown_track"
    )
    assert {"server-ahead", "skewed", "after"} == {row["event_id"] for row in poisoned["play_archive"]}


def test_no_event_time_is_ahead_of_the_log(poisoned: Rows) -> None:
    """A play of a clock fifty minutes ahead was when the log took it."""
    hours = {row["window_start"] for row in poisoned["artist_engagement"] if row["span"] == "hour"}
    assert {"2026-02-28T21:00:00Z", "2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z"} == hours


@pytest.mark.parametrize("says", [True, False], ids=["said", "by age"])
def test_history_after_live_is_no_letter_and_a_backfill_brings_its_days(run_job: RunJob, says: bool) -> None:
    """A live play of 23:00, then three plays of weeks before, as in the case B10."""
    live = datetime(2026, 2, 28, 23, tzinfo=UTC)
    evening = datetime(2026, 1, 10, 20, tzinfo=UTC)
    values = [play_value("live", "l", "a", live, timing=Timing.LIVE)] + [
        play_value(f"history-{nth}", "l", "a", evening + timedelta(minutes=4 * nth), timing=Timing.HISTORY)
        for nth in range(3)
    ]
    if not says:
        values = [json.dumps({**json.loads(value), "timing": None}).encode() for value in values]
    rows = run_job(Log(plays=in_log(Topic.PLAYS, values)), TABLES)
    assert [] == [row for row in rows["dead_letters"] if row["reason"] != "unknown_track"]
    assert 4 == len(rows["play_archive"])
    days = {row["window_start"]: row["plays"] for row in rows["listener_activity"]}
    assert {"2026-01-10T00:00:00Z": 3, "2026-02-28T00:00:00Z": 1} == days
    hours = {row["window_start"]: row["plays"] for row in rows["artist_engagement"] if row["span"] == "hour"}
    assert {"2026-01-10T20:00:00Z": 3, "2026-02-28T23:00:00Z": 1} == hours


def test_another_timing_is_a_letter_that_names_it(run_job: RunJob) -> None:
    """As Python's reader refuses it."""
    value = json.dumps({**json.loads(play_value("odd", "l", "a", BEFORE)), "timing": "later"}).encode()
    rows = run_job(Log(plays=in_log(Topic.PLAYS, [value])), ("dead_letters", "play_archive"))
    assert [("malformed", True)] == [(row["reason"], "timing" in row["detail"]) for row in rows["dead_letters"]]
    assert [] == rows["play_archive"]
