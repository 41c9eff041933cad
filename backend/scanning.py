"""Reads topics up to where they end at the moment; those who follow them for ever do so themselves."""

import time
from collections.abc import Iterator, Mapping

from backend.domain.errors import Unavailable
from backend.ports.event_log import EventLog, StoredRecord, TopicPartition

SILENCE_SECONDS = 60.0
_AT_ONCE = 20_000


def records(
    event_log: EventLog,
    topic: str,
    *,
    since: Mapping[TopicPartition, int] | None = None,
    until: Mapping[TopicPartition, int] | None = None,
) -> Iterator[StoredRecord]:
    """The topic's records from these offsets (else its start) until before those (else its end now).

    Raises Unavailable.
    """
    begin = since or {}
    ends = event_log.ends([topic]) if until is None else until
    behind = {at for at, end in ends.items() if at.topic == topic and end > begin.get(at, 0)}
    if not behind:
        return
    heard = time.monotonic()
    with event_log.reader([topic], begin) as reader:
        while behind:
            polled = reader.poll(max_records=_AT_ONCE, timeout_seconds=1.0)
            if polled:
                heard = time.monotonic()
            elif not reader.lag():
                return  # what stood there has aged out meanwhile
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise Unavailable(f"Kafka gave nothing of topic {topic} for {SILENCE_SECONDS:.0f} s: try again")
            for record in polled:
                at = TopicPartition(record.topic, record.partition)
                if record.offset < ends.get(at, 0):
                    yield record
                if record.offset + 1 >= ends.get(at, 0):
                    behind.discard(at)
