"""The catalogue as the services read it: the store, with a cache before it."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from backend.domain.tracks import Artist, Track
from backend.ports.store import CatalogueStore
from backend.services.bounded import BoundedMap

Value = TypeVar("Value")

CACHED = 100_000
CACHED_SECONDS = 60
"""How long another process's change to a track can stay unseen."""


class Catalogue:
    """Tracks and artists by id. What this process puts, it reads at once. Every method raises Unavailable."""

    def __init__(self, store: CatalogueStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._tracks: BoundedMap[str, Track] = BoundedMap(CACHED, seconds=CACHED_SECONDS, clock=clock)
        self._artists: BoundedMap[str, Artist] = BoundedMap(CACHED, seconds=CACHED_SECONDS, clock=clock)
        self._listening: list[Callable[[Sequence[Track]], None]] = []

    def listen(self, put: Callable[[Sequence[Track]], None]) -> None:
        """Call `put` with the tracks of every later `put_tracks`, once they are durable; it must be quick."""
        self._listening.append(put)

    def tracks(self, track_ids: Iterable[str]) -> dict[str, Track]:
        """The known ones among them."""
        found, missing = _look_up(self._tracks, track_ids)
        if missing:
            for track_id, track in self._store.tracks(missing).items():
                self._tracks.put(track_id, track)
                found[track_id] = track
        return found

    def artists(self, artist_ids: Iterable[str]) -> dict[str, Artist]:
        """The known ones among them."""
        found, missing = _look_up(self._artists, artist_ids)
        if missing:
            for artist_id, artist in self._store.artists(missing).items():
                self._artists.put(artist_id, artist)
                found[artist_id] = artist
        return found

    def put_tracks(self, tracks: Sequence[Track]) -> None:
        """Durable when it returns; the last of those with one id wins."""
        self._store.put_tracks(tracks)
        for track in tracks:
            self._tracks.put(track.track_id, track)
        for listener in self._listening:
            listener(tracks)

    def put_artists(self, artists: Sequence[Artist]) -> None:
        """Durable when it returns; the last of those with one id wins."""
        self._store.put_artists(artists)
        for artist in artists:
            self._artists.put(artist.artist_id, artist)

    def artist_names(self, track: Track) -> tuple[str, ...]:
        """The names of a track's artists, in order; an unknown artist's id stands for its name."""
        known = self.artists(track.artist_ids)
        return tuple(known[one].name if one in known else one for one in track.artist_ids)


def _look_up(cache: BoundedMap[str, Value], ids: Iterable[str]) -> tuple[dict[str, Value], list[str]]:
    found: dict[str, Value] = {}
    missing: list[str] = []
    for one in dict.fromkeys(ids):
        value = cache.get(one)
        if value is None:
            missing.append(one)
        else:
            found[one] = value
    return found, missing
