"""How many calls a second a token, and a listener with all their tokens, may make: token buckets, bounded in number."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from backend.domain.errors import RateExceeded
from backend.rpc.auth import Principal

BURST_SECONDS = 10.0
"""A caller who was silent for so long may make the calls of this time at once."""

MOST_BUCKETS = 20_000
"""Callers remembered, of each kind: some 4 MB. Who asked longest ago is forgotten, and begins with a full bucket."""


class Buckets:
    """A bucket a caller, of `rate` calls a second; 0: no bound. Thread-safe."""

    def __init__(
        self,
        rate: float,
        *,
        burst_seconds: float = BURST_SECONDS,
        most: int = MOST_BUCKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._size, self._most, self._clock = rate, max(rate * burst_seconds, 1.0), most, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When each bucket is full again, if nothing more is taken: all that need be known of it."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str) -> float:
        """Take a call out of the caller's bucket: 0.0; where it is empty, the seconds until there is one again."""
        if self._rate <= 0:
            return 0.0
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(caller, now), now) + 1 / self._rate
            wait = full_at - now - self._size / self._rate
            if wait > 1e-9:
                return wait
            self._full_at[caller] = full_at
            self._full_at.move_to_end(caller)
            if len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        return 0.0


class Rates:
    """What a call must find: a call left in its token's bucket and, where the token is a listener's, in theirs."""

    def __init__(
        self, *, per_token: float = 0.0, per_listener: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kinds = {"token": Buckets(per_token, clock=clock), "listener": Buckets(per_listener, clock=clock)}
        self._refused = dict.fromkeys(self._kinds, 0)

    def require(self, principal: Principal) -> None:
        """Raises RateExceeded, with the time after which there is room again."""
        callers = {"token": principal.caller, "listener": principal.listener_id}
        for kind, caller in callers.items():
            wait = self._kinds[kind].take(caller) if caller else 0.0
            if wait:
                self._refused[kind] += 1
                raise RateExceeded(f"more calls a second than this {kind} may make", seconds=wait)

    def refused(self) -> dict[str, int]:
        """Calls refused since the start, by whose bucket was empty."""
        return dict(self._refused)
