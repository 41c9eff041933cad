"""Profiles as they were read last, for answers while the store is down."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from backend.domain.listeners import Profile

MOST_EVENTS: Final = 200_000
"""Plays and words of all profiles that are held: at least a thousand listeners' and some 60 MB."""


class LastRead:
    """The profiles put last, as many as hold `most_events` plays and words together. Thread-safe."""

    def __init__(self, *, most_events: int = MOST_EVENTS) -> None:
        self._most_events = most_events
        self._profiles: OrderedDict[str, Profile] = OrderedDict()
        self._events = 0
        self._lock = threading.Lock()

    def put(self, profile: Profile) -> None:
        """Hold a profile; one of nothing is nothing to hold."""
        with self._lock:
            self._drop(profile.listener_id)
            if size := _size(profile):
                self._profiles[profile.listener_id] = profile
                self._events += size
            while self._events > self._most_events:
                self._drop(next(iter(self._profiles)))

    def get(self, listener_id: str) -> Profile | None:
        """The profile, where it is held."""
        with self._lock:
            return self._profiles.get(listener_id)

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """The profiles of such listeners are here no more."""
        with self._lock:
            listener_ids = list(self._profiles)
        gone = list(filter(is_gone, listener_ids))  # asked without the lock: there may be many
        with self._lock:
            for listener_id in gone:
                self._drop(listener_id)

    def _drop(self, listener_id: str) -> None:
        profile = self._profiles.pop(listener_id, None)
        if profile is not None:
            self._events -= _size(profile)


def _size(profile: Profile) -> int:
    return len(profile.recent) + len(profile.words)
