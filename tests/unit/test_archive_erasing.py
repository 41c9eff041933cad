"""Listeners leave the play archive, and nothing of the others is lost whenever it is killed."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from backend.buckets import files_at
from streaming import compact
from streaming.archive_erasing import ErasedArchive, drop_days, erase
from tests.killed import Killed, killed_after
from tests.s3_server import BUCKET, s3_server

DAYS = (date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20))
GONE = ("ann", "bob")


def _fill(files: Any, root: str) -> None:
    """Three days: of two files each one holds erased listeners, and one of the third day nobody else."""
    for day in DAYS:
        folder = f"{root}/day={day}"
        files.create_dir(folder, recursive=True)
        _file(files, f"{folder}/part-a", day, ["ann", "cat", "bob", "cat"] if day != DAYS[1] else ["cat", "dan"])
        _file(files, f"{folder}/part-compacted-b-0.parquet", day, ["ann"] if day == DAYS[2] else ["dan"] * 3)
        with files.open_output_stream(f"{folder}/.part-c.inprogress.x") as stream:
            stream.write(b"half a file")


def _file(files: Any, path: str, day: date, listeners: list[str]) -> None:
    name = path.rsplit("/", maxsplit=1)[-1]
    ids = [f"{day} {name} {place}" for place in range(len(listeners))]
    with files.open_output_stream(path) as stream:
        pq.write_table(pa.table({"event_id": ids, "listener_id": listeners}), stream)


def _rows(files: Any, root: str) -> list[tuple[str, str]]:
    """Every row a reader sees, also those that stand twice."""
    entries = files.get_file_info(fs.FileSelector(root, recursive=True))
    seen = [entry for entry in entries if entry.is_file and not entry.base_name.startswith((".", "_"))]
    tables = [pq.read_table(entry.path, filesystem=files, partitioning=None) for entry in seen]
    return sorted((row["event_id"], row["listener_id"]) for table in tables for row in table.to_pylist())


@pytest.fixture(params=["file", "s3"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An archive of three days, in a folder and in a bucket."""
    if request.param == "file":
        url = tmp_path.as_uri()
        _fill(*files_at(url, setting="archive_url"))
        yield url
        return
    with s3_server(tmp_path / "log") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        url = f"s3://{BUCKET}/archive"
        _fill(*files_at(url, setting="archive_url"))
        yield url


def test_the_erased_are_gone_and_the_others_are_all_there(archive: str) -> None:
    """Rows, days and files are told; a second run finds nothing; a file of nobody else is gone."""
    files, root = files_at(archive, setting="archive_url")
    others = [row for row in _rows(files, root) if row[1] not in GONE]
    assert ErasedArchive(rows=5, days=frozenset({DAYS[0], DAYS[2]}), files=3) == erase(archive, GONE)
    assert others == _rows(files, root)
    assert ErasedArchive(rows=0, days=frozenset(), files=0) == erase(archive, GONE)
    names = {entry.base_name for entry in files.get_file_info(fs.FileSelector(f"{root}/day={DAYS[2]}"))}
    assert {"part-a.without-000001", ".part-c.inprogress.x"} == names


def test_a_file_may_lose_listeners_again_and_be_compacted(archive: str) -> None:
    """Each erasure's successor follows the one before; columns and rows stay what they were."""
    files, root = files_at(archive, setting="archive_url")
    erase(archive, ["ann"])
    assert ErasedArchive(rows=2, days=frozenset({DAYS[0], DAYS[2]}), files=2) == erase(archive, ["bob"])
    before = _rows(files, root)
    assert {"cat", "dan"} == {listener for _, listener in before}
    assert 2 == len(list(compact.compact(archive, until=DAYS[2])))
    assert before == _rows(files, root)


def test_nobody_to_erase_and_no_archive(tmp_path: Path) -> None:
    """Nothing is read of it."""
    assert ErasedArchive(rows=0, days=frozenset(), files=0) == erase((tmp_path / "none").as_uri(), GONE)


def test_days_of_long_ago_go(archive: str) -> None:
    """Their finished files; what is being written stays, and so do the days from the given one on."""
    files, root = files_at(archive, setting="archive_url")
    kept = [row for row in _rows(files, root) if row[0] >= str(DAYS[1])]
    assert 2 == drop_days(archive, before=DAYS[1])
    assert kept == _rows(files, root)
    assert 0 == drop_days(archive, before=DAYS[1])
    assert [".part-c.inprogress.x"] == [
        entry.base_name for entry in files.get_file_info(fs.FileSelector(f"{root}/day={DAYS[0]}"))
    ]


def test_a_day_that_is_empty_has_no_folder(tmp_path: Path) -> None:
    """Where nobody writes into it."""
    files, root = files_at(tmp_path.as_uri(), setting="archive_url")
    _fill(files, root)
    for file in tmp_path.rglob(".part*"):
        file.unlink()
    assert 4 == drop_days(tmp_path.as_uri(), before=DAYS[2])
    assert [f"day={DAYS[2]}"] == [entry.name for entry in tmp_path.iterdir()]


@pytest.mark.parametrize("changes", range(8))
def test_killed_at_any_moment_the_next_run_goes_on(tmp_path: Path, changes: int) -> None:
    """No play of others is lost, and after the next run each stands exactly once."""
    files, root = files_at(tmp_path.as_uri(), setting="archive_url")
    _fill(files, root)
    others = [row for row in _rows(files, root) if row[1] not in GONE]
    with killed_after(changes), pytest.raises(Killed) if changes < 7 else nullcontext():
        erase(tmp_path.as_uri(), GONE)
    assert set(others) == {row for row in _rows(files, root) if row[1] not in GONE}
    erase(tmp_path.as_uri(), GONE)
    assert others == _rows(files, root)
    assert [] == list(tmp_path.rglob(".compacting-*"))
