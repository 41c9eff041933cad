"""Records that are not what their topic holds have letters: Flink's for plays, the sink's for every other topic."""

import json
from base64 import b64decode
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import cast

import pytest

from backend.domain.errors import Unavailable
from backend.domain.live_tables import DEAD_LETTER_COUNTS, DEAD_LETTERS
from backend.domain.tables import DeadLetter, DeadLetterCount, DeadLetterReason
from backend.ports.event_log import NUDGE, Record, StoredRecord, Topic, TopicPartition
from backend.ports.fields import MalformedRecord
from backend.ports.store import TableQuery
from streaming import sink as sinks
from streaming.batch import TOPICS, Batch
from streaming.letters import letter
from streaming.sink import Sink
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_poison import GOOD

OTHERS = sorted(set(TOPICS) - {Topic.PLAYS})
DEEP = b'{"a":' * 1500


class Told:
    """A log and a store, and sinks between them."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.store = MemoryStore()

    def append(self, topic: str, *values: bytes | None, key: bytes = b"k", partition: int = 0) -> None:
        """Records on any topic, result topics included."""
        records = [Record(key=key, value=cast(bytes, value), partition=partition) for value in values]
        assert all(self.log.append(cast(Topic, topic), records, timeout_seconds=1))

    def carry(self) -> None:
        """All there is, by a new sink, as after a restart."""
        with closing(Sink(self.log, self.store)) as sink:
            while sink.step():
                pass

    def letters(self) -> tuple[DeadLetter, ...]:
        """Those in the store."""
        return self.store.page(DEAD_LETTERS, TableQuery(page_size=1000)).rows

    def counts(self) -> dict[tuple[str, str], int]:
        """Records by reason and topic."""
        rows = self.store.page(DEAD_LETTER_COUNTS, TableQuery()).rows
        return {(row.reason.value, row.source_topic): row.records for row in rows}


@pytest.fixture
def told() -> Told:
    """An empty log and store."""
    return Told()


@pytest.mark.parametrize("topic", OTHERS)
@pytest.mark.parametrize("value", [b"not json", DEEP, b"\xff\xfe{}", b"[]", b'{"event_id": {}}', b""])
def test_a_malformed_record_of_any_topic_has_one_letter(told: Told, topic: str, value: bytes) -> None:
    """With its place, its key, its first bytes and what is wrong; the good record behind it is taken."""
    good = GOOD[topic]
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    told.append(topic, value, key=good.key, partition=3)
    told.append(topic, good.value, key=good.key, partition=3)
    told.carry()
    (found,) = [one for one in told.letters() if one.source_topic == topic]
    assert (DeadLetterReason.MALFORMED, 3, 0, 1) == (
        found.reason,
        found.source_partition,
        found.source_offset,
        found.records,
    )
    named = None if topic == Topic.FEEDBACK else good.key.decode()
    assert (value[:4096], named) == (b64decode(found.record or ""), found.record_key)
    assert found.detail.startswith("not ")
    assert before <= found.noted_at <= datetime.now(UTC)
    assert 1 == told.counts()["malformed", topic]


@pytest.mark.parametrize("topic", [Topic.TRACKS, Topic.ARTISTS, Topic.CLUSTERS])
def test_a_deletion_where_nothing_is_deleted_has_a_letter_without_bytes(told: Told, topic: Topic) -> None:
    """There are none to keep."""
    told.append(topic, None)
    told.carry()
    (found,) = told.letters()
    assert (None, "a deletion, where nothing is ever deleted") == (found.record, found.detail)


@pytest.mark.parametrize("topic", [Topic.PLAYS, Topic.FEEDBACK])
def test_a_deletion_of_an_event_is_nothing_itself(told: Told, topic: Topic) -> None:
    """No letter of it, no figure, and what comes behind it is taken."""
    told.append(topic, None, GOOD[topic].value)
    told.carry()
    assert ((), {}) == (told.letters(), told.counts())
    assert {TopicPartition(topic, 0): 2} == told.store.offsets()


@pytest.mark.parametrize("topic", OTHERS)
def test_a_deletion_of_nothing_is_nothing_on_any_topic(told: Told, topic: str) -> None:
    """The log's own nudge, which is under no key that a topic has."""
    told.append(topic, None, key=NUDGE)
    told.carry()
    assert ((), {}) == (told.letters(), told.counts())


def test_a_letter_of_feedback_names_the_listener_and_never_the_records_key(told: Told) -> None:
    """The key is chance; the listener is told where the record is one flat object that says so."""
    value = json.dumps({**json.loads(GOOD[Topic.FEEDBACK].value or b""), "kind": "shrug", "listener_id": "somebody"})
    told.append(Topic.FEEDBACK, value.encode(), value.encode()[:-1])
    told.carry()
    assert {"somebody", None} == {one.record_key for one in told.letters()}


def test_letters_of_plays_are_left_to_flink(told: Told) -> None:
    """It reads the topic as the tables do; two letters of one record would be counted twice."""
    told.append(Topic.PLAYS, b"not json")
    told.carry()
    assert ((), {}) == (told.letters(), told.counts())


def test_of_a_long_record_the_letter_keeps_the_beginning_size_and_hash() -> None:
    """4 KiB; the row is small whatever the record is, and holds text that a store takes."""
    value = bytes(range(256)) * 4_000
    batch = Batch()
    batch.add([StoredRecord(topic="tracks", partition=1, offset=2, key=b"\xff" * 900_000, value=value, appended_ms=0)])
    (row,) = batch.rows.values()
    columns = row.columns or {}
    assert (value[:4096], None) == (b64decode(str(columns["record"])), columns["record_key"])
    assert str(columns["detail"]).endswith(
        f": 1024000 bytes, of which the first 4096 are kept, SHA-256 {sha256(value).hexdigest()}"
    )
    assert len(json.dumps(columns, default=str)) < 6_000


@pytest.mark.parametrize("appended_ms", [-1, -(2**63), 2**62, 2**63 - 1])
def test_a_letter_takes_any_time_that_a_producer_gives(appended_ms: int) -> None:
    """A producer may give its records any time where the log does not; pages sort letters by it."""
    record = StoredRecord(topic="trends", partition=0, offset=0, key=None, value=b"x", appended_ms=appended_ms)
    row = letter(record, MalformedRecord("not a row"))
    noted = (row.columns or {})["noted_at"]
    assert isinstance(noted, datetime)
    assert datetime(1970, 1, 1, tzinfo=UTC) <= noted < datetime(2200, 1, 1, tzinfo=UTC)


def test_letters_are_counted_once_however_often_they_are_read(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """By topic, over partitions, batches and sinks; reading the log from the start again counts the same."""
    monkeypatch.setattr(sinks, "BATCH", 2)
    for partition in range(3):
        told.append(Topic.TRACKS, *[b"x"] * 3, partition=partition)
    told.append(Topic.FEEDBACK, b"y")
    told.carry()
    told.append(Topic.TRACKS, b"z", partition=1)
    told.carry()
    expected = {("malformed", "tracks"): 10, ("malformed", "feedback"): 1}
    assert expected == told.counts()
    told.store.write([], dict.fromkeys(told.store.offsets(), 0))
    told.carry()
    assert (expected, 11) == (told.counts(), len(told.letters()))


class DiesBeforeOffsets(MemoryStore):
    """Takes the rows of one batch and dies before it keeps their offsets."""

    is_ill = True

    def write(self, rows, offsets, letters=None) -> None:  # type: ignore[no-untyped-def]
        if not self.is_ill:
            return super().write(rows, offsets, letters)
        super().write(rows, {})
        raise Unavailable("it died, as the test asked")


def test_a_sink_killed_between_rows_and_offsets_counts_its_letters_once(told: Told) -> None:
    """The next one writes the same letters again, and the same figure."""
    told.store = DiesBeforeOffsets()
    told.append(Topic.TRACKS, b"x", b"y")
    with pytest.raises(Unavailable):
        told.carry()
    told.store.is_ill = False
    told.append(Topic.TRACKS, b"z")
    told.carry()
    assert ({("malformed", "tracks"): 3}, 3) == (told.counts(), len(told.letters()))
    assert {TopicPartition("tracks", 0): 3} == told.store.letters()


def test_rows_of_letters_from_before_topics_are_of_plays(told: Told) -> None:
    """A record without the column is read, under the key that its row has in the store, so it is there once."""
    old = {"reason": "malformed", "source_partition": 1, "source_offset": 7}
    rest = {"record_key": None, "record": None, "detail": "no value", "records": 1, "noted_at": "2026-11-21T09:00:00Z"}
    told.append("dead_letters", json.dumps({**old, **rest}).encode(), key=json.dumps(old).encode())
    new = {"reason": "malformed", "source_topic": "plays", "source_partition": 1, "source_offset": 7}
    told.append("dead_letters", json.dumps({**new, **rest}).encode(), key=json.dumps(new).encode())
    told.append("dead_letter_counts", b'{"reason":"too_late","records":2}', key=b'{"reason":"too_late"}')
    told.carry()
    (found,) = told.letters()
    assert ("plays", 7) == (found.source_topic, found.source_offset)
    assert (DeadLetterCount(reason=DeadLetterReason.TOO_LATE, source_topic="plays", records=2),) == (
        told.store.page(DEAD_LETTER_COUNTS, TableQuery()).rows
    )


def test_a_flood_of_letters_stays_small() -> None:
    """A whole batch of long records that are malformed is kept in what the letters hold, 5.5 KB each."""
    batch = Batch()
    batch.add(
        StoredRecord(topic="tracks", partition=0, offset=at, key=b"k", value=bytes(20_000), appended_ms=0)
        for at in range(sinks.BATCH // 10)
    )
    held = sum(len(str(row.columns)) for row in batch.rows.values())
    assert held < 6_000 * sinks.BATCH // 10
