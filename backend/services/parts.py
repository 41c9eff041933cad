"""The parts of an answer, each within its share of the call's time: a slow one costs its share, never the answer."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Final, TypeVar

from backend.domain.errors import Unavailable
from backend.services.breaker import Breaker

Result = TypeVar("Result")

THREADS: Final = 16
"""Parts at work at once. Those that hang hold their threads until they end; newer ones then wait for their share."""

MOST_SECONDS: Final = 3.0
"""What a part may take where the call has all the time: no part in health takes a tenth of it."""

CALL_SECONDS: Final = 30.0
"""A call without a deadline."""


class TooSlow(Unavailable):
    """A part had no answer within its share of the call's time."""


class Parts:
    """Threads for the parts of all answers, and a circuit for each part.

    One that was down or too slow three times in a row is left alone for a while, so that not every call waits for it.
    Thread-safe.
    """

    def __init__(self, *, threads: int = THREADS, most_seconds: float = MOST_SECONDS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="parts")
        self._most_seconds = most_seconds
        self._breakers: dict[str, Breaker] = {}

    def within(self, seconds: float | None) -> "Turn":
        """The parts of one answer that has so many seconds from now on; None: a call without a deadline."""
        return Turn(self, CALL_SECONDS if seconds is None else seconds)

    def start(self, part: str, work: Callable[[], Result]) -> "Future[Result]":
        """Begin a part's work. Raises Unavailable while its circuit is open."""
        self._breakers.setdefault(part, Breaker(part)).admit()
        return self._threads.submit(work)

    def waited(self, part: str, work: "Future[Result]", seconds: float) -> Result:
        """What a part that was begun comes to. Raises TooSlow, and what it raises itself."""
        breaker, most = self._breakers[part], min(seconds, self._most_seconds)
        try:
            result = work.result(most)
        except NotInTime:
            work.cancel()
            breaker.note(failed=True)
            raise TooSlow(f"{part} took longer than its {most:.2f} s") from None
        except Unavailable:
            breaker.note(failed=True)
            raise
        breaker.note(failed=False)
        return result


class Turn:
    """One answer's parts, and how long each took, in milliseconds by its name. Of one thread."""

    def __init__(self, parts: Parts, seconds: float) -> None:
        self._parts = parts
        self._end = time.monotonic() + seconds
        self.latencies: dict[str, float] = {}

    def left(self, share: float = 1.0) -> float:
        """Seconds: this share of what is left of the call's time."""
        return max(self._end - time.monotonic(), 0.0) * share

    def here(self, part: str, work: Callable[[], Result]) -> Result:
        """Do what waits for nobody, in this thread."""
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._took(part, began)

    def ask(self, part: str, work: Callable[[], Result], *, share: float) -> Result:
        """Do what may have to wait, for this share of the time that is left. Raises TooSlow, and what it raises."""
        return self.answer(part, self.begin(part, work), share=share)

    def begin(self, part: str, work: Callable[[], Result]) -> "tuple[float, Future[Result]]":
        """The same in two steps, so that others can be done meanwhile: `answer` waits for it."""
        return time.perf_counter(), self._parts.start(part, work)

    def answer(self, part: str, begun: "tuple[float, Future[Result]]", *, share: float) -> Result:
        """See `begin`."""
        began, work = begun
        try:
            return self._parts.waited(part, work, self.left(share))
        finally:
            self._took(part, began)

    def _took(self, part: str, began: float) -> None:
        self.latencies[part] = self.latencies.get(part, 0.0) + (time.perf_counter() - began) * 1000
