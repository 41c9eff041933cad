"""Listeners' profiles at answer time: what the store holds, and what was accepted a moment ago."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from backend.domain.feedback import Feedback
from backend.domain.listeners import PROFILE_PLAYS, Profile, merge
from backend.domain.plays import Play
from backend.ports.store import ProfileStore
from backend.services.bounded import BoundedMap

EventT = TypeVar("EventT", Play, Feedback)

FRESH_SECONDS = 60.0
"""Longer than the sink takes to bring an event into the store."""

FRESH_LISTENERS = 20_000


@dataclass(frozen=True, slots=True)
class _Fresh:
    plays: tuple[tuple[float, Play], ...] = ()
    feedback: tuple[tuple[float, Feedback], ...] = ()


class Profiles:
    """A listener's profile, including what this process accepted in the last minute and the sink may not have stored.

    So a track that was just played is not recommended in the very next call. Raises Unavailable.
    """

    def __init__(self, store: ProfileStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._fresh: BoundedMap[str, _Fresh] = BoundedMap(FRESH_LISTENERS, seconds=FRESH_SECONDS, clock=clock)
        self._lock = threading.Lock()

    def of(self, listener_id: str) -> Profile:
        """The profile; an empty one for a listener nobody heard of."""
        stored = self._store.profiles([listener_id]).get(listener_id, Profile(listener_id=listener_id))
        fresh = self._current(listener_id)
        return merge(stored, (play for _, play in fresh.plays), (word for _, word in fresh.feedback))

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """Remember them for a minute."""
        moment = self._clock()
        with self._lock:
            for listener_id, theirs in _by_listener(plays).items():
                fresh = self._current(listener_id)
                entries = (*fresh.plays, *((moment, play) for play in theirs))
                self._fresh.put(listener_id, _Fresh(entries[-PROFILE_PLAYS:], fresh.feedback))

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """Remember it for a minute."""
        moment = self._clock()
        with self._lock:
            for listener_id, theirs in _by_listener(feedback).items():
                fresh = self._current(listener_id)
                entries = (*fresh.feedback, *((moment, word) for word in theirs))
                self._fresh.put(listener_id, _Fresh(fresh.plays, entries[-PROFILE_PLAYS:]))

    def _current(self, listener_id: str) -> _Fresh:
        fresh = self._fresh.get(listener_id) or _Fresh()
        since = self._clock() - FRESH_SECONDS
        return _Fresh(
            tuple(entry for entry in fresh.plays if entry[0] >= since),
            tuple(entry for entry in fresh.feedback if entry[0] >= since),
        )


def _by_listener(events: Sequence[EventT]) -> dict[str, list[EventT]]:
    grouped: dict[str, list[EventT]] = {}
    for event in events:
        grouped.setdefault(event.listener_id, []).append(event)
    return grouped
