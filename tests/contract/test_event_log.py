"""The event log's promise, on every implementation."""

import json
import random
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from backend import wiring
from backend.adapters.event_log.cleaning import EAGER, Cleaning
from backend.adapters.event_log.topics import LONGEST_RECORD, RATIO, RESULT_ROOM
from backend.domain.clusters import TrackClusters
from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track
from backend.ports.event_log import (
    FEEDS,
    LONGEST_ROW,
    NUDGE,
    EventLog,
    EventReader,
    Record,
    StoredRecord,
    Topic,
    TopicPartition,
)
from backend.ports.records import artist_record, clusters_record, feedback_record, play_record, track_record
from backend.services.heartbeat import Heartbeat
from backend.settings import Settings
from stack.ports import free_port
from tests.faults.hurt import within
from tests.memory import MemoryEventLog
from tests.quiet import await_
from tests.unit.test_listeners import play, word


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


def test_an_end_is_the_offset_of_what_comes_next(log: EventLog) -> None:
    """0 before the first record; of two topics each has its own."""
    topics = [Topic.FEEDBACK, "trends"]
    assert {0} == set(log.ends(topics).values())
    log.append(Topic.FEEDBACK, numbered(3), timeout_seconds=20)
    ends = log.ends(topics)
    assert (3, 0) == tuple(sum(end for at, end in ends.items() if at.topic == topic) for topic in topics)
    assert len(topics) * log.partitions(Topic.FEEDBACK) == len(ends)


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


def test_the_newest_records_of_each_partition_are_read_back(log: EventLog) -> None:
    """So many of each, in order, all of a partition that holds fewer, with when the log took them."""
    assert [] == log.newest(Topic.PLAYS, count=3)
    began = time.time() * 1000
    for partition, count in enumerate((7, 2, 0)):
        records = [Record(key=b"", value=str(number).encode(), partition=partition) for number in range(count)]
        log.append(Topic.PLAYS, records, timeout_seconds=20)
    found = log.newest(Topic.PLAYS, count=3)
    assert [b"4", b"5", b"6"] == [one.value for one in found if one.partition == 0]
    assert [b"0", b"1"] == [one.value for one in found if one.partition == 1]
    assert 5 == len(found)
    assert all(began - 1000 <= one.appended_ms <= time.time() * 1000 + 1000 for one in found)


def test_heartbeats_go_on_from_what_the_log_holds(log: EventLog) -> None:
    """A server that starts after the last play, and took in none, moves event time on in every partition."""
    played = replace(play(0), played_at=datetime.now(UTC) - timedelta(days=3))
    log.append(Topic.PLAYS, [play_record(played, ingested_at=datetime.now(UTC))], timeout_seconds=20)
    time.sleep(1.01)
    heartbeat = Heartbeat(log, idle_seconds=0)
    assert heartbeat.beat()
    assert heartbeat.beat()
    values = [json.loads(record.value or b"") for record in log.newest(Topic.PLAYS, count=1)]
    assert {None} == {one["event_id"] for one in values}
    (at,) = {one["played_at_ms"] for one in values}
    moved = at / 1000 - played.played_at.timestamp()
    assert 1 <= moved < 30
    assert log.partitions(Topic.PLAYS) == len(values)


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
def test_topics_age_as_the_settings_say(own_settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Made so, changed so later, for ever again; what has aged out under a reader's offset is told, and passed over."""
    bounded = own_settings.model_copy(update={"retention_events_days": 7, "retention_letters_days": 0})
    for settings, plays, letters, clusters in (
        (bounded, "compact,delete", "compact", "compact"),
        (own_settings, "compact", "compact,delete", "compact"),
        (bounded, "compact,delete", "compact", "compact"),
    ):
        log = wiring.event_log(settings)
        log.create_topics()
        found = {name: _config(settings, name)["cleanup.policy"] for name in ("plays", "dead_letters", "clusters")}
        assert {"plays": plays, "dead_letters": letters, "clusters": clusters} == found
        log.close(timeout_seconds=1)
    assert str(7 * 24 * 3_600_000) == _config(bounded, "plays")["retention.ms"]
    log = wiring.event_log(bounded)
    try:
        log.append(Topic.PLAYS, [Record(key=b"k", value=b"old", partition=0)] * 5, timeout_seconds=20)
        _drop_before(bounded, "plays", 3)
        with log.reader([Topic.PLAYS], {TopicPartition(Topic.PLAYS, 0): 1}) as reader:
            assert [3, 4] == [record.offset for record in read(reader, 2)]
        assert "plays[0]: 2 records have aged out unread" in caplog.messages
    finally:
        log.close(timeout_seconds=1)


@pytest.mark.stack
def test_feeds_are_made_where_they_are_asked_for(own_settings: Settings) -> None:
    """One for each topic that there may be, kept for a week; and nobody else's."""
    admin = AdminClient({"bootstrap.servers": own_settings.kafka_servers})
    for asked in (False, True):
        log = wiring.event_log(own_settings.model_copy(update={"topic_feeds": asked}))
        log.create_topics()
        log.close(timeout_seconds=5)
        feeds = {f"{own_settings.tenant}.{feed}" for feed in FEEDS}
        assert (feeds if asked else set()) == feeds & admin.list_topics(timeout=20).topics.keys()
    kept = _config(own_settings, FEEDS[-1])
    assert ("delete", str(7 * 24 * 3600 * 1000)) == (kept["cleanup.policy"], kept["retention.ms"])


def _config(settings: Settings, topic: str) -> dict[str, str]:
    """How Kafka cleans a topic."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    resource = ConfigResource(ResourceType.TOPIC, f"{settings.tenant}.{topic}")
    return {name: one.value for name, one in admin.describe_configs([resource])[resource].result(20).items()}


def _drop_before(settings: Settings, topic: str, offset: int) -> None:
    """As Kafka does with what is too old."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    place = Place(f"{settings.tenant}.{topic}", 0, offset)
    admin.delete_records([place])[place].result(20)


@pytest.mark.stack
def test_a_topic_that_does_not_fit_is_refused(own_settings: Settings) -> None:
    """One whose producers give its times is named, with the setting that is wrong."""
    made = {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}
    name = make_topic(own_settings, Topic.PLAYS, made)
    log = wiring.event_log(own_settings)
    with pytest.raises(Unavailable, match=rf"{name} has message.timestamp.type=CreateTime where LogAppendTime is"):
        log.create_topics()
    log.close(timeout_seconds=5)


@pytest.mark.stack
@pytest.mark.parametrize(("topic", "days"), [(Topic.PLAYS, 0), (Topic.FEEDBACK, 0), (Topic.PLAYS, 30)])
def test_events_of_a_home_that_cannot_forget_are_refused(own_settings: Settings, topic: Topic, days: int) -> None:
    """They name listeners themselves, however long they are kept; it is said what to do."""
    name = make_topic(own_settings, topic, {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"})
    log = wiring.event_log(own_settings.model_copy(update={"retention_events_days": days}))
    with pytest.raises(Unavailable, match=rf"{name} is of an older home.*start anew \(`make clean`\)"):
        log.create_topics()
    log.close(timeout_seconds=5)


def make_topic(settings: Settings, topic: Topic, config: dict[str, str]) -> str:
    """As somebody else did; its full name."""
    name = f"{settings.tenant}.{topic}"
    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    admin.create_topics([NewTopic(name, 1, 1, config=config)])[name].result()
    return name


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


LETTERS = '\U0001f3b5\\"é'
"""Characters that take most bytes in UTF-8, in JSON, and none of them twice in a row, which would compress."""


def longest(characters: int, seed: int) -> str:
    """Text of so many characters."""
    return "".join(random.Random(seed).choices(LETTERS, weights=(97, 1, 1, 1), k=characters))


def largest_records() -> dict[Topic, Record]:
    """The largest of each topic that the contract, or training, lets in: every text as long as it may be."""
    names = tuple("i" * 124 + f"{number:04}" for number in range(64))
    tags = tuple(longest(128, seed) for seed in range(64))
    sound = AudioFeatures(**dict.fromkeys(AUDIO_FEATURES, 0.12345678901234567), estimated=AUDIO_FEATURES)
    track = Track(
        track_id=names[0],
        title=longest(512, 100),
        artist_ids=names[:32],
        album=longest(512, 101),
        released_on="2026-11-26",
        duration_milliseconds=2**31 - 1,
        tags=tags,
        audio_features=sound,
    )
    centroids = tuple(tuple(random.Random(seed).uniform(-9, 9) for _ in range(9)) for seed in range(16))
    clusters = TrackClusters(
        version="v" * 128,
        features=AUDIO_FEATURES,
        means=centroids[0],
        deviations=centroids[1],
        centroids=centroids,
    )
    feedback = replace(word(FeedbackKind.LIKE), event_id=names[1], listener_id=names[2], track_id=names[3])
    one = replace(play(1), event_id=names[1], listener_id=names[2], surface=longest(64, 102), device=longest(64, 103))
    return {
        Topic.PLAYS: play_record(one, ingested_at=datetime.now(UTC)),
        Topic.FEEDBACK: feedback_record(feedback),
        Topic.TRACKS: track_record(track),
        Topic.ARTISTS: artist_record(Artist(artist_id=names[0], name=longest(512, 104), tags=tags)),
        Topic.CLUSTERS: clusters_record(clusters),
    }


def test_the_largest_records_of_the_contract_are_kept(log: EventLog) -> None:
    """Each is confirmed and read back as it was, and is less than a tenth of what a record may be."""
    for topic, record in largest_records().items():
        assert len(record.value) < LONGEST_RECORD / 10, topic
        assert [True] == log.append(topic, [record], timeout_seconds=20)
        with log.reader([topic], {}) as reader:
            assert [record.value] == [one.value for one in read(reader, 1)]


@pytest.mark.stack
def test_a_record_that_is_too_long_for_the_log_is_not_confirmed(own_settings: Settings) -> None:
    """And costs none beside it; nobody is told that it is kept."""
    log = wiring.event_log(own_settings)
    log.create_topics()
    records = [Record(key=b"k", value=value) for value in (b"before", bytes(LONGEST_RECORD + 1), b"after")]
    assert [True, False, True] == log.append(Topic.PLAYS, records, timeout_seconds=20)
    log.close(timeout_seconds=5)


@pytest.mark.stack
def test_result_topics_have_room_for_rows_of_any_record(own_settings: Settings) -> None:
    """Rows as long as the job's producers send are taken and read back, the letter of 4 KiB among them."""
    log = wiring.event_log(own_settings)
    log.create_topics()
    producer = Producer({"bootstrap.servers": own_settings.kafka_servers, "message.max.bytes": LONGEST_ROW})
    values = [b64encode(random.Random(7).randbytes(4096)), random.Random(8).randbytes(LONGEST_ROW - 10_000)]
    failures: list[object] = []
    for value in values:
        name = f"{own_settings.tenant}.dead_letters"
        producer.produce(
            name, value=value, key=value[:8], partition=0, on_delivery=lambda error, _: failures.append(error)
        )
        assert 0 == producer.flush(60)
    assert [None, None] == failures
    with log.reader(["dead_letters"], {}) as reader:
        assert values == [record.value for record in read(reader, 2)]
    log.close(timeout_seconds=5)


@pytest.mark.stack
def test_topics_from_before_are_given_room(own_settings: Settings) -> None:
    """What takes too little at once is changed where it stands; what a cluster has made larger stays as it is."""
    log = wiring.event_log(own_settings)
    log.create_topics()
    admin = AdminClient({"bootstrap.servers": own_settings.kafka_servers})
    small, large = (f"{own_settings.tenant}.{name}" for name in ("dead_letters", "trends"))
    set_room(admin, small, 100_000)
    set_room(admin, large, 20_000_000)
    await_(lambda: (100_000, 20_000_000) == (room(admin, small), room(admin, large)), "brokers say what was set")
    log.create_topics()
    assert LONGEST_ROW == RESULT_ROOM
    await_(lambda: RESULT_ROOM == room(admin, small), "what took too little has room", seconds=30)
    assert 20_000_000 == room(admin, large)
    log.close(timeout_seconds=5)


def settings_of(admin: AdminClient, name: str) -> dict[str, str]:
    """How a topic is cleaned."""
    resource = ConfigResource(ResourceType.TOPIC, name)
    found = admin.describe_configs([resource])[resource].result()
    return {key: found[key].value for key in EAGER}


def everything(log: EventLog, topic: str) -> list[StoredRecord]:
    """What the topic holds, by partition and offset."""
    found: list[StoredRecord] = []
    ends = log.ends([topic])
    with log.reader([topic], {}) as reader:
        while any(ends.values()):
            for record in reader.poll(max_records=1000, timeout_seconds=1):
                found.append(record)
                at = TopicPartition(topic, record.partition)
                ends[at] = 0 if record.offset + 1 >= ends[at] else ends[at]
    return sorted(found, key=lambda one: (one.partition, one.offset))


def forget(log: EventLog, gone: list[StoredRecord]) -> None:
    """Take records away, for good."""
    for one in gone:
        assert log.append(
            one.topic, [Record(key=one.key or b"", value=None, partition=one.partition)], timeout_seconds=20
        )
    topics = sorted({one.topic for one in gone})
    keys = {one.key for one in gone}

    def is_forgotten() -> bool:
        return not any(one.key in keys for topic in topics for one in everything(log, topic))

    assert log.forget(topics, is_forgotten, timeout_seconds=60), "within a minute"


def test_what_is_forgotten_is_gone_and_all_else_stands_where_it_stood(log: EventLog) -> None:
    """Records and their deletions; the others keep their offsets, and the newest are found behind the holes."""
    records = [Record(key=f"{at}".encode(), value=f"{at % 3}".encode(), group=b"%d" % (at % 5)) for at in range(300)]
    assert all(log.append(Topic.PLAYS, records, timeout_seconds=20))
    before = everything(log, Topic.PLAYS)
    gone = [one for one in before if one.value == b"0"]
    forget(log, gone)
    after = everything(log, Topic.PLAYS)
    assert [one for one in before if one not in gone] == [one for one in after if one.value is not None]
    assert {NUDGE} >= {one.key for one in after if one.value is None}
    newest = log.newest(Topic.PLAYS, count=5)
    for partition in {one.partition for one in after}:
        held = [one for one in after if one.partition == partition]
        assert held[-5:] == [one for one in newest if one.partition == partition]


@pytest.mark.stack
def test_what_is_forgotten_is_gone_from_kafkas_files(own_settings: Settings) -> None:
    """Of events and of result rows: no byte of it is left in the topics' folders, and both are cleaned as before."""
    log = wiring.event_log(own_settings)
    log.create_topics()
    admin = AdminClient({"bootstrap.servers": own_settings.kafka_servers})
    names = {topic: f"{own_settings.tenant}.{topic}" for topic in (Topic.PLAYS, "dead_letters")}
    usual = {name: settings_of(admin, name) for name in names.values()}
    secret = uuid.uuid4().hex
    other = Record(key=b"other", value=b"value", partition=0)
    for topic, name in names.items():
        records = [Record(key=f"{secret}-{at}".encode(), value=secret.encode(), partition=0) for at in range(50)]
        assert all(log.append(topic, [*records, other], timeout_seconds=20))
        assert holding(own_settings, name, secret)
    forget(log, [one for topic in names for one in everything(log, topic) if one.value == secret.encode()])
    for topic, name in names.items():
        assert within(10, lambda name=name: not holding(own_settings, name, secret))  # type: ignore[misc]
        assert [other.value] == [one.value for one in everything(log, topic) if one.value is not None]
    assert usual == {name: settings_of(admin, name) for name in names.values()}
    log.close(timeout_seconds=5)


def holding(settings: Settings, name: str, text: str) -> list[str]:
    """The topic's files that hold the text."""
    files = (settings.home / "kafka" / "data").glob(f"{name}-*/*")
    return [str(file) for file in files if text.encode() in file.read_bytes()]


@pytest.mark.stack
def test_topics_that_a_killed_pass_left_eager_are_cleaned_as_usual_again(own_settings: Settings) -> None:
    """Making the topics says so, of events and of result rows."""
    log = wiring.event_log(own_settings)
    log.create_topics()
    admin = AdminClient({"bootstrap.servers": own_settings.kafka_servers})
    names = [f"{own_settings.tenant}.{topic}" for topic in (Topic.PLAYS, "dead_letters")]
    usual = [settings_of(admin, name) for name in names]
    assert ["1.0", "0.5"] == [one[RATIO] for one in usual]
    killed = Cleaning(admin, dict.fromkeys(names, "0.5"))
    killed.begin()
    assert all(settings_of(admin, name) == EAGER for name in names)
    log.create_topics()
    assert usual == [settings_of(admin, name) for name in names]
    log.close(timeout_seconds=5)


def set_room(admin: AdminClient, name: str, value: int) -> None:
    """As an operator would."""
    entry = ConfigEntry("max.message.bytes", str(value), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result()


def room(admin: AdminClient, name: str) -> int:
    """What the topic takes at once."""
    resource = ConfigResource(ResourceType.TOPIC, name)
    return int(admin.describe_configs([resource])[resource].result()["max.message.bytes"].value)
