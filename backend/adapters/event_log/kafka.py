"""The event log on Apache Kafka (librdkafka)."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from backend.adapters.event_log.kafka_reader import KafkaEventReader, offsets_since
from backend.adapters.event_log.kafka_topics import create_or_check, partition_counts
from backend.domain.errors import Overloaded, Unavailable
from backend.loops import Loop
from backend.ports.event_log import Record, Topic, TopicPartition

_log = logging.getLogger(__name__)

DELIVERY_SECONDS = 30
"""How long librdkafka keeps trying a record after `append` gave up waiting for it."""

TAIL_KILOBYTES = 4_096
"""What a reader of the tail may hold fetched ahead: it lives in a server, for as long as that lives."""


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

    `tenant` starts every topic's name. Thread-safe; one background thread collects the delivery reports.
    """

    def __init__(
        self, servers: str, *, tenant: str, partitions: int, replication: int, queue_records: int = 100_000
    ) -> None:
        self._servers = servers
        self._tenant = tenant
        self._partitions = partitions
        self._replication = replication
        self._counts: dict[str, int] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "client.id": f"{tenant}-server",
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 5,
                "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
                "queue.buffering.max.messages": queue_records,
                # The same placement as Java clients, so that a key keeps its partition whoever writes it.
                "partitioner": "murmur2_random",
                "logger": _log,
            }
        )
        self._closing = threading.Event()
        self._reports = Loop("kafka-delivery-reports", lambda: self._producer.poll(0.1), seconds=0.0)
        self._reports.start(self._closing)

    def append(self, topic: Topic, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        """See `EventLog.append`."""
        if not records:
            return []
        batch = _Batch(len(records))
        name = self._name(topic)
        for place, record in enumerate(records):
            placement = {} if record.partition is None else {"partition": record.partition}
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

    def reader(self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]) -> KafkaEventReader:
        """See `EventLog.reader`."""
        return KafkaEventReader(self._servers, tenant=self._tenant, topics=topics, offsets=offsets)

    def tail(self, topics: Sequence[str], *, since: datetime) -> KafkaEventReader:
        """See `EventLog.tail`."""
        offsets = offsets_since(self._servers, tenant=self._tenant, topics=topics, moment=since)
        return KafkaEventReader(
            self._servers, tenant=self._tenant, topics=topics, offsets=offsets, ahead_kilobytes=TAIL_KILOBYTES
        )

    def partitions(self, topic: Topic) -> int:
        """See `EventLog.partitions`."""
        if topic not in self._counts:
            name = self._name(topic)
            self._counts[topic] = partition_counts(self._producer, [name])[name]
        return self._counts[topic]

    def create_topics(self) -> None:
        """See `EventLog.create_topics`."""
        create_or_check(self._servers, tenant=self._tenant, partitions=self._partitions, replication=self._replication)

    def ping(self) -> None:
        """See `EventLog.ping`."""
        try:
            self._producer.list_topics(timeout=5)
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._servers} does not answer: {error}") from error

    def close(self, *, timeout_seconds: float) -> int:
        """See `EventLog.close`."""
        undelivered: int = self._producer.flush(timeout_seconds)
        self._closing.set()
        self._reports.join()
        return undelivered

    def _name(self, topic: str) -> str:
        return f"{self._tenant}.{topic}"
