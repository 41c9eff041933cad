"""Each event is written once, however many calls bring it at the same time."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from backend.services.bounded import BoundedMap
from backend.services.outcomes import Outcome

REMEMBERED_IDS = 200_000
"""Written event ids known to be duplicates at once; older ones are found by the streaming jobs."""


@dataclass(slots=True)
class _Writing:
    """What one call is writing: `confirmed` says which of it the log holds, once `done` is set."""

    done: threading.Event = field(default_factory=threading.Event)
    confirmed: frozenset[str] = frozenset()


class Once:
    """Event ids that were written lately, and those that are being written just now. Thread-safe.

    A call that brings an event which another call is writing waits for that one, within its own time, and shares its
    fate. Each call ends its own writing before it waits, so no two wait for each other.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written: BoundedMap[str, bool] = BoundedMap(REMEMBERED_IDS)
        self._under_way: dict[str, _Writing] = {}
        self._lock = threading.Lock()

    def note(self, event_ids: Iterable[str]) -> None:
        """The log holds these, whoever wrote them."""
        for event_id in event_ids:
            self._written.put(event_id, True)

    def write(
        self,
        event_ids: Sequence[str],
        append: Callable[[Sequence[int]], Sequence[bool]],
        *,
        timeout_seconds: float,
    ) -> list[Outcome]:
        """What has become of each event: ACCEPTED, DUPLICATE or UNCONFIRMED.

        `append` writes the events at these places and says which of them the log confirmed. What it raises is raised;
        calls that wait for its events are told UNCONFIRMED.
        """
        deadline = self._clock() + timeout_seconds
        own = _Writing()
        first: dict[str, int] = {}
        others: dict[str, _Writing] = {}
        with self._lock:
            for place, event_id in enumerate(event_ids):
                if self._written.get(event_id):
                    continue
                writing = self._under_way.setdefault(event_id, own)
                if writing is own:
                    first.setdefault(event_id, place)
                else:
                    others[event_id] = writing
        try:
            stored = append(list(first.values()))
            own.confirmed = frozenset(one for one, confirmed in zip(first, stored, strict=True) if confirmed)
            self.note(own.confirmed)
        finally:
            with self._lock:
                for event_id in first:
                    del self._under_way[event_id]
            own.done.set()

        def outcome(place: int, event_id: str) -> Outcome:
            writing = own if event_id in first else others.get(event_id)
            if writing is None:
                return Outcome.DUPLICATE
            writing.done.wait(max(deadline - self._clock(), 0.0))
            if event_id not in writing.confirmed:
                return Outcome.UNCONFIRMED
            return Outcome.ACCEPTED if first.get(event_id) == place else Outcome.DUPLICATE

        return [outcome(place, event_id) for place, event_id in enumerate(event_ids)]
