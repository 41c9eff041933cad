"""How many long-lived streams may be open: each holds a thread, which unary calls must not miss."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from backend.domain.errors import Overloaded

Messages = Generator[Any, None, None]
"""A stream's messages; closing it gives its place back."""

PER_CONNECTION = 2
"""Places that one connection of a caller without a token may hold."""

IDLE_SECONDS = 600.0
"""A stream of a caller without a token ends after this long; who still wants it asks again."""

OPEN_BODIES = 2
"""Bodies of callers without a token that are read at once: each may be as large as a message can be."""

ARRIVAL_SECONDS = 2.0
"""Time that such a body may take to arrive."""

PATIENCE_SECONDS = 0.2
"""How long a place is its holder's, however many newcomers wait for it: time for a body that comes at all."""


class Streams(Protocol):
    """Places for open streams."""

    def stream(self, context: grpc.ServicerContext, messages: Callable[[], Iterator[Any]]) -> Messages:
        """The stream's messages, a place held as long as it lives. Raises Overloaded where there is none."""


class StreamBudget:
    """Places for callers who have shown a token: first come, first served."""

    def __init__(self, size: int) -> None:
        self._places = threading.BoundedSemaphore(size)

    def stream(self, _context: grpc.ServicerContext, messages: Callable[[], Iterator[Any]]) -> Messages:
        """The stream's messages, a place held as long as it lives. Raises Overloaded where none is free."""
        if not self._places.acquire(blocking=False):
            raise Overloaded("too many streams are open: close one, or try again later")
        try:
            yield from messages()
        finally:
            self._places.release()


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    context: grpc.ServicerContext
    connection: str
    since: float

    @property
    def host(self) -> str:
        """The connection's address without its port."""
        return self.connection.rpartition(":")[0]


class OpenStreams:
    """Places for callers whom nobody knows: none of them can keep the others out.

    A connection holds `per_connection` places at most (None: no bound). Where all are held, the oldest stream of the
    host that holds most of them ends for the newcomer, as soon as it has had its place for PATIENCE_SECONDS. None lives
    longer than `seconds`. A stream that is ended so is CANCELLED.
    """

    def __init__(
        self, size: int, *, per_connection: int | None = PER_CONNECTION, seconds: float = IDLE_SECONDS
    ) -> None:
        self._size, self._per_connection, self._seconds = size, per_connection, seconds
        self._open: list[_Open] = []  # oldest first
        self._changed = threading.Condition()

    def stream(self, context: grpc.ServicerContext, messages: Callable[[], Iterator[Any]]) -> Messages:
        """The stream's messages, a place held as long as it lives. Raises Overloaded: the connection has enough."""
        mine = self._take(context, context.peer())
        end = threading.Timer(self._seconds, context.cancel)
        end.daemon = True
        end.start()
        try:
            yield from messages()
        finally:
            end.cancel()
            with self._changed:
                if mine in self._open:
                    self._open.remove(mine)
                    self._changed.notify()

    def _take(self, context: grpc.ServicerContext, connection: str) -> _Open:
        """A place, waited for."""
        ended = None
        with self._changed:
            held = sum(one.connection == connection for one in self._open)
            if self._per_connection is not None and held >= self._per_connection:
                raise Overloaded(f"this connection holds {held} streams already: close one")
            while ended is None and len(self._open) >= self._size:
                longest = self._open[self._most_held()]
                left = longest.since + PATIENCE_SECONDS - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                else:
                    self._open.remove(longest)
                    ended = longest
            mine = _Open(context, connection, time.monotonic())
            self._open.append(mine)
        if ended is not None:
            ended.context.cancel()
        return mine

    def _most_held(self) -> int:
        """Where the oldest stream of the host with the most streams stands."""
        host = Counter(one.host for one in self._open).most_common(1)[0][0]
        return next(place for place, one in enumerate(self._open) if one.host == host)
