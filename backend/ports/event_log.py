"""The event log: what happened, in order, kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from backend.domain.clusters import MOST_CLUSTERS

LONGEST_ROW = 8 << 20
"""Bytes of a result row that the live job's producers send at most, and that result topics have room for.

Were a row ever to hold all of a record, escaped as JSON does, in its key and in its value, it would still fit. A job
whose row does not fit ends for ever."""


NUDGE = b"segue.nudge"
"""The key of a deletion of nothing, which `EventLog.forget` appends: readers pass over it."""


class Topic(StrEnum):
    """Topics that the server writes, and training (CLUSTERS). Adapters put the tenant's prefix before the name.

    RIGHTS holds what listeners allow; ERASURES tells every process, for a day, whose identity is gone.
    """

    PLAYS = "plays"
    FEEDBACK = "feedback"
    RIGHTS = "rights"
    ERASURES = "erasures"
    TRACKS = "tracks"
    ARTISTS = "artists"
    CLUSTERS = "clusters"


FEEDS: Sequence[str] = tuple(f"topic_feed_{cluster}" for cluster in range(MOST_CLUSTERS))
"""Topics of setting topic_feeds: one for each cluster that there may be, written by Flink, read by other programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is appended: records with the same key, or the same `group` where there is one, keep their order.

    The group decides the partition, else the key, unless `partition` is given (heartbeats go to every one). Keys are
    what the log forgets by: a record without a value takes the one of its key away (`EventLog.forget`).
    """

    key: bytes
    value: bytes | None
    group: bytes | None = None
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """What is read back. `value` is None for a deletion.

    `appended_ms` is when the log took it, in milliseconds since 1970: by the log's clock or the producer's word.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    appended_ms: int


@dataclass(frozen=True, slots=True)
class TopicPartition:
    """A place of reading. `topic` is without the tenant's prefix."""

    topic: str
    partition: int


class EventReader(Protocol):
    """Reads some topics in order from given offsets; keeps no position of its own anywhere else."""

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[StoredRecord]:
        """The next records, at most `max_records`; [] when none came in time. Raises Unavailable."""
        ...

    def lag(self) -> int:
        """Records between the last one polled and the end of the log, over all partitions."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class EventLog(Protocol):
    """Keeps what it confirms.

    `append` answers only when every record's fate is known: True means the log holds it on all in-sync
    replicas and it survives a crash; False means unknown or refused, and the caller may send it again.
    """

    def append(self, topic: str, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        """One bool per record, in order. Raises Overloaded when the local queue is full (nothing was sent).

        `topic` is a `Topic`; deletions may go to a result topic, too.
        """
        ...

    def forget(self, topics: Sequence[str], is_forgotten: Callable[[], bool], *, timeout_seconds: float) -> bool:
        """Make the log drop what deletions have taken away, and the deletions, for good: also from its files.

        Until `is_forgotten` (asked now and then; it may read the log) or the time is over; whether it came true. Costs
        about what writing these topics' records again would. Raises Unavailable.
        """
        ...

    def reader(self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]) -> EventReader:
        """A reader of these topics (names without prefix) from these offsets; from the start where none is given."""
        ...

    def tail(self, topics: Sequence[str], *, since: datetime) -> EventReader:
        """A reader of what was appended at or after `since`, by the log's clock, and of all that comes later.

        Where nothing was appended since then, it begins at the end. Raises Unavailable.
        """
        ...

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Where each partition ends now: the offset that its next record will have. Raises Unavailable."""
        ...

    def newest(self, topic: Topic, *, count: int) -> list[StoredRecord]:
        """The newest `count` records of each partition, all where it holds fewer, each partition's in order.

        Raises Unavailable.
        """
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises Unavailable."""
        ...

    def create_topics(self) -> None:
        """Make every topic Segue needs, or check that an existing one fits. Raises Unavailable."""
        ...

    def ping(self) -> None:
        """Raises Unavailable where the log cannot be reached."""
        ...

    def close(self, *, timeout_seconds: float) -> int:
        """Deliver what is queued; the number of records left undelivered (0 when all went out)."""
        ...
