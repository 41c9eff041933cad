"""Takes listeners out of the event log: their events, and the result rows and letters that name them.

Topics are read from their start to where they end; for each record that names one of the listeners a deletion is
appended under its key, in its partition, and then the log forgets both (`EventLog.forget`) until another reading finds
nothing. What was found is told before anything is deleted, as nobody finds it again afterwards.
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from backend import scanning
from backend.domain.errors import Unavailable
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY
from backend.domain.naming import named_in_bytes, named_in_row
from backend.ports.event_log import EventLog, Record, StoredRecord, Topic, TopicPartition
from backend.ports.fields import MalformedRecord
from backend.ports.flat import named_in
from backend.ports.records import event_ms, feedback_from_value
from backend.ports.shapes import LISTENER

log = logging.getLogger(__name__)

EVENTS: Sequence[str] = (Topic.PLAYS, Topic.FEEDBACK, Topic.RIGHTS)
"""Topics of what listeners did and said."""

RESULTS: Sequence[str] = (LISTENER_ACTIVITY.name, DEAD_LETTERS.name)
"""Topics of rows that name listeners."""

_AT_ONCE = 10_000
_APPEND_SECONDS = 30.0

_Place = tuple[str, int, bytes]
"""What a deletion takes away: topic, partition and key."""


@dataclass(slots=True)
class Found:
    """What a reading found of one listener: records by topic, and the days, UTC, that count their events."""

    records: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)


Tell = Callable[[Mapping[str, Found]], None]
"""Is told what was found of whom, before it is deleted."""


class Forgetting:
    """Takes these listeners, by pseudonym, out of these topics. `tell` hears of each record once."""

    def __init__(self, event_log: EventLog, topics: Sequence[str], pseudonyms: Collection[str], tell: Tell) -> None:
        self._log = event_log
        self._topics = topics
        self._pseudonyms = [one.encode() for one in pseudonyms]
        self._tell = tell
        self._deleted: set[_Place] = set()
        self._since: dict[TopicPartition, int] = {}

    def run(self, *, timeout_seconds: float) -> bool:
        """Whether nothing of them is left in these topics, and no deletion that named them. Raises Unavailable."""
        if self._look():
            return True
        touched = sorted({topic for topic, _, _ in self._deleted})
        return self._log.forget(touched, self._is_forgotten, timeout_seconds=timeout_seconds)

    def _is_forgotten(self) -> bool:
        """The deletions first, which are at the end: all is read again only when they are gone."""
        left = any(record.value is None and _place(record) in self._deleted for record in self._read(since=self._since))
        return not left and self._look()

    def _read(self, *, since: Mapping[TopicPartition, int] | None = None) -> Iterator[StoredRecord]:
        """All that stands in the topics now; with `since` from these offsets, of the partitions that have one."""
        ends = self._log.ends(self._topics)
        begin = None if since is None else {at: since.get(at, end) for at, end in ends.items()}
        for topic in self._topics:
            yield from scanning.records(self._log, topic, since=begin, until=ends)

    def _look(self) -> bool:
        """Read all, and delete what is theirs; whether nothing was. Raises Unavailable."""
        found: dict[str, Found] = defaultdict(Found)
        theirs: dict[_Place, tuple[str, StoredRecord]] = {}
        deletions: dict[_Place, StoredRecord] = {}
        for record in self._read():
            place = _place(record)
            if record.value is None:
                if place in theirs or named_in_bytes(record.key or b"", self._pseudonyms):
                    theirs.pop(place, None)
                    deletions[place] = record
            elif whose := self._whose(record):
                theirs[place] = (whose, record)
        for place, deletion in deletions.items():
            self._begins(place, deletion.offset)
        for whose, record in theirs.values():
            found[whose].records[record.topic] += 1
            found[whose].days |= _days(record)
        if theirs:
            self._tell(found)
            self._delete([record for _, record in theirs.values()])
        self._deleted |= theirs.keys() | deletions.keys()
        return not theirs and not deletions

    def _delete(self, records: Sequence[StoredRecord]) -> None:
        ends = self._log.ends(self._topics)
        for topic in sorted({record.topic for record in records}):
            of_topic = [record for record in records if record.topic == topic]
            for start in range(0, len(of_topic), _AT_ONCE):
                deletions = [
                    Record(key=one.key or b"", value=None, partition=one.partition)
                    for one in of_topic[start : start + _AT_ONCE]
                ]
                if not all(self._log.append(topic, deletions, timeout_seconds=_APPEND_SECONDS)):
                    raise Unavailable(f"the log did not confirm every deletion in {topic}: the next pass writes it")
            log.info("%d records of erased listeners deleted in %s", len(of_topic), topic)
        for record in records:
            self._begins(_place(record), ends[TopicPartition(record.topic, record.partition)])

    def _begins(self, place: _Place, offset: int) -> None:
        """A deletion of this place stands at this offset, or after it."""
        at = TopicPartition(place[0], place[1])
        self._since[at] = min(offset, self._since.get(at, offset))

    def _whose(self, record: StoredRecord) -> str | None:
        """The listener among them whose record it is. Nobody but chance makes another of their pseudonyms."""
        named = named_in_bytes(record.key or b"", self._pseudonyms) or named_in_bytes(
            record.value or b"", self._pseudonyms
        )
        if record.topic == DEAD_LETTERS.name:
            return named.decode() if named else self._whose_letter(record.value or b"")
        if named is None or record.topic in RESULTS:
            return named.decode() if named else None
        # Where somebody else's event only mentions one of them, it stays; where nobody can read whose it is, it goes.
        told = named_in(record.value or b"", LISTENER)
        return named.decode() if told is None else told if told.encode() in self._pseudonyms else None

    def _whose_letter(self, value: bytes) -> str | None:
        """The kept bytes of a record in a letter, which are base64."""
        try:
            row = json.loads(value)
        except ValueError:
            return None
        return named_in_row(row, [one.decode() for one in self._pseudonyms]) if isinstance(row, dict) else None


def _place(record: StoredRecord) -> _Place:
    return record.topic, record.partition, record.key or b""


def _days(record: StoredRecord) -> set[date]:
    """The days, UTC, that count the event; none where nothing does."""
    try:
        if record.topic == Topic.PLAYS:
            return {datetime.fromtimestamp(event_ms(record) / 1000, tz=UTC).date()}
        if record.topic == Topic.FEEDBACK:
            return {feedback_from_value(record.value or b"").given_at.astimezone(UTC).date()}
    except MalformedRecord:
        return set()  # it was counted nowhere
    return set()
