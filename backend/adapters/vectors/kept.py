"""What was found near single tracks, kept in memory for the next listener who played them."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from backend.ranking.lists import KEPT, Places, Vectors

TRACKS = 20_000
"""Tracks whose neighbours are kept, those asked for last: with KEPT neighbours of 8 bytes each some 64 MB."""

Found = tuple[Places, Vectors]


class KeptNear:
    """The places and scores near a track's place, best first, the track itself among them. Thread-safe.

    They are those of one opened namespace, which never changes: what is removed makes it another one.
    """

    def __init__(self, size: int = TRACKS) -> None:
        self._size = size
        self._found: OrderedDict[int, Found] = OrderedDict()
        self._lock = threading.Lock()

    def near(self, place: int, count: int, find: Callable[[int], Found]) -> Found:
        """At least `count` of them, as far as there are so many; `find` looks for as many as it is told."""
        with self._lock:
            found = self._found.get(place)
            if found is not None:
                self._found.move_to_end(place)
        if found is not None and (len(found[0]) >= count or len(found[0]) < KEPT):
            return found
        places, scores = find(max(count, KEPT))
        kept: Found = (places[:KEPT].astype(np.int32), scores[:KEPT].copy())
        with self._lock:
            self._found[place] = kept
            if len(self._found) > self._size:
                self._found.popitem(last=False)
        return places, scores
