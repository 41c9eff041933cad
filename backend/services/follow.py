"""Follows the tail of the event log, so that this process knows what the others took in.

Outcomes of a record:
1. an event or item → told, in the log's order, with the others of its topic in the batch
2. a heartbeat, or a deletion → passed over
3. malformed, whatever its bytes are → logged with topic, partition and offset, counted, passed over
4. the log is down → Unavailable; the next step goes on a minute before the last one that went well
5. more of them waiting than `most_behind` → passed over up to the log's end, logged: the sink has them by then
What is read twice (at a start, after 4) is told twice: those who are told must not mind.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from backend.ports.event_log import EventLog, EventReader, StoredRecord, Topic

_log = logging.getLogger(__name__)

ValueT = TypeVar("ValueT")

OVERLAP = timedelta(seconds=60)
"""How far before its start, or before a failure, reading begins: longer than the sink takes into the store."""

BATCH = 1_000
PAUSE_SECONDS = 0.05
"""Between two batches: no more than 20,000 records a second are worth an answer's time."""

POLL_SECONDS = 0.5
LOOK_SECONDS = 10.0
"""Between two looks at how far behind it is."""

CURRENT_WITHIN = timedelta(seconds=15)
"""A follower that reads, and has not come to where the log ended when it began, is taken for current after so long:
offsets that hold no record any more are never read."""


@dataclass(frozen=True, slots=True)
class Followed(Generic[ValueT]):
    """What becomes of a topic's records: their values (None: nothing to tell), and who is told, batch by batch.

    No deletion comes to `value_of`.
    """

    value_of: Callable[[StoredRecord], ValueT | None]
    tell: Callable[[Sequence[ValueT]], None]


def of_value(read: Callable[[bytes], ValueT]) -> Callable[[StoredRecord], ValueT]:
    """Reads a record of whose value alone all depends."""
    return lambda record: read(record.value or b"")


class Follower:
    """Reads its topics' tail, step by step; see the module's docstring. For one thread.

    `most_behind`: records it may be behind before it passes over them, which `passed_over` is told; None where each
    matters.
    """

    def __init__(
        self,
        log: EventLog,
        topics: Mapping[Topic, Followed[Any]],
        *,
        most_behind: int | None = None,
        passed_over: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.malformed = 0
        self._log_of_events = log
        self._topics = topics
        self._most_behind = most_behind
        self._passed_over = passed_over
        self._now = now
        self._reader: EventReader | None = None
        self._read_at = now()
        self._looked_at = now()
        self._to_read: int | None = None
        self._began_at = now()
        self._is_current = False

    @property
    def is_current(self) -> bool:
        """Whether it has told what the log held when it began. Once it is, it stays so."""
        return self._is_current

    def step(self) -> int:
        """Tell of the next records; how many there were. Raises Unavailable (outcome 4)."""
        reader = self._reader or self._opened(self._read_at - OVERLAP)
        try:
            if self._to_read is None:
                self._to_read, self._began_at = reader.lag(), self._now()
            records = reader.poll(max_records=BATCH, timeout_seconds=POLL_SECONDS)
        except BaseException:
            self.close()
            raise
        self._read_at = self._now()
        by_topic: dict[str, list[Any]] = {}
        for record in records:
            value = self._value(record)
            if value is not None:
                by_topic.setdefault(record.topic, []).append(value)
        for topic, values in by_topic.items():
            self._topics[Topic(topic)].tell(values)
        self._to_read -= len(records)
        self._is_current |= self._to_read <= 0 or self._now() - self._began_at > CURRENT_WITHIN
        if len(records) == BATCH:
            self._keep_up(reader)
        return len(records)

    def close(self) -> None:
        """Stop reading; the next step would begin again."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _opened(self, since: datetime) -> EventReader:
        self._reader = self._log_of_events.tail(tuple(self._topics), since=since)
        return self._reader

    def _value(self, record: StoredRecord) -> object | None:
        if record.value is None:
            return None
        try:
            found: object | None = self._topics[Topic(record.topic)].value_of(record)
        except Exception as error:  # noqa: BLE001 - outcome 3: no record, whatever is in it, may end the following
            self.malformed += 1
            _log.warning("malformed record %s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            return None
        return found

    def _keep_up(self, reader: EventReader) -> None:
        if self._most_behind is None or self._now() - self._looked_at < timedelta(seconds=LOOK_SECONDS):
            return
        self._looked_at = self._now()
        behind = reader.lag()
        if behind > self._most_behind:
            _log.warning("%d records of %s behind: they are left to the sink", behind, ", ".join(self._topics))
            self.close()
            self._opened(self._now())
            self._passed_over()
