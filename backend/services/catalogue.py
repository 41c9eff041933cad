"""The catalogue as the services read it: the store, and a memory before it that answers while the store is down."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from sys import intern
from typing import Generic, TypeVar

from backend.domain.errors import Unavailable
from backend.domain.tracks import Artist, Track
from backend.ports.store import CatalogueStore
from backend.services.bounded import BoundedMap
from backend.services.breaker import Breaker

_log = logging.getLogger(__name__)

Value = TypeVar("Value", Track, Artist)

CACHED = 100_000
FIRST_ARTISTS = 1_000_000
"""Tracks whose first artist is remembered, those met last: some 100 MB at most, 10 MB for 100,000 tracks."""

CACHED_SECONDS = 60
"""How long a change that no follower told of can stay unseen."""


@dataclass(frozen=True, slots=True)
class Lookup(Generic[Value]):
    """What is known of some ids; of those in `unread` nobody can tell while the store is down."""

    found: Mapping[str, Value]
    unread: frozenset[str]


class Catalogue:
    """Tracks and artists by id.

    What this process puts or learns from the event log it reads at once. What the store told is asked again after
    CACHED_SECONDS; where it cannot be read then, or does not hold the item yet, what is remembered still stands:
    nothing ever leaves the catalogue.
    """

    def __init__(self, store: CatalogueStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        breaker = Breaker("the store of the catalogue", clock=clock)
        self._tracks: _Items[Track] = _Items(store.tracks, breaker, clock)
        self._artists: _Items[Artist] = _Items(store.artists, breaker, clock)
        self._first_artists: dict[str, str] = {}
        self._revision = 0
        self._listening: list[Callable[[Sequence[Track]], None]] = []

    @property
    def revision(self) -> tuple[int, int]:
        """Another one whenever something was learnt, and every CACHED_SECONDS: what was read may have changed then."""
        return self._revision, int(self._clock() // CACHED_SECONDS)

    def listen(self, learnt: Callable[[Sequence[Track]], None]) -> None:
        """Call `learnt` with the tracks of every later `put_tracks` and `learn_tracks`; it must be quick."""
        self._listening.append(learnt)

    def tracks(self, track_ids: Iterable[str]) -> dict[str, Track]:
        """The known ones among them. Raises Unavailable where some can neither be read nor are remembered."""
        return _all_read(self._tracks.look_up(track_ids))

    def held_first_artists(self, track_ids: Sequence[str]) -> list[str | None]:
        """The same as `first_artists` of what is remembered; it waits for nobody."""
        return list(map(self._first_artists.get, track_ids))

    def first_artists(self, track_ids: Sequence[str]) -> list[str | None]:
        """The first artist of each, None for one that is not in the catalogue: what a ranking of hundreds asks.

        Of a track whose artist was read once the store is not asked again: changes come by the event log. Raises
        Unavailable where some can neither be read nor are remembered.
        """
        artists = list(map(self._first_artists.get, track_ids))
        if None in artists:
            unknown = [one for one, artist in zip(track_ids, artists, strict=True) if artist is None]
            found = self.tracks(unknown)
            self._remember_artists(found.values())
            read = {one: track.artist_ids[0] for one, track in found.items()}
            artists = [artist or read.get(one) for one, artist in zip(track_ids, artists, strict=True)]
        return artists

    def titles(self, track_ids: Iterable[str]) -> dict[str, str]:
        """Those of the tracks of which anything is known."""
        return {one: track.title for one, track in self._tracks.look_up(track_ids).found.items()}

    def artists(self, artist_ids: Iterable[str]) -> dict[str, Artist]:
        """The known ones among them. Raises Unavailable where some can neither be read nor are remembered."""
        return _all_read(self._artists.look_up(artist_ids))

    def look_up_tracks(self, track_ids: Iterable[str]) -> Lookup[Track]:
        """What is known of them, whether or not the store can be read."""
        return self._tracks.look_up(track_ids)

    def look_up_artists(self, artist_ids: Iterable[str]) -> Lookup[Artist]:
        """What is known of them, whether or not the store can be read."""
        return self._artists.look_up(artist_ids)

    def remembered_tracks(self, track_ids: Iterable[str], *, old: bool = False) -> Lookup[Track]:
        """What is remembered of them, also what would be read again by now where `old`; it waits for nobody."""
        return self._tracks.recall(track_ids, old=old)

    def remembered_artists(self, artist_ids: Iterable[str], *, old: bool = False) -> Lookup[Artist]:
        """What is remembered of them, in the same way."""
        return self._artists.recall(artist_ids, old=old)

    def put_tracks(self, tracks: Sequence[Track]) -> None:
        """Tracks that the event log holds: known here at once, and to other processes when the store has them.

        The log is the truth: a store that is down is logged, and gets them from the sink when it is back. Of several
        with one id the last wins.
        """
        self.learn_tracks(tracks)
        _put(self._store.put_tracks, tracks)

    def put_artists(self, artists: Sequence[Artist]) -> None:
        """Artists that the event log holds, in the same way."""
        self.learn_artists(artists)
        _put(self._store.put_artists, artists)

    def learn_tracks(self, tracks: Sequence[Track]) -> None:
        """Know tracks that came by the event log."""
        self._tracks.remember({track.track_id: track for track in tracks})
        self._revision += 1
        self._remember_artists(track for track in tracks if track.track_id in self._first_artists)
        for listener in self._listening:
            listener(tracks)

    def learn_artists(self, artists: Sequence[Artist]) -> None:
        """Know artists that came by the event log."""
        self._artists.remember({artist.artist_id: artist for artist in artists})
        self._revision += 1

    def _remember_artists(self, tracks: Iterable[Track]) -> None:
        for track in tracks:
            self._first_artists[intern(track.track_id)] = intern(track.artist_ids[0])
        while len(self._first_artists) > FIRST_ARTISTS:
            with suppress(KeyError, StopIteration, RuntimeError):  # other threads do the same
                del self._first_artists[next(iter(self._first_artists))]

    def remembered_names(self, track: Track) -> tuple[str, ...]:
        """The same as `artist_names` of what is remembered; it waits for nobody."""
        known = self.remembered_artists(track.artist_ids, old=True).found
        return tuple(known[one].name if one in known else one for one in track.artist_ids)

    def artist_names(self, track: Track) -> tuple[str, ...]:
        """The names of a track's artists, in order; the id of one that is unknown, or unread, stands for its name."""
        known = self.look_up_artists(track.artist_ids).found
        return tuple(known[one].name if one in known else one for one in track.artist_ids)


class _Items(Generic[Value]):
    """One kind of item: the memory, and how the store is asked."""

    def __init__(
        self, read: Callable[[Sequence[str]], Mapping[str, Value]], breaker: Breaker, clock: Callable[[], float]
    ) -> None:
        self._read: Callable[[Sequence[str]], Mapping[str, Value]] = read
        self._breaker = breaker
        self._remembered: BoundedMap[str, Value] = BoundedMap(CACHED, seconds=CACHED_SECONDS, clock=clock)

    def look_up(self, ids: Iterable[str]) -> Lookup[Value]:
        found: dict[str, Value] = {}
        asked: list[str] = []
        for one in dict.fromkeys(ids):
            value = self._remembered.get(one)
            if value is None:
                asked.append(one)
            else:
                found[one] = value
        if not asked:
            return Lookup(found, frozenset())
        is_read = True
        try:
            with self._breaker.guard():
                read = self._read(asked)
        except Unavailable as error:
            _log.warning("answering from what is remembered of the catalogue: %s", error)
            read, is_read = {}, False
        self.remember(read)
        old = {one: value for one in asked if one not in read and (value := self._remembered.old(one)) is not None}
        found |= {**read, **old}
        return Lookup(found, frozenset() if is_read else frozenset(one for one in asked if one not in old))

    def recall(self, ids: Iterable[str], *, old: bool) -> Lookup[Value]:
        wanted = dict.fromkeys(ids)
        read = self._remembered.old if old else self._remembered.get
        found = {one: value for one in wanted if (value := read(one)) is not None}
        return Lookup(found, frozenset(wanted.keys() - found.keys()))

    def remember(self, items: Mapping[str, Value]) -> None:
        for key, value in items.items():
            self._remembered.put(key, value)


def _all_read(lookup: Lookup[Value]) -> dict[str, Value]:
    if lookup.unread:
        raise Unavailable(
            f"the catalogue cannot be read: nothing is known of {len(lookup.unread)} of the ids asked for"
        )
    return dict(lookup.found)


def _put(put: Callable[[Sequence[Value]], None], items: Sequence[Value]) -> None:
    if not items:
        return
    try:
        put(items)
    except Unavailable as error:
        _log.warning("%d items reach the store by the sink: %s", len(items), error)
