"""What has been kept for as long as the settings say goes, step by step, and nothing that is younger."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend import extracts, wiring
from backend.domain.erasures import Erasure
from backend.domain.errors import Unavailable
from backend.domain.live_tables import LISTENER_ACTIVITY, LIVE_TABLES
from backend.domain.retention import Retention, kept_since
from backend.ports.store import TableQuery
from backend.settings import Settings
from streaming.batch import Batch
from streaming.retention import Kept, Rounds
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_result_topics import held, row

NOW = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 27, tzinfo=UTC)
DAY = timedelta(days=1)
TABLE = LISTENER_ACTIVITY.name


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Activity of six days in topic and store, as many archive days, an extract and two receipts of a week ago."""
    log, store, archive = MemoryEventLog(), MemoryStore(), tmp_path / "archive"
    log.append(TABLE, [row("ann", MIDNIGHT - nth * DAY) for nth in range(6)], timeout_seconds=1)
    batch = Batch()
    with log.reader([TABLE], {}) as reader:
        batch.add(reader.poll(max_records=100, timeout_seconds=0))
    store.write(list(batch.rows.values()), {})
    for nth in range(6):
        (archive / f"day={(MIDNIGHT - nth * DAY).date()}").mkdir(parents=True)
        (archive / f"day={(MIDNIGHT - nth * DAY).date()}" / "part-0").write_bytes(b"rows")
    (tmp_path / "a.hyper").write_bytes(b"rows")
    extracts.record(tmp_path / "home", tmp_path / "a.hyper", files=[tmp_path / "a.hyper"], made_at=NOW - 7 * DAY)
    for nth, done_at in enumerate((NOW - 7 * DAY, None)):
        store.put_erasure(
            Erasure(erasure_id=f"e{nth}", asked_at=NOW - 8 * DAY, due_at=NOW - 7 * DAY, done_at=done_at, parts={})
        )
    return Kept(event_log=log, store=store, archive=archive.as_uri(), home=tmp_path / "home")


def days_of(kept: Kept) -> list[int]:
    """How many days ago the store's rows were."""
    page = kept.store.page(LISTENER_ACTIVITY, TableQuery())
    return [(MIDNIGHT - one.window_start).days for one in page.rows]


def look(kept: Kept, **days: int) -> None:
    """One round."""
    Rounds(kept, Retention(**days), now=lambda: NOW).look()


def test_nothing_goes_where_everything_is_kept_for_ever(kept: Kept, tmp_path: Path) -> None:
    """0 is for ever."""
    look(kept)
    assert [0, 1, 2, 3, 4, 5] == days_of(kept)
    assert 6 == len(list((tmp_path / "archive").iterdir()))
    assert (tmp_path / "a.hyper").exists()
    assert 2 == len(kept.store.erasures(limit=9))


def test_rows_leave_topic_and_store(kept: Kept) -> None:
    """Those of the day three days ago stay, those of the day before go; other tables' bounds say nothing of them."""
    look(kept, tables=1, letters=1)
    assert [0, 1, 2, 3, 4, 5] == days_of(kept)
    look(kept, listener=3)
    assert [0, 1, 2, 3] == days_of(kept)
    assert isinstance(kept.event_log, MemoryEventLog)
    assert {row("ann", MIDNIGHT - nth * DAY).key for nth in range(4)} == held(kept.event_log).keys()


def test_archive_days_extracts_and_receipts_go(kept: Kept, tmp_path: Path) -> None:
    """A receipt of what is not over stays, however old it is."""
    look(kept, archive=2, extracts=7, receipts=6)
    left = {f"day={(MIDNIGHT - nth * DAY).date()}" for nth in range(3)}
    assert left == {folder.name for folder in (tmp_path / "archive").iterdir()}
    assert not (tmp_path / "a.hyper").exists()
    assert ["e1"] == [one.erasure_id for one in kept.store.erasures(limit=9)]


def test_a_part_that_is_down_holds_back_no_other(kept: Kept, tmp_path: Path) -> None:
    """It is named, and done in a later round; what was done is not done again on the day."""
    assert isinstance(kept.store, MemoryStore)
    rounds = Rounds(kept, Retention(listener=3, archive=2), now=lambda: NOW)
    kept.store.down = True
    with pytest.raises(Unavailable, match=f"{TABLE}: the store is down"):
        rounds.look()
    assert 3 == len(list((tmp_path / "archive").iterdir()))
    kept.store.down = False
    late = tmp_path / "archive" / f"day={(MIDNIGHT - 5 * DAY).date()}"
    late.mkdir()
    (late / "part-late").write_bytes(b"rows")
    rounds.look()
    assert [0, 1, 2, 3] == days_of(kept)
    assert late.exists()


def test_whole_days_are_kept() -> None:
    """The day that began so many days before today is the first that stays."""
    assert MIDNIGHT - 3 * DAY == kept_since(NOW, 3)


@pytest.mark.parametrize("table", LIVE_TABLES)
def test_each_table_has_its_setting(table: str) -> None:
    """What is so now, and belongs to no moment, is kept."""
    special = {"dead_letters": "retention_letters_days", TABLE: "retention_listener_days"}
    setting = special.get(table, "retention_tables_days")
    nothing = {name: 0 for name in Settings.model_fields if name.startswith("retention_")}
    retention = wiring.retention(Settings(**{**nothing, setting: 9}))
    assert (9 if LIVE_TABLES[table].moment else 0) == retention.of_table(table)
