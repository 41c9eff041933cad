"""Places to work at: how many calls of one kind are worked on at once, and who gets them where many ask."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc

from backend.domain.errors import Overloaded

Behaviour = Callable[[Any, grpc.ServicerContext], Any]
"""What serves a call, as gRPC takes it."""

ASKING_SECONDS = 5.0
"""Who asked within this time is one of those among whom the places are shared: longer than a refused caller waits."""


class Places:
    """The threads of one kind of calls: at most `size` calls are at work, and `waiting` more in line.

    Of these a caller holds no more than an equal share while others ask too, so that nobody's flood keeps the others
    out; alone it may hold all. `take` is called by one thread only, the one in which gRPC takes calls in.
    """

    def __init__(self, name: str, size: int, *, waiting: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self._room, self._clock = name, size + waiting, clock
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._asked: dict[str, float] = {}
        self._refused = 0

    def take(self, caller: str = "") -> "Place":
        """A place for a call that gRPC is about to submit. Raises Overloaded where there is none."""
        with self._lock:
            share = self._share(caller)
            if self._held.total() < self._room and self._held[caller] < share:
                return Place(self, caller)
            self._refused += 1
        raise Overloaded(f"all places for {self.name} are taken: try again after the delay that the answer names")

    def refused(self) -> int:
        """Calls that were refused since this was asked last."""
        with self._lock:
            refused, self._refused = self._refused, 0
        return refused

    def submit(self, caller: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        """Work on the caller's call; its place is free again when that has ended, or was never begun."""
        with self._lock:
            self._held[caller] += 1
        future = self._threads.submit(work, *args, **kwargs)
        future.add_done_callback(lambda _: self._leave(caller))
        return future

    def _share(self, caller: str) -> int:
        now = self._clock()
        self._asked[caller] = now
        if len(self._asked) > 1:
            self._asked = {one: at for one, at in self._asked.items() if at > now - ASKING_SECONDS}
        return max(1, self._room // len(self._asked))

    def _leave(self, caller: str) -> None:
        with self._lock:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]


class _Pool(ThreadPoolExecutor):
    """A pool as gRPC wants one for a call: `experimental_thread_pool` of what serves it. No threads of its own."""

    def __init__(self) -> None:
        """Nothing is started."""

    def of(self, behaviour: Behaviour) -> Behaviour:
        """The behaviour, to be run here."""
        behaviour.experimental_thread_pool = self  # type: ignore[attr-defined] # gRPC looks for it there
        return behaviour


class Place(_Pool):
    """A place that was given to one call."""

    def __init__(self, places: Places, caller: str) -> None:
        self._places, self._caller = places, caller

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Called by gRPC, once."""
        return self._places.submit(self._caller, work, *args, **kwargs)


class _AtOnce(_Pool):
    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(work(*args, **kwargs))
        return future


AT_ONCE = _AtOnce()
"""Works in the thread that submits. For refusals, which wait for nothing and cost less than another thread's waking."""
