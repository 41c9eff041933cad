"""Compaction of the play archive: few files, each play once, nothing lost whenever it is killed."""

import random
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.domain.errors import Unavailable
from backend.lacks import ROOM, lack_of
from streaming import compact, keeper
from tests.killed import Killed, killed_after
from tests.small_disk import fill, small_disk

DAY = date(2026, 11, 19)
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)


def _file(folder: Path, name: str, event_ids: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    moments = pa.array(
        [NOON + timedelta(seconds=place) for place in range(len(event_ids))], pa.timestamp("ms", tz="UTC")
    )
    pq.write_table(pa.table({"event_id": event_ids, "told_in": [name] * len(event_ids), "at": moments}), folder / name)


def _plays(archive: Path) -> list[dict[str, Any]]:
    """Every play a reader sees: files that do not begin with "." or "_"."""
    files = sorted(file for file in archive.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def _compact(archive: Path, **options: int) -> list[compact.Compaction]:
    return list(compact.compact(archive.as_uri(), until=DAY, **options))


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A day of forty committed files, one play told in two of them, and one file in progress."""
    folder = tmp_path / f"day={DAY}"
    for nth in range(40):
        _file(folder, f"part-a-{nth:02}", [f"e{nth}-{place}" for place in range(5)])
    _file(folder, "part-b-00", ["e0-0", "new"])
    (folder / ".part-a-41.inprogress.x").write_bytes(b"half a file")
    return folder


def test_many_files_become_one_with_each_play_once(day: Path) -> None:
    """The types, the partition and what Flink still writes are left as they are."""
    schema = pq.read_schema(day / "part-a-00")
    (done,) = _compact(day.parent)
    assert (41, 1, 201, 1) == (done.files_before, done.files_after, done.rows, done.duplicates)
    (settled,) = day.glob("part-*")
    assert schema == pq.read_schema(settled)
    ids = [row["event_id"] for row in _plays(day.parent)]
    assert (201, 201) == (len(ids), len(set(ids)))
    assert b"half a file" == (day / ".part-a-41.inprogress.x").read_bytes()


def test_the_first_of_two_plays_with_one_id_is_kept(tmp_path: Path) -> None:
    """As the live job counts the first to arrive."""
    _file(tmp_path / f"day={DAY}", "part-z", ["e1"])
    _file(tmp_path / f"day={DAY}", "part-a", ["e1"])
    _compact(tmp_path)
    assert ["part-z"] == [row["told_in"] for row in _plays(tmp_path)]


def test_a_compacted_day_is_left_alone_until_a_late_play_comes(day: Path) -> None:
    """Nothing to do the second time; a new file is worked in."""
    _compact(day.parent)
    assert [] == _compact(day.parent)
    _file(day, "part-c-00", ["late"])
    (done,) = _compact(day.parent)
    assert (2, 202) == (done.files_before, done.rows)


def test_days_after_the_last_one_are_left_alone(tmp_path: Path) -> None:
    """Today's files are still being added to."""
    for nth in range(3):
        _file(tmp_path / "day=2026-11-20", f"part-{nth}", [f"e{nth}"])
    assert [] == _compact(tmp_path)
    assert 3 == len(list(tmp_path.rglob("part-*")))


def test_large_days_become_several_files(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is closed once it has its size; together they hold every play."""
    monkeypatch.setattr(compact, "ROW_GROUP", 50)
    (done,) = _compact(day.parent, target_bytes=2_000)
    assert done.files_after > 1
    assert 201 == len({row["event_id"] for row in _plays(day.parent)})


def test_an_archive_that_is_not_there_has_nothing_to_compact(tmp_path: Path) -> None:
    """Before the first play there is no folder."""
    assert [] == _compact(tmp_path / "none")


@pytest.mark.parametrize("changes", range(9))
def test_killed_at_any_moment_no_play_is_lost(tmp_path: Path, changes: int) -> None:
    """After each number of changes every play is there, and the next run leaves each exactly once."""
    folder = tmp_path / f"day={DAY}"
    for nth in range(4):
        _file(folder, f"part-{nth}", [f"e{nth}", "twice"])
    _compact(tmp_path)
    for nth in range(4, 7):
        _file(folder, f"part-{nth}", [f"e{nth}", "twice"])
    wanted = {*(f"e{nth}" for nth in range(7)), "twice"}
    with killed_after(changes):
        try:
            _compact(tmp_path)
        except Killed:
            assert changes < 6
    assert wanted == {row["event_id"] for row in _plays(tmp_path)}
    _compact(tmp_path)
    assert sorted(wanted) == sorted(row["event_id"] for row in _plays(tmp_path))
    assert [] == list(folder.glob(".compacting-*"))


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 21, 12, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 21, 1, 9, tzinfo=UTC), date(2026, 11, 19)),
        (datetime(2026, 11, 21, 1, 10, tzinfo=UTC), date(2026, 11, 20)),
    ],
)
def test_a_day_is_settled_an_hour_after_its_late_plays(now: datetime, day: date) -> None:
    """With ten minutes of lateness: from 01:10 on."""
    assert day == compact.last_settled_day(now, lateness_minutes=10)
    after = compact.settled_at(day + timedelta(days=1), lateness_minutes=10)
    assert compact.settled_at(day, lateness_minutes=10) <= now < after


def test_one_compaction_at_a_time(tmp_path: Path) -> None:
    """A command beside the keeper is told to wait."""
    with compact.compacting(tmp_path), pytest.raises(Unavailable, match="try again"), compact.compacting(tmp_path):
        pass


def test_the_keeper_compacts(day: Path, tmp_path: Path) -> None:
    """Its second thread does a round and ends when it is told to."""
    stopped = threading.Event()
    home = tmp_path / "home"
    compaction = keeper.compaction(home, day.parent.as_uri(), stopped, lateness_minutes=10, first_seconds=0.0)
    compaction.start(stopped)
    for _ in _until(lambda: len(list(day.glob("part-*"))) == 1):
        pass
    stopped.set()
    compaction.join()
    assert 0 == compaction.failures


def _until(condition: Any, seconds: float = 20) -> Iterator[None]:
    waiting = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        yield
        waiting.wait(0.05)
    raise AssertionError(f"not within {seconds:.0f} s")


@pytest.mark.parametrize(("days", "last"), [(1, date(2026, 1, 2)), (3, date(2025, 12, 31))])
def test_a_command_may_leave_younger_days_alone(days: int, last: date) -> None:
    """Never a day whose late plays may still come."""
    now = datetime(2026, 1, 3, 12, tzinfo=UTC)
    assert last == compact.last_day_to_compact(now, older_than_days=days, lateness_minutes=10)
    early = datetime(2026, 1, 3, 0, 30, tzinfo=UTC)
    assert min(last, date(2026, 1, 1)) == compact.last_day_to_compact(early, older_than_days=days, lateness_minutes=10)


def test_a_full_disk_costs_a_compaction_nothing(day: Path) -> None:
    """It ends with the reason; what it had written half is gone, and every play is where it was."""
    with small_disk(1) as disk:
        shutil.copytree(day, disk / day.name)
        drawn = random.Random(1)
        big = [drawn.randbytes(30).hex() for _ in range(4_000)]
        _file(disk / day.name, "part-d-00", big)
        before = sorted(file.name for file in (disk / day.name).iterdir())
        fill(disk, leave=100_000)
        with pytest.raises(OSError, match="No space left") as failed:
            _compact(disk)
        assert ROOM == lack_of(failed.value)
        assert before == sorted(file.name for file in (disk / day.name).iterdir())
