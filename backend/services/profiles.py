"""Listeners' profiles at answer time: what the store holds, and what the log took in a moment ago."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from backend.domain.errors import Unavailable
from backend.domain.feedback import Feedback
from backend.domain.listeners import Profile, merge
from backend.domain.plays import Play, Timing
from backend.ports.store import ProfileStore
from backend.ranking.profile import Taste, taste_of
from backend.services.bounded import WeighedMap
from backend.services.identities import digest_of
from backend.services.last_read import LastRead

EventT = TypeVar("EventT", Play, Feedback)

FRESH_SECONDS = 60.0
"""Longer than the sink takes to bring an event into the store."""

FRESH_EVENTS = 100_000
"""Live plays, plays of history, and words of feedback: so many of each are remembered at most, as an import must not
make anybody's last track forgotten. A flood of more is read from the store."""


REMEMBERED_SECONDS = 60.0
"""How long a taste is remembered where no event comes: what no follower told of can stay unseen as long."""

REMEMBERED_TRACKS = 400_000
"""Tracks of all tastes that are remembered, some 60 MB: 10,000 listeners with 20 tracks, 1,000 with 200."""


class Profiles:
    """A listener's profile, including what any server took in within the last minute and the sink may not have stored.

    So a track that was just played is not recommended in the very next call. What this process accepted counts at
    once; what others did, as soon as the log's tail tells of it. Raises Unavailable. Thread-safe.
    """

    def __init__(self, store: ProfileStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._tastes: WeighedMap[str, Taste] = WeighedMap(REMEMBERED_TRACKS, seconds=REMEMBERED_SECONDS, clock=clock)
        self._reading: dict[str, object] = {}
        self._listening: list[Callable[[Sequence[str]], None]] = []
        self._plays: Mapping[Timing, _LastMinute[Play]] = {timing: _LastMinute(clock) for timing in Timing}
        self._feedback: _LastMinute[Feedback] = _LastMinute(clock)
        self._last_read = LastRead()
        self._forgotten: frozenset[str] = frozenset()

    def listen(self, forgotten: Callable[[Sequence[str]], None]) -> None:
        """Call `forgotten` with the digests of every later `forget`."""
        self._listening.append(forgotten)

    def of(self, listener_id: str) -> Profile:
        """The profile; an empty one for a listener nobody heard of."""
        stored = self._store.profiles([listener_id]).get(listener_id, Profile(listener_id=listener_id))
        if not self._is_forgotten(listener_id):
            self._last_read.put(stored)
        return self._with_fresh(listener_id, stored)

    def last_known(self, listener_id: str) -> Profile:
        """The profile as it was read last, with what came since; it waits for nobody. Empty where it never was read."""
        return self._with_fresh(listener_id, self._last_read.get(listener_id) or Profile(listener_id=listener_id))

    def _with_fresh(self, listener_id: str, stored: Profile) -> Profile:
        plays = [play for heard in self._plays.values() for play in heard.of(listener_id)]
        return merge(stored, plays, self._feedback.of(listener_id))

    def taste(self, listener_id: str) -> Taste:
        """What counts of the profile, remembered for REMEMBERED_SECONDS: as long as it is the same object nothing came.

        An event that this process hears of makes it forgotten, so that the next call reads the profile again.
        """
        taste = self._tastes.get(listener_id)
        if taste is not None:
            return taste
        mine = self._reading[listener_id] = object()
        try:
            taste = taste_of(self.of(listener_id))
        except Unavailable:
            self._reading.pop(listener_id, None)
            raise
        # The same object while it says the same: answers made of it still hold.
        before = self._tastes.old(listener_id)
        taste = before if before == taste else taste
        # What came meanwhile may not be in it.
        if self._reading.get(listener_id) is mine:
            self._tastes.put(listener_id, taste, weight=len(taste.plays) + len(taste.unwanted) + 1)
            if self._reading.pop(listener_id, None) is not mine:
                self._tastes.forget([listener_id])
        return taste

    def remembered_taste(self, listener_id: str) -> Taste | None:
        """The taste, where it is remembered; it waits for nobody."""
        return self._tastes.get(listener_id)

    def forget_tastes(self) -> None:
        """Remember none: some events were passed over."""
        self._changed([listener_id for listener_id, _ in self._tastes.items()])
        self._reading.clear()

    def _changed(self, listener_ids: Iterable[str]) -> None:
        changed = set(listener_ids)
        for listener_id in changed:
            self._reading.pop(listener_id, None)
        self._tastes.forget(changed)

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """Remember for a minute what this server, or by the log's tail any other, took in."""
        for timing, heard in self._plays.items():
            heard.add([play for play in plays if play.timing is timing and not self._is_forgotten(play.listener_id)])
        self._changed(play.listener_id for play in plays)

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """Remember for a minute what this server, or by the log's tail any other, took in."""
        self._feedback.add([word for word in feedback if not self._is_forgotten(word.listener_id)])
        self._changed(word.listener_id for word in feedback)

    def forget(self, digests: Sequence[str]) -> None:
        """The news of erasures: nothing of these listeners is remembered, also where the log's tail still tells of it.

        `digests` are those of their pseudonyms (`identities.digest_of`).
        """
        self._forgotten |= frozenset(digests)
        for heard in self._plays.values():
            heard.forget(self._is_forgotten)
        self._feedback.forget(self._is_forgotten)
        self._last_read.forget(self._is_forgotten)
        self._reading.clear()
        self._changed(one for one, _ in self._tastes.items() if self._is_forgotten(one))
        for forgotten in self._listening:
            forgotten(digests)

    def _is_forgotten(self, listener_id: str) -> bool:
        return bool(self._forgotten) and digest_of(listener_id) in self._forgotten


class _LastMinute(Generic[EventT]):
    """The events of FRESH_SECONDS, at most FRESH_EVENTS of them, each once. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heard: dict[str, dict[str, EventT]] = {}
        self._order: deque[tuple[float, str, str]] = deque()
        self._lock = threading.Lock()

    def add(self, events: Sequence[EventT]) -> None:
        with self._lock:
            moment = self._clock()
            for event in events:
                heard = self._heard.setdefault(event.listener_id, {})
                if event.event_id not in heard:
                    heard[event.event_id] = event
                    self._order.append((moment, event.listener_id, event.event_id))
            self._forget(moment)

    def of(self, listener_id: str) -> list[EventT]:
        """The listener's events."""
        with self._lock:
            self._forget(self._clock())
            return list(self._heard.get(listener_id, {}).values())

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """The events of such listeners are here no more."""
        with self._lock:
            listener_ids = list(self._heard)
        gone = list(filter(is_gone, listener_ids))  # asked without the lock: there may be many
        with self._lock:
            for listener_id in gone:
                self._heard.pop(listener_id, None)

    def _forget(self, moment: float) -> None:
        while self._order and (len(self._order) > FRESH_EVENTS or self._order[0][0] < moment - FRESH_SECONDS):
            _, listener_id, event_id = self._order.popleft()
            heard = self._heard.get(listener_id, {})
            heard.pop(event_id, None)
            if not heard:
                self._heard.pop(listener_id, None)
