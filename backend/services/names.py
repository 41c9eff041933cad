"""Which tracks have exactly that title, or are by exactly that artist."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from backend.domain.moods import folded
from backend.domain.tracks import Track
from backend.ports.store import CatalogueStore
from backend.services.catalogue import Catalogue

POLL_SECONDS = 5.0
MOST = 2_000_000
"""Names held at most, two or three a track: about 70 MB. What comes after those is found by its text only."""

MOST_NEW = 20_000
"""Tracks that may come between two looks. With more of them, or once new ones are as many and a quarter of those that
were read, the catalogue is read again."""

KEYS = 4
"""By which a track of one artist is found: title, artist, and both in either order."""

FOUND = 200
"""Tracks of one name that an answer begins with at most."""


class _Table:
    """Names and the tracks they name, packed: a sorted array of hashes, and the ids behind each other in one text."""

    def __init__(self, named: Iterable[tuple[int, str]]) -> None:
        keys, ids = list[int](), list[bytes]()
        for key, track_id in named:
            keys.append(key)
            ids.append(track_id.encode())
            if len(keys) == MOST:
                break
        unsorted = np.array(keys, dtype=np.uint64)
        order = np.argsort(unsorted, kind="stable")
        self._keys: NDArray[np.uint64] = unsorted[order]
        ordered = [ids[at] for at in order.tolist()]
        self._ends = np.cumsum([0, *(len(one) for one in ordered)], dtype=np.int64)
        self._ids = b"".join(ordered)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key: int) -> list[str]:
        wanted = np.uint64(key)
        first = int(np.searchsorted(self._keys, wanted, side="left"))
        last = min(int(np.searchsorted(self._keys, wanted, side="right")), first + FOUND)
        return [self._ids[self._ends[at] : self._ends[at + 1]].decode() for at in range(first, last)]


class Names:
    """Finds tracks by name, compared without case, punctuation and forms of letters (`folded`).

    A loop reads the whole catalogue once; then come the tracks that the catalogue learns of, whoever took them in. An
    artist's new name counts from the next reading on. Before the first reading nothing is found by name.
    """

    def __init__(self, store: CatalogueStore, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue
        self._come: deque[Track] = deque(maxlen=MOST_NEW)
        self._new: dict[int, list[str]] = {}
        self._new_tracks = 0
        self._table: _Table | None = None
        catalogue.listen(self._come.extend)

    def find(self, query: str) -> list[Track]:
        """Tracks with that title, by that artist, or "title artist", "title by artist", "artist title".

        At most FOUND. Raises Unavailable where the catalogue cannot be read.
        """
        asked = folded(query)
        keys = dict.fromkeys((_key(asked), _key(asked.replace(" by ", " ", 1))))
        ids = [one for key in keys for one in self._ids(key)]
        known = self._catalogue.tracks(dict.fromkeys(ids))
        # A hash says that it may be the name; a track may have another title by now.
        return [track for track in known.values() if keys.keys() & set(_keys(track, self._names_of(track)))][:FOUND]

    def refresh(self) -> None:
        """Read what has come. Raises Unavailable where the store is down; the next call tries it again."""
        come, held = len(self._come), 0 if self._table is None else len(self._table)
        if self._table is None or come == MOST_NEW or self._new_tracks + come >= max(MOST_NEW, held // KEYS // 4):
            self._table = _Table(self._all())
            self._new, self._new_tracks = {}, 0
        new = {key: list(ids) for key, ids in self._new.items()}
        while self._come:
            track = self._come.popleft()
            self._new_tracks += 1
            for key in _keys(track, self._names_of(track)):
                new.setdefault(key, []).append(track.track_id)
        self._new = new

    def _ids(self, key: int) -> list[str]:
        held = [] if self._table is None else self._table.find(key)
        return [*held, *self._new.get(key, ())]

    def _names_of(self, track: Track) -> Sequence[str]:
        return self._catalogue.artist_names(track)

    def _all(self) -> Iterator[tuple[int, str]]:
        names = {artist.artist_id: artist.name for artist in self._store.all_artists()}
        for track in self._store.all_tracks():
            for key in _keys(track, [names.get(one, one) for one in track.artist_ids]):
                yield key, track.track_id


def _keys(track: Track, artist_names: Sequence[str]) -> Iterator[int]:
    title, artists = folded(track.title), [folded(name) for name in artist_names]
    together = ((f"{title} {artist}", f"{artist} {title}") for artist in artists)
    return (_key(name) for name in dict.fromkeys((title, *artists, *chain.from_iterable(together))) if name)


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
