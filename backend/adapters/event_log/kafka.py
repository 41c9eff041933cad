"""The event log on Apache Kafka (librdkafka)."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from zlib import crc32

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from backend.adapters.event_log.brokers import Brokers
from backend.adapters.event_log.cleaning import Cleaning
from backend.adapters.event_log.kafka_reader import KafkaEventReader, bounds, end_offsets, offsets_since
from backend.adapters.event_log.kafka_topics import create_or_check, partition_counts
from backend.adapters.event_log.topics import FEED_PLANS, LONGEST_RECORD, TOPIC_PLANS, usual_ratio
from backend.domain.errors import Overloaded, Unavailable
from backend.logins import KafkaLogin
from backend.loops import Loop
from backend.ports.event_log import NUDGE, Record, StoredRecord, Topic, TopicPartition

_log = logging.getLogger(__name__)

DELIVERY_SECONDS = 30
"""How long librdkafka keeps trying a record after `append` gave up waiting for it."""

TAIL_KILOBYTES = 4_096
"""What a reader of the tail may hold fetched ahead: it lives in a server, for as long as that lives."""

FURTHER = 8
"""How many times as far back `newest` looks, where it found too few."""

POLLED = 10_000
"""Records asked for at once: librdkafka gives no more than a million."""

SILENCE_SECONDS = 3.0
"""After which nothing more is expected of records that are there."""


class _Batch:
    """The fates of one `append`: filled in by delivery reports, on the reporting thread."""

    def __init__(self, size: int) -> None:
        self.stored = [False] * size
        self._open = size
        self._lock = threading.Lock()
        self._all_known = threading.Event()

    def report(self, place: int, error: KafkaError | None, _: Message | None) -> None:
        if error is None:
            self.stored[place] = True
        else:
            _log.warning("a record was not delivered: %s", error)
        self.settle(1)

    def settle(self, count: int) -> None:
        with self._lock:
            self._open -= count
            if self._open == 0:
                self._all_known.set()

    def wait(self, timeout_seconds: float) -> list[bool]:
        self._all_known.wait(timeout_seconds)
        return list(self.stored)


class KafkaEventLog:
    """`EventLog` on Kafka: idempotent producer, acknowledged by all in-sync replicas, one delivery report per record.

    `tenant` starts every topic's name; `login` is how the brokers are entered; `kept_days` names topics whose records
    age out (0: never); `topic_feeds` asks for those of FEEDS, too. Thread-safe; one background thread collects the
    delivery reports.
    """

    def __init__(
        self,
        servers: str,
        *,
        tenant: str,
        partitions: int,
        replication: int,
        login: KafkaLogin | None = None,
        kept_days: Mapping[str, int] | None = None,
        topic_feeds: bool = False,
        queue_records: int = 100_000,
    ) -> None:
        self._brokers = Brokers(servers, login)
        self._tenant = tenant
        self._partitions = partitions
        self._replication = replication
        self._kept_days = {topic: days for topic, days in (kept_days or {}).items() if days}
        self._plans = (*TOPIC_PLANS, *FEED_PLANS) if topic_feeds else TOPIC_PLANS
        self._counts: dict[str, int] = {}
        self._producer = Producer(
            self._brokers.client(
                {
                    "client.id": f"{tenant}-server",
                    "enable.idempotence": True,
                    "acks": "all",
                    "compression.type": "lz4",
                    "linger.ms": 5,
                    "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
                    "message.max.bytes": LONGEST_RECORD,
                    "queue.buffering.max.messages": queue_records,
                    # The same placement as Java clients, so that a key keeps its partition whoever writes it.
                    "partitioner": "murmur2_random",
                    "logger": _log,
                }
            )
        )
        self._closing = threading.Event()
        self._reports = Loop("kafka-delivery-reports", lambda: self._producer.poll(0.1), seconds=0.0)
        self._reports.start(self._closing)

    def append(self, topic: str, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        """See `EventLog.append`."""
        if not records:
            return []
        try:
            placements = self._placements(topic, records)
        except Unavailable as error:
            _log.warning("nothing was delivered: %s", error)
            return [False] * len(records)
        batch = _Batch(len(records))
        name = self._name(topic)
        for place, (record, placement) in enumerate(zip(records, placements, strict=True)):
            try:
                self._producer.produce(
                    name, value=record.value, key=record.key, on_delivery=partial(batch.report, place), **placement
                )
            except BufferError as error:
                if place == 0:
                    raise Overloaded("the queue to the event log is full: send less, or try again later") from error
                batch.settle(len(records) - place)
                break
            except KafkaException as error:
                # A single record can be refused, for example for its size; the others go on.
                _log.warning("a record was refused: %s", error)
                batch.settle(1)
        return batch.wait(timeout_seconds)

    def _placements(self, topic: str, records: Sequence[Record]) -> list[dict[str, int]]:
        """The partition of each record as `produce` takes it; {} where its key decides. Raises Unavailable."""
        if all(record.group is None for record in records):
            return [{} if record.partition is None else {"partition": record.partition} for record in records]
        count = self.partitions(topic)
        return [
            {"partition": crc32(record.group or record.key) % count if record.partition is None else record.partition}
            for record in records
        ]

    def forget(self, topics: Sequence[str], is_forgotten: Callable[[], bool], *, timeout_seconds: float) -> bool:
        """See `EventLog.forget`."""
        ratios = {self._name(topic): usual_ratio(topic) for topic in topics}
        cleaning = Cleaning(self._brokers.admin(), ratios)
        return cleaning.run(is_forgotten, lambda: self._nudge(topics), timeout_seconds=timeout_seconds)

    def _nudge(self, topics: Sequence[str]) -> None:
        """Append a deletion of nothing to each partition: Kafka closes a segment when something comes after it."""
        for topic in topics:
            nudges = [Record(key=NUDGE, value=None, partition=at) for at in range(self.partitions(topic))]
            self.append(topic, nudges, timeout_seconds=DELIVERY_SECONDS)

    def reader(self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]) -> KafkaEventReader:
        """See `EventLog.reader`."""
        given = self._still_there(topics, offsets)
        return KafkaEventReader(self._brokers, tenant=self._tenant, topics=topics, offsets=given)

    def _still_there(
        self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]:
        """The offsets, moved to the log's start where what stood before it has aged out. In no other topic may it."""
        aging = [topic for topic in topics if topic in self._kept_days]
        if not any(at.topic in aging for at in offsets):
            return offsets
        held = bounds(self._brokers, tenant=self._tenant, topics=aging)
        gone = {at: held[at].start for at, offset in offsets.items() if at in held and offset < held[at].start}
        for at, start in gone.items():
            _log.warning("%s[%d]: %d records have aged out unread", at.topic, at.partition, start - offsets[at])
        return {**offsets, **gone}

    def tail(self, topics: Sequence[str], *, since: datetime) -> KafkaEventReader:
        """See `EventLog.tail`."""
        offsets = offsets_since(self._brokers, tenant=self._tenant, topics=topics, moment=since)
        return KafkaEventReader(
            self._brokers, tenant=self._tenant, topics=topics, offsets=offsets, ahead_kilobytes=TAIL_KILOBYTES
        )

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `EventLog.ends`."""
        return end_offsets(self._brokers, tenant=self._tenant, topics=topics)

    def newest(self, topic: Topic, *, count: int) -> list[StoredRecord]:
        """See `EventLog.newest`."""
        whole = bounds(self._brokers, tenant=self._tenant, topics=[topic])
        back = count
        while True:
            asked = {place: at[-back:] for place, at in whole.items()}
            found = self._read(topic, asked)
            # What was forgotten has left holes: then the newest ones begin further back.
            if all(len(found[place]) >= count or len(asked[place]) == len(at) for place, at in whole.items()):
                return [record for records in found.values() for record in records[-count:]]
            back *= FURTHER

    def _read(self, topic: str, asked: Mapping[TopicPartition, range]) -> dict[TopicPartition, list[StoredRecord]]:
        """The records of these offsets of each partition, as far as they are there. Raises Unavailable."""
        found: dict[TopicPartition, list[StoredRecord]] = {place: [] for place in asked}
        waiting = {place for place, at in asked.items() if at}
        if not waiting:
            return found
        offsets = {place: at.start for place, at in asked.items()}
        with KafkaEventReader(
            self._brokers, tenant=self._tenant, topics=[topic], offsets=offsets, ahead_kilobytes=TAIL_KILOBYTES
        ) as reader:
            # A partition's last record is never forgotten, but its last offset may be none (the mark of a transaction):
            # silence is the end, too.
            while waiting and (came := reader.poll(max_records=POLLED, timeout_seconds=SILENCE_SECONDS)):
                for record in came:
                    place = TopicPartition(record.topic, record.partition)
                    if record.offset in asked[place]:
                        found[place].append(record)
                    if record.offset + 1 >= asked[place].stop:
                        waiting.discard(place)
        return found

    def partitions(self, topic: str) -> int:
        """See `EventLog.partitions`."""
        if topic not in self._counts:
            name = self._name(topic)
            self._counts[topic] = partition_counts(self._brokers, self._producer, [name])[name]
        return self._counts[topic]

    def create_topics(self) -> None:
        """See `EventLog.create_topics`."""
        create_or_check(
            self._brokers,
            self._plans,
            tenant=self._tenant,
            partitions=self._partitions,
            replication=self._replication,
            kept_days=self._kept_days,
        )

    def ping(self) -> None:
        """See `EventLog.ping`."""
        try:
            self._producer.list_topics(timeout=5)
        except KafkaException as error:
            why = self._brokers.because(error, self._producer)
            raise Unavailable(f"Kafka at {self._brokers.servers} does not answer: {why}") from error

    def close(self, *, timeout_seconds: float) -> int:
        """See `EventLog.close`."""
        undelivered: int = self._producer.flush(timeout_seconds)
        self._closing.set()
        self._reports.join()
        self._brokers.close()
        return undelivered

    def _name(self, topic: str) -> str:
        return f"{self._tenant}.{topic}"
