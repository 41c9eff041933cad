"""The catalogue before a store that may be down."""

import pytest

from backend.domain.errors import Unavailable
from backend.domain.tracks import Artist, Track
from backend.services.breaker import OPEN_SECONDS
from backend.services.catalogue import CACHED_SECONDS, Catalogue
from tests.memory import MemoryStore
from tests.unit.test_heartbeat import Clock


@pytest.fixture
def store() -> MemoryStore:
    """One track of one artist."""
    store = MemoryStore()
    store.put_tracks([track("t")])
    store.put_artists([Artist(artist_id="a", name="A")])
    return store


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def track(track_id: str, title: str = "T") -> Track:
    """A track of artist a."""
    return Track(track_id=track_id, title=title, artist_ids=("a",))


def test_what_was_read_once_stands_while_the_store_is_down(store: MemoryStore, clock: Clock) -> None:
    """However old it is; of the rest nobody can tell, which is no "unknown"."""
    catalogue = Catalogue(store, clock=clock)
    assert {"t"} == catalogue.tracks(["t", "nobody"]).keys()
    store.down = True
    clock.seconds += CACHED_SECONDS + 1
    assert {"t"} == catalogue.tracks(["t"]).keys()
    found = catalogue.look_up_tracks(["t", "other"])
    assert ({"t"}, {"other"}) == (found.found.keys(), found.unread)
    with pytest.raises(Unavailable, match="1 of the ids"):
        catalogue.tracks(["t", "other"])
    assert ("a",) == catalogue.artist_names(track("t"))


def test_a_change_in_the_store_is_seen_after_a_while(store: MemoryStore, clock: Clock) -> None:
    """Also after the store was down in between."""
    catalogue = Catalogue(store, clock=clock)
    assert "T" == catalogue.tracks(["t"])["t"].title
    store.put_tracks([track("t", "changed")])
    store.down = True
    clock.seconds += CACHED_SECONDS + 1
    assert "T" == catalogue.tracks(["t"])["t"].title
    store.down = False
    clock.seconds += OPEN_SECONDS + 1
    assert "changed" == catalogue.tracks(["t"])["t"].title


def test_a_store_that_keeps_failing_is_not_asked_by_every_call(store: MemoryStore, clock: Clock) -> None:
    """Each asking may wait for seconds."""
    asked: list[str] = []

    def tracks(ids: list[str]) -> dict[str, Track]:
        asked.extend(ids)
        raise Unavailable("down, as the test asked")

    store.tracks = tracks  # type: ignore[method-assign, assignment]
    catalogue = Catalogue(store, clock=clock)
    for number in range(10):
        assert {f"t{number}"} == catalogue.look_up_tracks([f"t{number}"]).unread
    assert ["t0", "t1", "t2"] == asked


def test_what_is_put_is_known_although_the_store_is_down(store: MemoryStore, clock: Clock) -> None:
    """The log holds it and the sink brings it: until then the store's silence on it means nothing."""
    catalogue, told = Catalogue(store, clock=clock), []
    catalogue.listen(lambda tracks: told.extend(one.track_id for one in tracks))
    store.down = True
    catalogue.put_artists([Artist(artist_id="new", name="New")])
    catalogue.put_tracks([track("new")])
    store.down = False
    clock.seconds += CACHED_SECONDS + 1
    assert {"new"} == catalogue.tracks(["new"]).keys()
    assert "New" == catalogue.artists(["new"])["new"].name
    assert ["new"] == told
