"""Who is being erased, as a consumer of the log must know that may be behind it."""

import time
from collections.abc import Callable

from backend.ports.store import Store

LOOK_SECONDS = 2.0


class Erased:
    """The pseudonyms of open erasures, as the store had them LOOK_SECONDS ago at most."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._pseudonyms: frozenset[str] = frozenset()
        self._read_at: float | None = None

    def pseudonyms(self) -> frozenset[str]:
        """Of none of them anything may be written any more. Raises Unavailable."""
        now = self._clock()
        if self._read_at is None or now - self._read_at >= LOOK_SECONDS:
            subjects = [one.subject for one in self._store.open_erasures()]
            self._pseudonyms = frozenset(one.pseudonym for one in subjects if one)
            self._read_at = now
        return self._pseudonyms
