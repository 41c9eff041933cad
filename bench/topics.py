"""Kafka topics of a bench: made, filled as fast as librdkafka goes, copied, and deleted again."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from backend.domain.errors import Unavailable

Advance = Callable[[int], None]
"""Is told how many more records are written."""

SECONDS = 30
_log = logging.getLogger(__name__)
_TOLD = 10_000


class Topics:
    """The topics of the broker at `servers`, by their full names. Every method raises Unavailable."""

    def __init__(self, servers: str, *, partitions: int) -> None:
        self._servers = servers
        self._partitions = partitions
        self._admin = AdminClient({"bootstrap.servers": servers, "logger": _log})

    def make(self, names: Iterable[str]) -> None:
        """New topics, one replica each, kept for ever."""
        new = [NewTopic(name, num_partitions=self._partitions, replication_factor=1) for name in names]
        if new:
            _settle(self._admin.create_topics(new, operation_timeout=SECONDS), "make")

    def delete(self, names: Iterable[str]) -> None:
        """Take topics away; one that is not there is no error."""
        if wanted := list(names):
            _settle(self._admin.delete_topics(wanted, operation_timeout=SECONDS), "delete", but=_NOT_THERE)

    def fill(
        self, name: str, records: Iterable[tuple[bytes | None, bytes | None]], advance: Advance = lambda _: None
    ) -> int:
        """Append records (key, value), placed by key as Java clients and the server do; how many."""
        failed: list[KafkaError] = []

        def report(error: KafkaError | None, _: Message | None) -> None:
            if error is not None:
                failed.append(error)

        producer = Producer(
            {
                "bootstrap.servers": self._servers,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 50,
                "batch.size": 1 << 20,
                "queue.buffering.max.messages": 1_000_000,
                "partitioner": "murmur2_random",
                "log_level": 3,  # a broker that has just started says "not yet" a few times, which is no news
                "logger": _log,
            }
        )
        count = 0
        for key, value in records:
            while True:
                try:
                    producer.produce(name, key=key, value=value, on_delivery=report)
                    break
                except BufferError:  # the queue is full: let some of it go out
                    producer.poll(0.1)
            count += 1
            if count % _TOLD == 0:
                producer.poll(0)
                advance(_TOLD)
        left = producer.flush(SECONDS)
        if left or failed:
            why = failed[0] if failed else f"{left} records did not go out within {SECONDS} s"
            raise Unavailable(f"cannot fill topic {name}: {why}; look at the broker's log, then run the bench again")
        advance(count % _TOLD)
        return count

    def ends(self, name: str) -> dict[int, int]:
        """The offset after the last record of each partition."""
        consumer = self._consumer()
        try:
            return {
                partition: consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=SECONDS)[1]
                for partition in range(self._partitions)
            }
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._servers} does not answer for {name}: {error}") from error
        finally:
            consumer.close()

    def sizes(self, prefix: str, names: Iterable[str]) -> dict[str, int]:
        """How many records the topic PREFIX.name holds, for those of `names` that there are and that hold any."""
        try:
            there = self._admin.list_topics(timeout=SECONDS).topics
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._servers} does not answer: {error}") from error
        found = {name: sum(self.ends(f"{prefix}.{name}").values()) for name in names if f"{prefix}.{name}" in there}
        return {name: size for name, size in found.items() if size}

    def read(self, name: str, *, limit: int) -> list[tuple[bytes | None, bytes | None]]:
        """At most `limit` records (key, value) from the topic's start, in order within each partition."""
        consumer = self._consumer()
        found: list[tuple[bytes | None, bytes | None]] = []
        wanted = min(limit, sum(self.ends(name).values()))
        try:
            consumer.assign([TopicPartition(name, partition, 0) for partition in range(self._partitions)])
            while len(found) < wanted:
                messages: Sequence[Message] = consumer.consume(min(10_000, wanted - len(found)), SECONDS)
                if not messages or any(message.error() for message in messages):
                    raise Unavailable(f"topic {name} ends after {len(found)} of {wanted} records; run the bench again")
                found += [(message.key(), message.value()) for message in messages]
        finally:
            consumer.close()
        return found

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": "bench",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "logger": _log,
            }
        )


_NOT_THERE = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART})


def _settle(futures: Mapping[str, "Future[None]"], what: str, *, but: frozenset[int] = frozenset()) -> None:
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() not in but:
                raise Unavailable(f"Kafka did not {what} topic {name}: {error}") from error
