"""Charts in a backfill: the latest window until a day's end, and none in the place of a later one."""

import json
from datetime import UTC, date, datetime

from backend.ports.event_log import Record
from backend.settings import Settings
from streaming import backfill, charts, wiring
from tests.memory import MemoryEventLog
from tests.said import said

TABLE = "artist_popularity"
END = date(2026, 11, 2)
EARLIER, LATER = "2026-11-01T23:00:00Z", "2026-11-02T05:00:00Z"


def ranked(artist: str, window_end: str, rank: int = 1) -> Record:
    """A row as Flink writes it, on one partition."""
    key = {"span": "1h", "artist_id": artist}
    value = {**key, "window_end": window_end, "rank": rank, "plays": 2, "listeners": 2}
    return Record(key=json.dumps(key).encode(), value=json.dumps(value).encode(), partition=0)


def test_charts_are_the_tables_of_latest_windows() -> None:
    """They can be backfilled as well."""
    assert ["track_popularity", "artist_popularity"] == charts.charts()
    assert set(charts.charts()) <= set(backfill.tables())


def test_the_script_takes_windows_until_the_end_where_none_is_later() -> None:
    """One bound on what the latest is taken from, and one look at what the topic holds, which is read like a log."""
    script = said(backfill.script(wiring.job_spec(Settings()), [TABLE], backfill.Days(date(2026, 11, 1), END)))
    assert "FROM artist_charts\n  WHERE window_end <= TIMESTAMP '2026-11-02 00:00:00'" in script
    assert "LEFT JOIN artist_popularity_later AS later ON later.span = computed.span" in script
    (log,) = [one for one in script.split(";\n") if one.startswith("CREATE TABLE artist_popularity_log")]
    assert "'connector' = 'kafka'" in log
    assert "'scan.bounded.mode' = 'latest-offset'" in log
    assert not [word for word in ("PRIMARY KEY", "'sink.", "'key.", "upsert") if word in log]
    assert ["INSERT INTO artist_popularity"] == [line for line in script.splitlines() if line.startswith("INSERT")]


def test_a_window_had_ended_when_the_day_began() -> None:
    """The one that ends at midnight, too."""
    ended = charts.had_ended(END)
    ends = [datetime(2026, 11, 2, hour, tzinfo=UTC) for hour in (0, 1)]
    assert [True, False] == [ended({"window_end": end}) for end in ends]


def test_the_live_jobs_later_window_is_last_again() -> None:
    """Of what was written since the backfill began; a row that moved on as it should, and a deletion, stay."""
    log = MemoryEventLog()
    log.append(TABLE, [ranked("before", LATER)], timeout_seconds=1)
    since = log.ends([TABLE])
    deletion = Record(key=ranked("gone", LATER).key, value=None, partition=0)
    written = [
        ranked("a", LATER),
        ranked("a", EARLIER),
        ranked("b", EARLIER),
        ranked("b", LATER),
        ranked("gone", LATER),
    ]
    log.append(TABLE, [*written, deletion, ranked("before", EARLIER)], timeout_seconds=1)
    assert 1 == charts.put_newest_last(log, TABLE, since)
    last = log.partitions_of[TABLE][0][-1]
    assert (ranked("a", LATER).key, ranked("a", LATER).value) == (last.key, last.value)
    assert 0 == charts.put_newest_last(log, TABLE, since)
