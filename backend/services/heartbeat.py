"""Moves event time on in every partition, so that the streaming jobs' windows close."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backend.domain.feedback import Feedback
from backend.domain.plays import Play
from backend.ports.event_log import EventLog, Topic
from backend.ports.records import heartbeat_record

IDLE_SECONDS = 10.0
"""Between one heartbeat and the next."""

LOOK_SECONDS = 1.0
"""Between two looks at whether one is due."""


class Heartbeat:
    """Every `idle_seconds` one heartbeat to every partition of `plays`, from this process's first play on.

    Its time is the latest `played_at` accepted so far (capped at now) plus the silence since: event time goes on at
    the pace of the clock, also where the plays are of years ago. It beats while others play, too: a partition whose
    listeners are all silent must neither hold windows back nor fall behind them.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        idle_seconds: float = IDLE_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log_of_events = log
        self._idle_seconds = idle_seconds
        self._now = now
        self._clock = clock
        self._latest: datetime | None = None
        self._heard_at = clock()
        self._beaten_at = clock()
        self._lock = threading.Lock()

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """Note the latest of them."""
        latest = min(max(play.played_at for play in plays), self._now())
        with self._lock:
            self._latest = latest if self._latest is None else max(latest, self._latest)
            self._heard_at = self._clock()

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """Feedback has no windows to close."""

    def due(self) -> datetime | None:
        """The event time of the heartbeat that is due now, None where none is."""
        with self._lock:
            silence = self._clock() - self._heard_at
            since_beat = self._clock() - self._beaten_at
            if self._latest is None or since_beat < self._idle_seconds:
                return None
            self._beaten_at = self._clock()
            return min(self._latest + timedelta(seconds=silence), self._now())

    def beat(self) -> bool:
        """Send the heartbeat if one is due; whether the log took it on every partition. Raises Unavailable."""
        at = self.due()
        if at is None:
            return False
        record = heartbeat_record(at)
        partitions = range(self._log_of_events.partitions(Topic.PLAYS))
        return all(
            self._log_of_events.append(
                Topic.PLAYS, [replace(record, partition=partition) for partition in partitions], timeout_seconds=10
            )
        )
