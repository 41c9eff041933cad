"""The event log's promise, on every implementation."""

import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backend import wiring
from backend.domain.errors import Unavailable
from backend.ports.event_log import EventLog, EventReader, Record, StoredRecord, Topic, TopicPartition
from backend.settings import Settings
from stack.ports import free_port
from tests.memory import MemoryEventLog


@pytest.fixture
def own_settings(settings: Settings) -> Settings:
    """The stack's settings under a tenant of this test's own."""
    return settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"})


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def log(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    """A log with its topics made."""
    log: EventLog = (
        MemoryEventLog() if request.param == "memory" else wiring.event_log(request.getfixturevalue("own_settings"))
    )
    log.create_topics()
    yield log
    log.close(timeout_seconds=10)


def read(reader: EventReader, count: int) -> list[StoredRecord]:
    """Poll until `count` records came."""
    records: list[StoredRecord] = []
    for _ in range(50):
        records.extend(reader.poll(max_records=count, timeout_seconds=0.2))
        if len(records) >= count:
            break
    return records


def numbered(count: int, *, key: bytes = b"listener") -> list[Record]:
    """Records of one key with their number as value."""
    return [Record(key=key, value=str(number).encode()) for number in range(count)]


def test_confirmed_records_are_read_back_in_order_of_their_key(log: EventLog) -> None:
    """Every record of a key comes back once, in the order it was appended."""
    assert [True] * 1000 == log.append(Topic.PLAYS, numbered(1000), timeout_seconds=20)
    with log.reader([Topic.PLAYS], {}) as reader:
        records = read(reader, 1000)
    assert [str(number).encode() for number in range(1000)] == [record.value for record in records]
    assert {(Topic.PLAYS, b"listener")} == {(record.topic, record.key) for record in records}


def test_a_reader_goes_on_from_the_offsets_it_is_given(log: EventLog) -> None:
    """Offsets are of the next record to read; partitions without one begin at the start."""
    log.append(Topic.FEEDBACK, numbered(10), timeout_seconds=20)
    with log.reader([Topic.FEEDBACK], {}) as reader:
        seventh = read(reader, 10)[6]
    at = TopicPartition(Topic.FEEDBACK, seventh.partition)
    with log.reader([Topic.FEEDBACK], {at: seventh.offset}) as reader:
        assert [b"6", b"7", b"8", b"9"] == [record.value for record in read(reader, 4)]


def test_lag_counts_what_was_not_polled_yet(log: EventLog) -> None:
    """It falls to 0 when everything was polled, and rises with new records."""
    log.append(Topic.TRACKS, numbered(5), timeout_seconds=20)
    with log.reader([Topic.TRACKS, Topic.ARTISTS], {}) as reader:
        assert 5 == reader.lag()
        read(reader, 5)
        assert 0 == reader.lag()
        log.append(Topic.ARTISTS, numbered(2), timeout_seconds=20)
        assert 2 == reader.lag()


def test_polling_the_end_of_the_log_gives_nothing(log: EventLog) -> None:
    """No record in time is no error."""
    with log.reader([Topic.PLAYS], {}) as reader:
        assert [] == reader.poll(max_records=10, timeout_seconds=0.1)


def test_a_record_goes_to_the_partition_it_names(log: EventLog) -> None:
    """Heartbeats reach every partition, whatever their key."""
    partitions = range(log.partitions(Topic.PLAYS))
    records = [Record(key=b"", value=b"beat", partition=partition) for partition in partitions]
    assert [True] * len(partitions) == log.append(Topic.PLAYS, records, timeout_seconds=20)
    with log.reader([Topic.PLAYS], {}) as reader:
        assert list(partitions) == sorted(record.partition for record in read(reader, len(partitions)))


def test_making_the_topics_again_changes_nothing(log: EventLog) -> None:
    """What was appended before is still there."""
    log.append(Topic.PLAYS, numbered(3), timeout_seconds=20)
    log.create_topics()
    with log.reader([Topic.PLAYS], {}) as reader:
        assert 3 == len(read(reader, 3))


def test_closing_delivers_what_is_queued(log: EventLog) -> None:
    """Nothing is left over when every record was confirmed."""
    log.append(Topic.PLAYS, numbered(3), timeout_seconds=20)
    assert 0 == log.close(timeout_seconds=10)


@pytest.mark.stack
def test_a_topic_that_does_not_fit_is_refused(own_settings: Settings) -> None:
    """A compacted topic where events must be kept for ever is named, with the setting that is wrong."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": own_settings.kafka_servers})
    name = f"{own_settings.tenant}.{Topic.PLAYS}"
    admin.create_topics([NewTopic(name, 1, 1, config={"cleanup.policy": "compact"})])[name].result()
    log = wiring.event_log(own_settings)
    with pytest.raises(Unavailable, match=rf"{name} has cleanup.policy=compact where delete is needed"):
        log.create_topics()
    log.close(timeout_seconds=5)


def test_an_unreachable_log_is_unavailable() -> None:
    """Ping says so, and appended records are not confirmed."""
    log = wiring.event_log(Settings(kafka_servers=f"127.0.0.1:{free_port(set(), random.SystemRandom())}"))
    with pytest.raises(Unavailable, match="does not answer"):
        log.ping()
    assert [False, False] == log.append(Topic.PLAYS, numbered(2), timeout_seconds=0.2)
    assert 2 == log.close(timeout_seconds=0.2)


def test_the_tail_is_what_was_appended_since_a_moment_and_what_comes(log: EventLog) -> None:
    """Nothing older, nothing twice, in every partition."""
    log.append(Topic.PLAYS, numbered(3, key=b"old"), timeout_seconds=20)
    time.sleep(0.05)
    since = datetime.now(UTC)
    time.sleep(0.05)
    log.append(Topic.PLAYS, numbered(2, key=b"new"), timeout_seconds=20)
    with log.tail([Topic.PLAYS, Topic.FEEDBACK], since=since) as reader:
        assert [(b"new", b"0"), (b"new", b"1")] == [(one.key, one.value) for one in read(reader, 2)]
        log.append(Topic.FEEDBACK, numbered(1), timeout_seconds=20)
        log.append(Topic.PLAYS, numbered(1, key=b"old"), timeout_seconds=20)
        assert {(Topic.FEEDBACK, b"listener"), (Topic.PLAYS, b"old")} == {
            (one.topic, one.key) for one in read(reader, 2)
        }
        assert 0 == reader.lag()


def test_the_tail_of_a_silent_log_is_its_end(log: EventLog) -> None:
    """What comes later is read."""
    log.append(Topic.TRACKS, numbered(3), timeout_seconds=20)
    with log.tail([Topic.TRACKS], since=datetime.now(UTC) + timedelta(hours=1)) as reader:
        assert [] == reader.poll(max_records=10, timeout_seconds=0.2)
        log.append(Topic.TRACKS, numbered(1), timeout_seconds=20)
        assert [b"0"] == [one.value for one in read(reader, 1)]
