"""The event log: what happened, in order, kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self


class Topic(StrEnum):
    """Topics that the server writes, and training (CLUSTERS). Adapters put the tenant's prefix before the name."""

    PLAYS = "plays"
    FEEDBACK = "feedback"
    TRACKS = "tracks"
    ARTISTS = "artists"
    CLUSTERS = "clusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is appended: records with the same key keep their order.

    The key decides the partition, unless `partition` is given (heartbeats go to every one).
    """

    key: bytes
    value: bytes
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """What is read back. `value` is None for a deletion in a compacted topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


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

    def append(self, topic: Topic, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        """One bool per record, in order. Raises Overloaded when the local queue is full (nothing was sent)."""
        ...

    def reader(self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]) -> EventReader:
        """A reader of these topics (names without prefix) from these offsets; from the start where none is given."""
        ...

    def tail(self, topics: Sequence[str], *, since: datetime) -> EventReader:
        """A reader of what was appended at or after `since`, by the log's clock, and of all that comes later.

        Where nothing was appended since then, it begins at the end. Raises Unavailable.
        """
        ...

    def partitions(self, topic: Topic) -> int:
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
