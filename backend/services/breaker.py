"""A circuit breaker: a part that keeps failing is left alone for a while, so that answers stay quick."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.domain.errors import Unavailable

FAILURES = 3
OPEN_SECONDS = 10.0


class Breaker:
    """After FAILURES failures in a row, refuses for OPEN_SECONDS; then one call tries again. Thread-safe."""

    def __init__(self, part: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._part = part
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0
        self._lock = threading.Lock()

    def admit(self) -> None:
        """Before a call of the part. Raises Unavailable while the circuit is open."""
        with self._lock:
            if self._failures >= FAILURES:
                if self._clock() < self._retry_at:
                    raise Unavailable(f"{self._part} failed {self._failures} times in a row")
                # This call is the trial; others keep away until it has ended.
                self._retry_at = self._clock() + OPEN_SECONDS

    def note(self, *, failed: bool) -> None:
        """What became of a call that was admitted."""
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            if failed:
                self._retry_at = self._clock() + OPEN_SECONDS

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around a call of the part. Raises Unavailable at once while the circuit is open."""
        self.admit()
        try:
            yield
        except Unavailable:
            self.note(failed=True)
            raise
        self.note(failed=False)
