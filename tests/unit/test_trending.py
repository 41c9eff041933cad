"""Trends and popular tracks as candidates."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.errors import Unavailable
from backend.domain.live_tables import ARTIST_ENGAGEMENT, TRACK_POPULARITY, TRENDS, LiveTable
from backend.domain.tables import PopularitySpan
from backend.ports.store import TableRow
from backend.services.trending import KEPT_SECONDS, OLDEST_SECONDS, POPULAR, Trending
from tests.memory import MemoryStore
from tests.unit.test_heartbeat import Clock

NOON = datetime(2009, 5, 1, 12, tzinfo=UTC)


def write(store: MemoryStore, table: LiveTable[Any], key: str, hour: int, **columns: Any) -> None:
    """One row, `hour` hours after a noon of years ago."""
    row = {"artist_id": "a", "window_start": NOON + timedelta(hours=hour), **columns}
    store.write([TableRow(table=table.name, key=key, columns=row)], {})


def trend(store: MemoryStore, track: str, hour: int, rank: int) -> None:
    """A trend row."""
    counts = {"plays_24h": 12, "listeners_24h": 5, "baseline_24h": 2.0, "ratio": 6.0, "z_score": 5.0}
    write(store, TRENDS, f"{track}|{hour}", hour, track_id=track, rank=rank, **counts)


def popular(store: MemoryStore, track: str, end: int, rank: int, *, span: str = "24h") -> None:
    """A track's rank in the window that ends `end` hours after noon."""
    columns = {"span": span, "track_id": track, "artist_id": "a", "rank": rank, "plays": 20, "listeners": 10 - rank}
    moment = {"window_end": NOON + timedelta(hours=end)}
    store.write([TableRow(table=TRACK_POPULARITY.name, key=f"{span}|{track}", columns=columns | moment)], {})


def engagement(store: MemoryStore, hour: int) -> None:
    """A row that says which hour is the newest."""
    counts = {"plays": 1, "unique_listeners": 1, "milliseconds_played": 1, "skips": 0, "likes": 0}
    shares = {"completion_rate": None, "returning_share": None}
    write(store, ARTIST_ENGAGEMENT, f"a|{hour}", hour, span="hour", **counts, **shares)


@pytest.fixture
def store() -> MemoryStore:
    """A history that ended years ago."""
    store = MemoryStore()
    engagement(store, 100)
    return store


def test_the_newest_hours_trends_come_first_then_what_is_popular(store: MemoryStore) -> None:
    """Each track once, by rank; trends of older hours stay away."""
    for track, hour, rank in [("old", 99, 1), ("second", 100, 2), ("first", 100, 1)]:
        trend(store, track, hour, rank)
    for track, rank in [("first", 2), ("hit", 1)]:
        popular(store, track, 101, rank)
    trending = Trending(store)
    found = trending.rising_and_popular().candidates
    assert [("first", 1), ("second", 2), ("hit", 3)] == [(one.track_id, one.rank) for one in found]
    assert "rising: 12 plays in 24 hours, 6.0 times its usual" == found[0].because
    assert ["hit", "first"] == [one.track_id for one in trending.popular().candidates]


def test_few_popular_tracks_are_followed_by_the_weeks_and_then_by_earlier_ones(store: MemoryStore) -> None:
    """A quiet night must not leave a new listener with two tracks; each reason says what was counted."""
    for track, end, rank in [("now", 101, 1), ("before", 100, 1), ("long ago", 20, 1)]:
        popular(store, track, end, rank)
    for track, end, rank in [("now", 96, 2), ("week", 96, 1), ("last week", -72, 1)]:
        popular(store, track, end, rank, span="7d")
    found = Trending(store).popular().candidates
    assert ["now", "week", "before", "long ago"] == [one.track_id for one in found]
    assert ["popular: 9 listeners in 24 hours", "popular: 9 listeners in 7 days, each day counted anew"] == [
        one.because for one in found[:2]
    ]


def test_enough_popular_tracks_need_no_others(store: MemoryStore) -> None:
    """Then only the newest 24 hours count."""
    for rank in range(1, POPULAR + 2):
        popular(store, f"t{rank:04}", 101, rank)
    popular(store, "before", 100, 1)
    popular(store, "week", 96, 1, span="7d")
    found = [one.track_id for one in Trending(store).popular().candidates]
    assert [f"t{rank:04}" for rank in range(1, POPULAR + 1)] == found


def test_a_list_is_kept_and_then_renewed_behind_the_callers_back(store: MemoryStore) -> None:
    """The first call after its time still gets the old one at once; what nobody asks for is not read."""
    clock = Clock()
    trending = Trending(store, clock=clock)
    assert () == trending.popular().candidates
    popular(store, "hit", 101, 1)
    assert () == trending.popular().candidates
    clock.seconds += KEPT_SECONDS + 1
    trending.refresh()
    assert () == trending.popular().candidates
    trending.refresh()
    assert 1 == len(trending.popular().candidates)
    popular(store, "next", 101, 2)
    clock.seconds += OLDEST_SECONDS + 1
    assert 2 == len(trending.popular().candidates)


def test_a_store_that_is_down_leaves_the_old_list_marked(store: MemoryStore) -> None:
    """Without an old one there is nothing to give."""
    clock = Clock()
    popular(store, "hit", 101, 1)
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

    def counted(span: PopularitySpan, **asked: Any) -> Any:
        reads.append(span)
        time.sleep(0.05)
        return read(span, **asked)

    store.popular_tracks = counted  # type: ignore[method-assign]
    trending = Trending(store)
    callers = [threading.Thread(target=trending.popular) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [PopularitySpan.DAY, PopularitySpan.WEEK] == reads
