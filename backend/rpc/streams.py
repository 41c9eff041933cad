"""How many streams and bodies callers without a token may keep open: nobody knows who they are."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

from backend.domain.errors import Overloaded

Messages = Generator[Any, None, None]
"""A stream's messages; closing it gives its place back."""

PER_CONNECTION = 2
"""Places that one connection of a caller without a token may hold."""

IDLE_SECONDS = 600.0
"""A stream of a caller without a token ends after this long; who still wants it asks again."""

OPEN_BODIES = 1
"""Bodies of callers without a token that are read at once: each takes three times the largest message meanwhile."""

ARRIVAL_SECONDS = 2.0
"""Time that such a body may take to arrive."""

PATIENCE_SECONDS = 0.2
"""How long a stream's place is its holder's, however many newcomers wait for it."""

BODY_PATIENCE_SECONDS = 0.1
"""The same for a body: time for one that comes at all, which is with its call or right behind it."""


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
    host that holds most of them ends for the newcomer, as soon as it has had its place for `patience_seconds`. None
    lives longer than `seconds`. A stream that is ended so is CANCELLED.
    """

    def __init__(
        self,
        size: int,
        *,
        per_connection: int | None = PER_CONNECTION,
        seconds: float = IDLE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._size, self._per_connection = size, per_connection
        self._seconds, self._patience_seconds = seconds, patience_seconds
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
                left = longest.since + self._patience_seconds - time.monotonic()
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
