"""Extracts are listed where they were made, and end; what has taken their place does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend import extracts

MADE = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 30
DUE = MADE + timedelta(days=DAYS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the list of one file and one folder."""
    file, folder = tmp_path / "a.hyper", tmp_path / "parquet"
    file.write_bytes(b"rows")
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.parquet").write_bytes(name.encode())
    home = tmp_path / "home"
    extracts.record(home, file, files=[file], made_at=MADE)
    files = [folder / f"{name}.parquet" for name in ("one", "two")]
    extracts.record(home, folder, files=files, made_at=MADE + timedelta(days=1))
    return home


def test_an_extract_is_deleted_when_its_time_is_over(home: Path, tmp_path: Path) -> None:
    """Not before; a folder goes with its files, and a second look finds nothing."""
    early = extracts.age_out(home, days=DAYS, now=DUE - timedelta(seconds=1))
    assert ((), 2, DUE + timedelta(days=1)) == (early.deleted, len(early.left), early.until)
    done = extracts.age_out(home, days=DAYS, now=DUE + timedelta(days=1))
    assert ((str(tmp_path / "a.hyper"), str(tmp_path / "parquet")), (), None) == (done.deleted, done.left, done.until)
    assert {home} == set(tmp_path.iterdir())
    assert () == extracts.age_out(home, days=DAYS, now=DUE + timedelta(days=9)).deleted


def test_an_erasure_hears_of_extracts_made_before(home: Path, tmp_path: Path) -> None:
    """And until when the last of them is there; those made since hold nothing of the erased."""
    told = extracts.age_out(home, days=DAYS, now=MADE + timedelta(days=2), before=MADE + timedelta(hours=1))
    assert ([str(tmp_path / "a.hyper")], DUE) == ([one.path for one in told.left], told.until)
    for_ever = extracts.age_out(home, days=0, now=DUE + timedelta(days=999))
    assert (2, None) == (len(for_ever.left), for_ever.until)


def test_what_was_made_again_or_taken_away_is_listed_so(home: Path, tmp_path: Path) -> None:
    """The same path is one extract, of its last time; one that is not there any more is on the list no more."""
    (tmp_path / "a.hyper").write_bytes(b"newer rows")
    extracts.record(home, tmp_path / "a.hyper", files=[tmp_path / "a.hyper"], made_at=DUE)
    (tmp_path / "parquet" / "one.parquet").unlink()
    (tmp_path / "parquet" / "two.parquet").unlink()
    left = extracts.age_out(home, days=DAYS, now=DUE).left
    assert [(str(tmp_path / "a.hyper"), DUE)] == [(one.path, one.made_at) for one in left]
    assert b"newer rows" == (tmp_path / "a.hyper").read_bytes()


def test_what_took_its_place_is_told_and_left(home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another file under the name, and another beside it in the folder."""
    (tmp_path / "a.hyper").write_bytes(b"somebody's own")
    (tmp_path / "parquet" / "own.parquet").write_bytes(b"own")
    done = extracts.age_out(home, days=DAYS, now=DUE + timedelta(days=1))
    assert ((str(tmp_path / "parquet"),), ()) == (done.deleted, done.left)
    assert any("a.hyper was changed" in message for message in caplog.messages)
    assert b"somebody's own" == (tmp_path / "a.hyper").read_bytes()
    assert [tmp_path / "parquet" / "own.parquet"] == list((tmp_path / "parquet").iterdir())


def test_the_list_is_private(home: Path) -> None:
    """It says where on this machine what listeners did can be read."""
    assert 0o600 == (home / "extracts.json").stat().st_mode & 0o777
