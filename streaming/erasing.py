"""Works erasures off: when a pass over them is made (erasing_pass.py), and that only one is at a time.

When all parts of an erasure are done it is over, and the embedded store's file is written anew (backend/rewriting.py).
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from backend import rewriting
from backend.domain.erasures import ErasedPart, Erasure
from backend.files import only_one
from streaming import compact
from streaming.erasing_pass import Pass
from streaming.ground import Ground

SETTLE_SECONDS = 30.0
"""Between asking and the first look at the log: calls that were under way elsewhere have ended by then."""

FORGET_SECONDS = 600.0
"""How long a pass waits for the log to forget."""

PAUSE, SHORTEST_PAUSE, URGENT = timedelta(hours=1), timedelta(minutes=5), timedelta(hours=2)
"""Between two passes of a keeper; the shorter one where an erasure has less than the last until it is due."""


def run(
    ground: Ground,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    stopped: threading.Event | None = None,
    forget_seconds: float = FORGET_SECONDS,
) -> Sequence[Erasure]:
    """One pass over all that were asked SETTLE_SECONDS ago; they as they are afterwards, with what is left to do.

    Raises Unavailable where the store cannot be reached, or another pass runs in this home.
    """
    held = "another pass over erasures runs: wait for its end, see `segue listener erasures`"
    with only_one(ground.site.home / "erasing.lock", held=held):
        is_settled = rewriting.go_on(ground.store_file)
        waiting = due(ground.store.open_erasures(), at=now())
        if not waiting:
            return []
        rewriting.owe(ground.store_file)
        one = Pass(ground, waiting, now=now, stopped=stopped or threading.Event(), forget_seconds=forget_seconds)
        seen = one.run()
        if is_settled and not one.has_deleted:
            rewriting.forgive(ground.store_file)
        rewriting.go_on(ground.store_file)
        return seen


def due(erasures: Iterable[Erasure], *, at: datetime) -> list[Erasure]:
    """Those of which the log can be looked at by then."""
    return [one for one in erasures if one.subject and at >= one.asked_at + timedelta(seconds=SETTLE_SECONDS)]


def has_work(erasure: Erasure, *, at: datetime, lateness_minutes: int) -> bool:
    """Whether a pass could do something for it now, rather than wait for a day to settle, or for others."""
    if erasure.is_complete or not all(map(erasure.is_done, (ErasedPart.LOG, ErasedPart.ARCHIVE))):
        return True
    if erasure.is_done(ErasedPart.TABLES):
        return not erasure.is_done(ErasedPart.EXTRACTS)
    until = compact.settled_at(min(erasure.days), lateness_minutes=lateness_minutes) if erasure.days else None
    return until is None or until <= at


class Passes:
    """When a keeper makes its passes: at most one an hour, sooner for an erasure whose time is nearly over."""

    def __init__(
        self,
        ground: Ground,
        stopped: threading.Event,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ground = ground
        self._stopped = stopped
        self._now = now
        self._last: datetime | None = None

    def look(self) -> None:
        """A pass, where one is due. Raises Unavailable."""
        at = self._now()
        waiting = due(self._ground.store.open_erasures(), at=at)
        lateness = self._ground.lateness_minutes
        working = [one for one in waiting if has_work(one, at=at, lateness_minutes=lateness)]
        if working and self._may_pass(working, at):
            self._last = at
            run(self._ground, now=self._now, stopped=self._stopped)

    def _may_pass(self, working: Sequence[Erasure], at: datetime) -> bool:
        if self._last is None or any(one.is_complete for one in working):
            return True
        is_urgent = min(one.due_at for one in working) - at < URGENT
        return at - self._last >= (SHORTEST_PAUSE if is_urgent else PAUSE)
