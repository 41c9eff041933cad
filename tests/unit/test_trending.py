"""Trends and popular tracks as candidates."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.errors import Unavailable
from backend.ports.store import Table, TableRow
from backend.services.trending import KEPT_SECONDS, OLDEST_SECONDS, Trending
from tests.memory import MemoryStore
from tests.unit.test_heartbeat import Clock

NOON = datetime(2009, 5, 1, 12, tzinfo=UTC)


def write(store: MemoryStore, table: Table, key: str, hour: int, **columns: Any) -> None:
    """One row, `hour` hours after a noon of years ago."""
    row = {"artist_id": "a", "window_start": NOON + timedelta(hours=hour), **columns}
    store.write([TableRow(table=table, key=key, columns=row)], {})


def trend(store: MemoryStore, track: str, hour: int, rank: int) -> None:
    """A trend row."""
    counts = {"plays_24h": 12, "listeners_24h": 5, "baseline_24h": 2.0, "ratio": 6.0, "z_score": 5.0}
    write(store, Table.TRENDS, f"{track}|{hour}", hour, track_id=track, rank=rank, **counts)


def popular(store: MemoryStore, track: str, hour: int, listeners: int) -> None:
    """A popularity row."""
    counts = {"plays_24h": 20, "listeners_24h": listeners, "plays_8d": 30}
    write(store, Table.TRACK_POPULARITY, track, hour, track_id=track, **counts)


def engagement(store: MemoryStore, hour: int) -> None:
    """A row that says which hour is the newest."""
    counts = {"plays": 1, "unique_listeners": 1, "milliseconds_played": 1, "completion_rate": None, "skips": 0}
    write(store, Table.ARTIST_ENGAGEMENT, f"a|{hour}", hour, **counts)


@pytest.fixture
def store() -> MemoryStore:
    """A history that ended years ago."""
    store = MemoryStore()
    engagement(store, 100)
    return store


def test_the_newest_hours_trends_come_first_then_what_is_popular(store: MemoryStore) -> None:
    """Each track once, by rank; trends of older hours and tracks not played lately stay away."""
    for track, hour, rank in [("old", 99, 1), ("second", 100, 2), ("first", 100, 1)]:
        trend(store, track, hour, rank)
    for track, hour, listeners in [("hit", 100, 9), ("first", 100, 8), ("forgotten", 20, 99)]:
        popular(store, track, hour, listeners)
    trending = Trending(store)
    found = trending.rising_and_popular().candidates
    assert [("first", 1), ("second", 2), ("hit", 3)] == [(one.track_id, one.rank) for one in found]
    assert "rising: 12 plays in 24 hours, 6.0 times its usual" == found[0].because
    assert ["hit", "first"] == [one.track_id for one in trending.popular().candidates]


def test_a_list_is_kept_and_then_renewed_behind_the_callers_back(store: MemoryStore) -> None:
    """The first call after its time still gets the old one at once."""
    clock = Clock()
    trending = Trending(store, clock=clock)
    assert () == trending.popular().candidates
    popular(store, "hit", 100, 9)
    assert () == trending.popular().candidates
    clock.seconds += KEPT_SECONDS + 1
    assert () == trending.popular().candidates
    deadline = time.monotonic() + 5
    while not trending.popular().candidates:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert 1 == len(trending.popular().candidates)
    popular(store, "next", 100, 10)
    clock.seconds += OLDEST_SECONDS + 1
    assert 2 == len(trending.popular().candidates)


def test_a_store_that_is_down_leaves_the_old_list_marked(store: MemoryStore) -> None:
    """Without an old one there is nothing to give."""
    clock = Clock()
    popular(store, "hit", 100, 9)
    trending = Trending(store, clock=clock)
    store.down = True
    with pytest.raises(Unavailable):
        trending.popular()
    store.down = False
    assert not trending.popular().stale
    store.down = True
    clock.seconds += OLDEST_SECONDS + 1
    found = trending.popular()
    assert (True, ["hit"]) == (found.stale, [one.track_id for one in found.candidates])


def test_many_callers_read_once(store: MemoryStore) -> None:
    """The first call of several at a time reads, the others wait for it."""
    reads = []
    read = store.popular_tracks

    def counted(**asked: Any) -> Any:
        reads.append(asked)
        time.sleep(0.05)
        return read(**asked)

    store.popular_tracks = counted  # type: ignore[method-assign]
    trending = Trending(store)
    callers = [threading.Thread(target=trending.popular) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert 1 == len(reads)
