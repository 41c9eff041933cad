"""Listeners' profiles at answer time: what the store holds, and what the log took in a moment ago."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from backend.domain.feedback import Feedback
from backend.domain.listeners import Profile, merge
from backend.domain.plays import Play
from backend.ports.store import ProfileStore

EventT = TypeVar("EventT", Play, Feedback)

FRESH_SECONDS = 60.0
"""Longer than the sink takes to bring an event into the store."""

FRESH_EVENTS = 100_000
"""Plays, and as many words of feedback, remembered at most; a flood of more is read from the store."""


class Profiles:
    """A listener's profile, including what any server took in within the last minute and the sink may not have stored.

    So a track that was just played is not recommended in the very next call. What this process accepted counts at
    once; what others did, as soon as the log's tail tells of it. Raises Unavailable. Thread-safe.
    """

    def __init__(self, store: ProfileStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._plays: _LastMinute[Play] = _LastMinute(clock)
        self._feedback: _LastMinute[Feedback] = _LastMinute(clock)

    def of(self, listener_id: str) -> Profile:
        """The profile; an empty one for a listener nobody heard of."""
        stored = self._store.profiles([listener_id]).get(listener_id, Profile(listener_id=listener_id))
        return merge(stored, self._plays.of(listener_id), self._feedback.of(listener_id))

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """Remember for a minute what this process took in."""
        self._plays.add(plays, is_followed=False)

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """Remember for a minute what this process took in."""
        self._feedback.add(feedback, is_followed=False)

    def plays_followed(self, plays: Sequence[Play]) -> None:
        """The log holds them, in this order, whoever took them in."""
        self._plays.add(plays, is_followed=True)

    def feedback_followed(self, feedback: Sequence[Feedback]) -> None:
        """The log holds it, in this order, whoever took it in."""
        self._feedback.add(feedback, is_followed=True)


@dataclass(slots=True)
class _Heard(Generic[EventT]):
    """One listener's events by id, each with the moment it was heard of: first those whose place in the log is known.

    An event accepted here comes after them until the log's tail tells of it too: of two contrary words the one that
    the log has last must hold, and it is the one accepted here where the tail has not come to it yet.
    """

    followed: dict[str, tuple[float, EventT]] = field(default_factory=dict)
    accepted: dict[str, tuple[float, EventT]] = field(default_factory=dict)

    def add(self, event: EventT, moment: float, *, is_followed: bool) -> bool:
        """Whether this was news."""
        if event.event_id in self.followed or (event.event_id in self.accepted and not is_followed):
            return False
        self.accepted.pop(event.event_id, None)
        (self.followed if is_followed else self.accepted)[event.event_id] = (moment, event)
        return True

    def in_order(self) -> list[EventT]:
        """Its events, oldest first."""
        return [event for part in (self.followed, self.accepted) for _, event in part.values()]

    def forget(self, event_id: str, moment: float) -> None:
        """Let go of what was heard then, and not again since."""
        for part in (self.followed, self.accepted):
            if event_id in part and part[event_id][0] == moment:
                del part[event_id]


class _LastMinute(Generic[EventT]):
    """The events of FRESH_SECONDS, at most FRESH_EVENTS of them. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heard: dict[str, _Heard[EventT]] = {}
        self._order: deque[tuple[float, str, str]] = deque()
        self._lock = threading.Lock()

    def add(self, events: Sequence[EventT], *, is_followed: bool) -> None:
        with self._lock:
            moment = self._clock()
            for event in events:
                heard: _Heard[EventT] = self._heard.setdefault(event.listener_id, _Heard())
                if heard.add(event, moment, is_followed=is_followed):
                    self._order.append((moment, event.listener_id, event.event_id))
            self._forget(moment)

    def of(self, listener_id: str) -> list[EventT]:
        """The listener's events, in the order of the log as far as it is known."""
        with self._lock:
            self._forget(self._clock())
            heard: _Heard[EventT] | None = self._heard.get(listener_id)
            return heard.in_order() if heard is not None else []

    def _forget(self, moment: float) -> None:
        while self._order and (len(self._order) > FRESH_EVENTS or self._order[0][0] < moment - FRESH_SECONDS):
            heard_at, listener_id, event_id = self._order.popleft()
            heard: _Heard[EventT] | None = self._heard.get(listener_id)
            if heard is not None:
                heard.forget(event_id, heard_at)
                if not heard.followed and not heard.accepted:
                    del self._heard[listener_id]
