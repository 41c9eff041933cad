"""Moves event time on in every partition, so that the streaming jobs' windows close."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.domain.feedback import Feedback
from backend.domain.plays import Play, Timing
from backend.ports.event_log import EventLog, StoredRecord, Topic
from backend.ports.fields import MalformedRecord
from backend.ports.records import event_ms, heartbeat_record, play_from_record

IDLE_SECONDS = 10.0
"""Between one heartbeat and the next."""

LOOK_SECONDS = 1.0
"""Between two looks at whether one is due."""

LOOKED_AT = 100
"""Newest records of each partition that are looked at before a heartbeat."""

FIRST_LOOKS = (LOOKED_AT, 2_000, 20_000)
"""The same at the start: an import buries the newest heartbeat under as many plays as come in IDLE_SECONDS."""


class Heartbeat:
    """Every `idle_seconds` one heartbeat to every partition of `plays`, from the first play in the log on.

    Event time goes on at the pace of the clock, also where the plays are of years ago: it lies behind the clock by as
    much as the play or heartbeat that lies behind it least. That is read from the log before each heartbeat, so it
    holds whoever took the plays in: a server that starts goes on where the log stands, and does not run ahead of a
    history that another one loads. It beats while others play, too: a partition whose listeners are all silent must
    neither hold windows back nor fall behind them.

    "The clock" is the log's: its newest append time and what passed since then. This server's own only caps it. So at a
    start after silence the first heartbeat does not move, and what the log says of it tells the second how long it was.
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
        self._behind: timedelta | None = None
        self._logs_clock: _Reading | None = None
        self._sent = b""
        self._sent_at = clock()
        self._beaten_at = clock()
        self._lock = threading.Lock()

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """Note the latest of them; a look at the log may miss it in a flood."""
        now = self._now()
        self._lies_behind(now - min(max(play.played_at for play in plays), now))

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """Feedback has no windows to close."""

    def beat(self) -> bool:
        """Send the heartbeat if one is due; whether the log took it on every partition. Raises Unavailable."""
        if self._clock() - self._beaten_at < self._idle_seconds:
            return False
        self._beaten_at = self._clock()
        self._look()
        if self._behind is None or self._logs_clock is None:
            return False
        record = heartbeat_record(min(self._logs_clock.at(self._clock()) - self._behind, self._now()))
        to_each = [replace(record, partition=at) for at in range(self._log_of_events.partitions(Topic.PLAYS))]
        is_taken = all(self._log_of_events.append(Topic.PLAYS, to_each, timeout_seconds=10))
        self._sent, self._sent_at = record.value or b"", self._clock()
        return is_taken

    def _look(self) -> None:
        """Learn from the log's end what time it is there, and how far event time lies behind it."""
        for count in FIRST_LOOKS if self._behind is None else (LOOKED_AT,):
            records = self._log_of_events.newest(Topic.PLAYS, count=count)
            self._read_clock(records)
            found = [one for one in map(_moving, records) if one is not None]
            if found:
                self._lies_behind(min(one.behind for one in found))
            if len(records) < count or any(one.is_front for one in found):
                return

    def _read_clock(self, records: Sequence[StoredRecord]) -> None:
        """The log's clock was there when a record was read, and for this server's own when it had just been sent."""
        moment = self._clock()
        for record in records:
            told = datetime.fromtimestamp(record.appended_ms / 1000, UTC)
            reading = _Reading(told, self._sent_at if record.value == self._sent else moment)
            if self._logs_clock is None or reading.at(moment) > self._logs_clock.at(moment):
                self._logs_clock = reading

    def _lies_behind(self, behind: timedelta) -> None:
        with self._lock:
            self._behind = behind if self._behind is None else min(behind, self._behind)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the log's clock said, and the moment of this process when it was read."""

    told: datetime
    moment: float

    def at(self, moment: float) -> datetime:
        """What it says at another moment: at the least, as a reading is never of the future."""
        return self.told + timedelta(seconds=moment - self.moment)


@dataclass(frozen=True, slots=True)
class _Moving:
    """How far behind the log's clock a record stood, and whether it shows how far event time was when it came.

    Heartbeats and live plays show it. History alone does not: it may have come long after.
    """

    behind: timedelta
    is_front: bool


def _moving(record: StoredRecord) -> _Moving | None:
    """None for a record that moves no event time: it is malformed or too far ahead, and becomes a dead letter."""
    try:
        play, at = play_from_record(record), event_ms(record)
    except MalformedRecord:
        return None
    return _Moving(timedelta(milliseconds=record.appended_ms - at), play is None or play.timing is Timing.LIVE)
