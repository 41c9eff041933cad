"""The backfill's SQL and its range of days."""

from datetime import UTC, date, datetime

import pytest

from backend.domain.errors import InvalidInput
from backend.settings import Settings
from streaming import backfill, render, wiring
from streaming.schema import schema
from tests.said import said

DAYS = backfill.Days(date(2026, 1, 1), date(2026, 1, 3))
KAFKA = (
    "CREATE TABLE plays (\n  a INT\n) WITH (\n  'connector' = 'kafka',\n  'scan.startup.mode' = 'earliest-offset'\n)"
)
UPSERT = (
    "CREATE TABLE tracks (\n  record_key STRING,\n  a INT,\n  PRIMARY KEY (record_key) NOT ENFORCED\n) WITH (\n"
    "  'connector' = 'upsert-kafka',\n  'key.format' = 'raw'\n)"
)


def test_sources_are_read_up_to_where_they_end() -> None:
    """A batch job over an unbounded topic would never end."""
    (source,) = backfill.bounded(KAFKA, filled=["trends"], days=DAYS)
    assert "'scan.bounded.mode' = 'latest-offset'" in source


def test_compacted_sources_are_the_last_record_of_each_key() -> None:
    """Batch plans read no upsert-kafka: a log, and a view by the table's name."""
    log, view = backfill.bounded(UPSERT, filled=["trends"], days=DAYS)
    assert log.startswith("CREATE TABLE tracks_log")
    assert "PRIMARY KEY" not in log
    assert "'connector' = 'kafka'" in log
    assert "'key.fields' = 'record_key'" in log
    assert view.startswith("CREATE TEMPORARY VIEW tracks AS")
    assert "PARTITION BY record_key ORDER BY offset_in_log DESC" in view


@pytest.mark.parametrize("definition", [UPSERT, "CREATE TEMPORARY VIEW v AS SELECT 1"])
def test_what_is_filled_and_views_stay_as_they_are(definition: str) -> None:
    """The result tables are written as the live job writes them."""
    assert [definition] == backfill.bounded(definition, filled=["tracks"], days=DAYS)


def test_an_insert_keeps_only_rows_of_the_days() -> None:
    """The query's columns get the table's names, whatever they were called in it."""
    insert = backfill.within("INSERT INTO trends\nSELECT 1, 2", DAYS)
    columns = ", ".join(f"`{column.name}`" for column in schema("trends").columns)
    assert f"INSERT INTO trends\nSELECT * FROM (\nSELECT 1, 2\n) AS computed ({columns})\nWHERE " in insert
    assert insert.endswith(
        "window_start >= TO_TIMESTAMP_LTZ(1767225600000, 3) AND window_start < TO_TIMESTAMP_LTZ(1767398400000, 3)"
    )


def test_only_tables_of_windows_can_be_backfilled() -> None:
    """The archive is append-only, and a latest state has no past."""
    assert "play_archive" not in backfill.tables()
    assert {"artist_engagement", "trends", "anomalies"} <= set(backfill.tables())
    assert ["artist_engagement", "trends"] == backfill.chosen(["trends", "artist_engagement"])
    assert backfill.tables() == backfill.chosen([])
    with pytest.raises(InvalidInput, match=r"play_archive cannot be backfilled; choose from .*trends"):
        backfill.chosen(["play_archive"])


def test_script_is_one_statement_set_of_the_chosen_tables() -> None:
    """Nothing else is written, and no name is left to fill in."""
    spec = wiring.job_spec(Settings())
    script = said(backfill.script(spec, ["trends"], DAYS))
    assert ["INSERT INTO trends"] == [line for line in script.splitlines() if line.startswith("INSERT")]
    assert "SET 'execution.runtime-mode' = 'BATCH';" in script
    assert script.endswith(";\nEND;\n")
    assert "EXECUTE STATEMENT SET BEGIN\n" in script
    assert "${" not in script
    assert len(render.job_statements(spec, ["trends"], batch=True)[1]) == 1


@pytest.mark.parametrize(
    ("end", "now"),
    [
        (date(2026, 1, 1), datetime(2026, 6, 1, tzinfo=UTC)),
        (date(2026, 1, 3), datetime(2026, 1, 2, 23, tzinfo=UTC)),
        (date(2026, 1, 3), datetime(2026, 1, 3, 1, tzinfo=UTC)),
    ],
)
def test_days_that_are_still_counted_are_refused(end: date, now: datetime) -> None:
    """Empty ranges, and days whose late plays may still come."""
    with pytest.raises(InvalidInput, match="--to"):
        backfill.Days(date(2026, 1, 1), end).check(now, lateness_minutes=10)


def test_a_day_can_be_computed_once_its_late_plays_are_in() -> None:
    """Lateness and an hour after its end."""
    DAYS.check(datetime(2026, 1, 3, 1, 10, tzinfo=UTC), lateness_minutes=10)


def test_days_that_the_log_may_have_lost_are_refused() -> None:
    """Their rows would be deleted, as no plays make them any more."""
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)
    DAYS.check(now, lateness_minutes=10, events_days=10)
    with pytest.raises(InvalidInput, match=r"--from.*before 2026-01-02"):
        DAYS.check(now, lateness_minutes=10, events_days=9)


def test_a_window_lies_in_the_days() -> None:
    """From the first moment of the first day until before the end."""
    moments = [datetime(2025, 12, 31, 23, tzinfo=UTC), *(datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))]
    assert [False, True, True, False] == [DAYS.holds(moment) for moment in moments]
