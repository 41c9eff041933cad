"""Reading Kafka topics from offsets that the caller keeps."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import OffsetSpec

from backend.adapters.event_log.brokers import Brokers
from backend.adapters.event_log.kafka_topics import partition_counts
from backend.domain.errors import Unavailable
from backend.ports.event_log import StoredRecord, TopicPartition

_log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10


def offsets_since(
    brokers: Brokers, *, tenant: str, topics: Sequence[str], moment: datetime
) -> dict[TopicPartition, int]:
    """The first record of each partition that was appended at or after `moment`, the end where there is none.

    Raises Unavailable.
    """
    # The ends first: what comes between the two questions is then read, not missed.
    ends, firsts = _offsets(
        brokers, tenant, topics, OffsetSpec.latest(), OffsetSpec.for_timestamp(max(round(moment.timestamp() * 1000), 0))
    )
    return {place: firsts[place] if firsts[place] >= 0 else end for place, end in ends.items()}


def end_offsets(brokers: Brokers, *, tenant: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The offset after the newest record of each partition. Raises Unavailable."""
    (ends,) = _offsets(brokers, tenant, topics, OffsetSpec.latest())
    return ends


def bounds(brokers: Brokers, *, tenant: str, topics: Sequence[str]) -> dict[TopicPartition, range]:
    """The offsets that each partition has records of, or had: the log's start and its end. Raises Unavailable."""
    ends, starts = _offsets(brokers, tenant, topics, OffsetSpec.latest(), OffsetSpec.earliest())
    return {place: range(starts[place], end) for place, end in ends.items()}


def _offsets(
    brokers: Brokers, tenant: str, topics: Sequence[str], *questions: OffsetSpec
) -> list[dict[TopicPartition, int]]:
    """What the log answers to each question, by partition, asked one after the other. Raises Unavailable."""
    admin = brokers.admin()
    counts = partition_counts(brokers, admin, [f"{tenant}.{topic}" for topic in topics])
    places = [Place(name, partition) for name, count in counts.items() for partition in range(count)]

    def asked(question: OffsetSpec) -> dict[TopicPartition, int]:
        found = admin.list_offsets(dict.fromkeys(places, question), request_timeout=TIMEOUT_SECONDS)
        return {
            TopicPartition(place.topic.removeprefix(f"{tenant}."), place.partition): one.result().offset
            for place, one in found.items()
        }

    try:
        return [asked(question) for question in questions]
    except KafkaException as error:
        raise Unavailable(f"Kafka at {brokers.servers} does not answer: {brokers.because(error, admin)}") from error


class KafkaEventReader:
    """`EventReader` on Kafka: partitions assigned by hand, nothing committed to a consumer group.

    It holds at most `ahead_kilobytes` fetched ahead.
    """

    def __init__(
        self,
        brokers: Brokers,
        *,
        tenant: str,
        topics: Sequence[str],
        offsets: Mapping[TopicPartition, int],
        ahead_kilobytes: int = 65_536,
    ) -> None:
        self._brokers = brokers
        self._prefix = f"{tenant}."
        self._brokers_lost: KafkaError | None = None
        self._failure: KafkaError | None = None
        # Where partitions begin is asked for at once. The consumer would ask for one after another, and its first
        # fetch, of those it knows by then, waits half a second where they are empty.
        (starts,) = _offsets(brokers, tenant, topics, OffsetSpec.earliest())
        self._next = {at: offsets.get(at, start) for at, start in starts.items()}
        self._consumer = Consumer(
            brokers.client(
                {
                    "group.id": f"{tenant}.reader",
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    # An offset that the log no longer has is a hole: say so instead of starting somewhere else.
                    "auto.offset.reset": "error",
                    "queued.max.messages.kbytes": ahead_kilobytes,
                    "error_cb": self._note_error,
                    "logger": _log,
                }
            )
        )
        try:
            self._consumer.assign(
                [Place(self._prefix + at.topic, at.partition, offset) for at, offset in self._next.items()]
            )
        except KafkaException:
            self._consumer.close()
            raise

    def _note_error(self, error: KafkaError) -> None:
        self._brokers.note(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._brokers_lost = error

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[StoredRecord]:
        """See `EventReader.poll`."""
        try:
            # `consume` would wait out the timeout for a full batch: wait for the first, then take what is there.
            first = self._consumer.poll(timeout_seconds)
            messages = [first, *self._consumer.consume(max_records - 1, 0)] if first is not None else []
        except KafkaException as error:
            why = self._brokers.because(error)
            raise Unavailable(f"Kafka at {self._brokers.servers} does not answer: {why}") from error
        records = self._readable(messages)
        if not records and self._failure is not None:
            why = self._brokers.because(self._failure)
            raise Unavailable(f"reading Kafka at {self._brokers.servers} failed, open a new reader: {why}")
        if not records and self._brokers_lost is not None:
            lost, self._brokers_lost = self._brokers_lost, None
            raise Unavailable(f"Kafka at {self._brokers.servers} does not answer: {self._brokers.because(lost)}")
        self._brokers_lost = None
        return records

    def _readable(self, messages: Sequence[Message]) -> list[StoredRecord]:
        """The records before the first error; after one, this reader gives nothing more, so that nothing is skipped."""
        records: list[StoredRecord] = []
        for message in messages:
            self._failure = self._failure or message.error()
            if self._failure is not None:
                break
            topic = message.topic().removeprefix(self._prefix)
            self._next[TopicPartition(topic, message.partition())] = message.offset() + 1
            records.append(
                StoredRecord(
                    topic=topic,
                    partition=message.partition(),
                    offset=message.offset(),
                    key=message.key(),
                    value=message.value(),
                    appended_ms=message.timestamp()[1],
                )
            )
        return records

    def lag(self) -> int:
        """See `EventReader.lag`."""
        # On a connection of its own: on the consumer's, each question would wait for a fetch to end.
        admin = self._brokers.admin()
        ends = {Place(self._prefix + at.topic, at.partition): OffsetSpec.latest() for at in self._next}
        starts = {Place(self._prefix + at.topic, at.partition): OffsetSpec.earliest() for at in self._next}
        try:
            high = [one.result().offset for one in admin.list_offsets(ends, request_timeout=TIMEOUT_SECONDS).values()]
            low = [one.result().offset for one in admin.list_offsets(starts, request_timeout=TIMEOUT_SECONDS).values()]
        except KafkaException as error:
            why = self._brokers.because(error, admin)
            raise Unavailable(f"Kafka at {self._brokers.servers} does not answer: {why}") from error
        return sum(end - max(start, offset) for end, start, offset in zip(high, low, self._next.values(), strict=True))

    def close(self) -> None:
        """See `EventReader.close`."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
