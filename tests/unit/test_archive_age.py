"""Whether plays wait for the play archive, by its files, the log and the tables."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.domain.live_tables import ARTIST_ENGAGEMENT
from backend.ports import records
from backend.ports.event_log import Record, Topic
from backend.ports.store import TableRow
from streaming.archive_age import look, newest_file
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_listeners import play

SECOND = timedelta(seconds=1)
ENGAGEMENT = {
    "artist_id": "a",
    "span": "hour",
    "window_start": datetime(2026, 11, 21, tzinfo=UTC),
    "plays": 1,
    "unique_listeners": 1,
    "returning_share": 0.0,
    "milliseconds_played": 1,
    "completion_rate": 1.0,
    "skips": 0,
    "likes": 0,
}


class World:
    """An archive, a log and tables, in which everything happens now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log, self.store = MemoryEventLog(), MemoryStore()
        self.begin = datetime.now(UTC) - SECOND

    def file(self, name: str, *, age: timedelta) -> None:
        """A file of the archive that was finished so long ago."""
        path = self.folder / "day=2026-11-21" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        at = (datetime.now(UTC) - age).timestamp()
        os.utime(path, (at, at))

    def append(self, value: bytes) -> None:
        """A record on topic plays."""
        assert all(self.log.append(Topic.PLAYS, [Record(key=b"l", value=value)], timeout_seconds=1))

    def play(self) -> None:
        """One that counts."""
        self.append(records.play_record(play(1), ingested_at=datetime.now(UTC)).value)

    def count(self) -> None:
        """A row of the tables is written."""
        self.store.write([TableRow(table=ARTIST_ENGAGEMENT.name, key="a", columns=ENGAGEMENT)], {})

    def is_waiting(self) -> bool:
        """Whether a play waits that was appended until now."""
        until = datetime.now(UTC) + SECOND
        seen = look(self.folder.as_uri(), self.log, self.store, since=self.begin - timedelta(hours=1), until=until)
        assert seen.waiting_since is None or self.begin <= seen.waiting_since <= until
        return seen.waiting_since is not None


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Of which the archive's newest file is ten minutes old."""
    world = World(tmp_path)
    world.file("part-a-0", age=timedelta(minutes=10))
    return world


def test_a_play_after_the_newest_file_waits(world: World) -> None:
    """Until a file comes; one that is still written, hidden, is none."""
    world.play()
    world.count()
    assert world.is_waiting()
    world.file(".part-b-0.inprogress", age=-SECOND)
    world.file("_SUCCESS", age=-SECOND)
    assert world.is_waiting()
    world.file("part-b-0", age=-SECOND)
    assert not world.is_waiting()


@pytest.mark.parametrize(
    "happened",
    [
        lambda world: world.append(records.heartbeat_record(datetime.now(UTC)).value),
        lambda world: world.append(b"no play"),
        lambda world: None,
    ],
)
def test_what_is_no_play_waits_for_nothing(world: World, happened: Callable[[World], None]) -> None:
    """Heartbeats and malformed records are in no archive, whatever else the tables count (a like, say)."""
    happened(world)
    world.count()
    assert not world.is_waiting()


def test_plays_that_are_sent_again_wait_for_nothing(world: World) -> None:
    """They change no row of the tables and are in the archive already."""
    world.play()
    assert not world.is_waiting()


def test_of_an_archive_without_files_everything_waits_since_the_job_began(tmp_path: Path) -> None:
    """Also where its folder is not there."""
    world = World(tmp_path / "none")
    world.play()
    world.count()
    assert newest_file(world.folder.as_uri()) is None
    assert world.is_waiting()


def test_plays_that_came_a_moment_ago_have_time(world: World) -> None:
    """Only what was appended before `until` may wait."""
    world.play()
    world.count()
    seen = look(world.folder.as_uri(), world.log, world.store, since=world.begin, until=world.begin)
    assert seen.waiting_since is None
    assert timedelta(minutes=9) < datetime.now(UTC) - (seen.newest_file or world.begin) < timedelta(minutes=11)
