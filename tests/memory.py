"""Ports in memory, for tests that are about something else; tests/contract holds them to the same promises."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from backend.domain.errors import NotFound, Unavailable
from backend.domain.listeners import Profile
from backend.domain.page_tokens import decode_page_token, encode_page_token, question_digest
from backend.domain.tables import (
    Anomaly,
    ArtistEngagement,
    ArtistPopularity,
    DeadLetter,
    DeadLetterCount,
    ListenerActivity,
    PopularitySpan,
    Severity,
    Span,
    TopicHour,
    TrackPopularity,
    Trend,
    row_of,
)
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import Record, StoredRecord, Topic, TopicPartition
from backend.ports.models import ModelRepository, ModelSummary, ModelVersion
from backend.ports.store import Page, Table, TableQuery, TableRow

PARTITIONS = 4


class MemoryEventLog:
    """`EventLog` in lists. `down` makes every record unconfirmed and every ping fail."""

    def __init__(self) -> None:
        self.partitions_of: dict[str, list[list[StoredRecord]]] = {}
        self.down = False
        self._moments: dict[tuple[str, int], list[datetime]] = {}
        self._lock = threading.Lock()

    def append(self, topic: Topic, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        if self.down:
            return [False] * len(records)
        with self._lock:
            for record in records:
                place = crc32(record.key) % PARTITIONS if record.partition is None else record.partition
                log = self._topic(topic)[place]
                self._moments.setdefault((topic, place), []).append(datetime.now(UTC))
                log.append(
                    StoredRecord(topic=topic, partition=place, offset=len(log), key=record.key, value=record.value)
                )
        return [True] * len(records)

    def values(self, topic: Topic) -> list[bytes]:
        """Every value, by partition and offset."""
        return [record.value or b"" for partition in self._topic(topic) for record in partition]

    def reader(self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]) -> "MemoryEventReader":
        return MemoryEventReader({topic: self._topic(topic) for topic in topics}, offsets)

    def tail(self, topics: Sequence[str], *, since: datetime) -> "MemoryEventReader":
        self.ping()
        with self._lock:
            offsets = {
                TopicPartition(topic, at): bisect_left(self._moments.get((topic, at), []), since)
                for topic in topics
                for at in range(PARTITIONS)
            }
        return self.reader(topics, offsets)

    def partitions(self, topic: Topic) -> int:
        return PARTITIONS

    def create_topics(self) -> None:
        self.ping()

    def ping(self) -> None:
        if self.down:
            raise Unavailable("the log is down, as the test asked")

    def close(self, *, timeout_seconds: float) -> int:
        return 0

    def _topic(self, topic: str) -> list[list[StoredRecord]]:
        return self.partitions_of.setdefault(topic, [[] for _ in range(PARTITIONS)])


class MemoryEventReader:
    """`EventReader` over the lists."""

    def __init__(self, topics: Mapping[str, list[list[StoredRecord]]], offsets: Mapping[TopicPartition, int]) -> None:
        self._logs = {TopicPartition(topic, at): log for topic, logs in topics.items() for at, log in enumerate(logs)}
        self._next = {at: offsets.get(at, 0) for at in self._logs}

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[StoredRecord]:
        found: list[StoredRecord] = []
        for at, log in self._logs.items():
            part = log[self._next[at] : self._next[at] + max_records - len(found)]
            self._next[at] += len(part)
            found.extend(part)
        return found

    def lag(self) -> int:
        return sum(len(log) - self._next[at] for at, log in self._logs.items())

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


SortKey = Callable[[Any], tuple[Any, ...]]

_ORDERS: dict[Table, tuple[SortKey, tuple[type, ...]]] = {
    Table.ARTIST_ENGAGEMENT: (lambda row: (-_hour(row), -row.plays, row.artist_id), (int, int, str)),
    Table.TRENDS: (lambda row: (-_hour(row), row.rank, row.track_id), (int, int, str)),
    Table.ANOMALIES: (lambda row: (-_hour(row), -abs(row.z_score), row.alert_id), (int, float, str)),
    Table.TRACK_POPULARITY: (lambda row: (row.rank, row.track_id), (int, str)),
    Table.ARTIST_POPULARITY: (lambda row: (row.rank, row.artist_id), (int, str)),
    Table.LISTENER_ACTIVITY: (lambda row: (-_hour(row), -row.plays, row.listener_id), (int, int, str)),
    Table.TOPIC_HOURS: (lambda row: (-_hour(row), row.cluster), (int, int)),
    Table.DEAD_LETTERS: (
        lambda row: (-_hour(row), row.reason.value, row.source_partition, row.source_offset),
        (int, str, int, int),
    ),
}
_RANKINGS = {Table.TRACK_POPULARITY, Table.ARTIST_POPULARITY}
_SPANS: dict[Table, Span | PopularitySpan] = {
    Table.ARTIST_ENGAGEMENT: Span.HOUR,
    **dict.fromkeys(_RANKINGS, PopularitySpan.DAY),
}
_ROWS: dict[str, type[Any]] = {
    Table.ARTIST_ENGAGEMENT: ArtistEngagement,
    Table.TRACK_POPULARITY: TrackPopularity,
    Table.ARTIST_POPULARITY: ArtistPopularity,
    Table.TRENDS: Trend,
    Table.ANOMALIES: Anomaly,
    Table.LISTENER_ACTIVITY: ListenerActivity,
    Table.TOPIC_HOURS: TopicHour,
    Table.DEAD_LETTERS: DeadLetter,
    Table.DEAD_LETTER_COUNTS: DeadLetterCount,
}
_SEVERITIES = list(Severity)


class MemoryStore:
    """`Store` in dictionaries. `down` makes every method raise Unavailable."""

    def __init__(self) -> None:
        self.down = False
        self._tracks: dict[str, Track] = {}
        self._artists: dict[str, Artist] = {}
        self._profiles: dict[str, Profile] = {}
        self._rows: dict[str, dict[str, tuple[Any, datetime]]] = {table: {} for table in Table}
        self._as_of: dict[str, datetime] = {}
        self._offsets: dict[TopicPartition, int] = {}
        self.answers: dict[str, tuple[bytes, datetime]] = {}
        self._last_write = datetime.fromtimestamp(0, tz=UTC)

    def put_tracks(self, tracks: Sequence[Track]) -> None:
        self.ping()
        self._tracks.update({track.track_id: track for track in tracks})

    def put_artists(self, artists: Sequence[Artist]) -> None:
        self.ping()
        self._artists.update({artist.artist_id: artist for artist in artists})

    def tracks(self, track_ids: Sequence[str]) -> dict[str, Track]:
        self.ping()
        return {one: self._tracks[one] for one in track_ids if one in self._tracks}

    def artists(self, artist_ids: Sequence[str]) -> dict[str, Artist]:
        self.ping()
        return {one: self._artists[one] for one in artist_ids if one in self._artists}

    def all_tracks(self) -> Iterator[Track]:
        self.ping()
        yield from (self._tracks[one] for one in sorted(self._tracks))

    def all_artists(self) -> Iterator[Artist]:
        self.ping()
        yield from (self._artists[one] for one in sorted(self._artists))

    def profiles(self, listener_ids: Sequence[str]) -> dict[str, Profile]:
        self.ping()
        return {one: self._profiles[one] for one in listener_ids if one in self._profiles}

    def put_profiles(self, profiles: Sequence[Profile]) -> None:
        self.ping()
        self._profiles.update({profile.listener_id: profile for profile in profiles})

    def put_answer(self, answer_id: str, content: bytes, *, expires_at: datetime) -> None:
        self.ping()
        self.answers[answer_id] = (content, expires_at)

    def answer(self, answer_id: str, *, now: datetime) -> bytes | None:
        self.ping()
        content, expires_at = self.answers.get(answer_id, (None, now))
        return content if expires_at > now else None

    def drop_answers(self, answer_ids: Sequence[str]) -> None:
        self.ping()
        for answer_id in answer_ids:
            self.answers.pop(answer_id, None)

    def drop_expired_answers(self, *, now: datetime) -> None:
        self.drop_answers([one for one, (_, expires_at) in self.answers.items() if expires_at <= now])

    def write(self, rows: Sequence[TableRow], offsets: Mapping[TopicPartition, int]) -> None:
        self.ping()
        self._last_write = max(datetime.now(UTC), self._last_write + timedelta(milliseconds=1))
        for row in rows:
            if row.columns is None:
                self._rows[row.table].pop(row.key, None)
            else:
                self._rows[row.table][row.key] = (_row(row.table, row.columns), self._last_write)
            self._as_of[row.table] = self._last_write
        self._offsets.update(offsets)

    def offsets(self) -> dict[TopicPartition, int]:
        self.ping()
        return dict(self._offsets)

    def artist_engagement(self, query: TableQuery) -> Page[ArtistEngagement]:
        return self._page(Table.ARTIST_ENGAGEMENT, query)

    def trends(self, query: TableQuery) -> Page[Trend]:
        return self._page(Table.TRENDS, query)

    def anomalies(self, query: TableQuery) -> Page[Anomaly]:
        return self._page(Table.ANOMALIES, query)

    def track_popularity(self, query: TableQuery) -> Page[TrackPopularity]:
        return self._page(Table.TRACK_POPULARITY, query)

    def artist_popularity(self, query: TableQuery) -> Page[ArtistPopularity]:
        return self._page(Table.ARTIST_POPULARITY, query)

    def popular_tracks(self, span: PopularitySpan, *, limit: int) -> list[TrackPopularity]:
        self.ping()
        rows = [row for row, _ in self._rows[Table.TRACK_POPULARITY].values() if row.span == span]
        return sorted(rows, key=lambda row: (-_hour(row), row.rank, row.track_id))[:limit]

    def listener_activity(self, query: TableQuery) -> Page[ListenerActivity]:
        return self._page(Table.LISTENER_ACTIVITY, query)

    def topic_hours(self, query: TableQuery) -> Page[TopicHour]:
        return self._page(Table.TOPIC_HOURS, query)

    def dead_letters(self, query: TableQuery) -> Page[DeadLetter]:
        return self._page(Table.DEAD_LETTERS, query)

    def dead_letter_counts(self) -> list[DeadLetterCount]:
        self.ping()
        return sorted((row for row, _ in self._rows[Table.DEAD_LETTER_COUNTS].values()), key=lambda row: row.reason)

    def migrate(self) -> None:
        self.ping()

    def ping(self) -> None:
        if self.down:
            raise Unavailable("the store is down, as the test asked")

    def close(self) -> None:
        pass

    def _page(self, table: Table, query: TableQuery) -> Page[Any]:
        self.ping()
        key, shape = _ORDERS[table]
        question = question_digest(table, astuple(replace(query, page_size=0, page_token="")))
        if table in _SPANS:
            query = replace(query, span=query.span or _SPANS[table])
        fitting = [row for row, at in self._rows[table].values() if _fits(row, at, query)]
        if table in _RANKINGS:
            spanned = [_hour(row) for row, _ in self._rows[table].values() if row.span == query.span]
            fitting = [row for row in fitting if _hour(row) == max(spanned)]
        rows = sorted(fitting, key=key)
        if query.page_token:
            after = decode_page_token(query.page_token, shape, question=question)
            rows = [row for row in rows if key(row) > after]
        shown = rows[: query.page_size]
        token = encode_page_token(key(shown[-1]), question=question) if len(rows) > len(shown) else ""
        return Page(rows=tuple(shown), next_page_token=token, as_of=self._as_of.get(table))


class MemoryModels(ModelRepository):
    """`ModelRepository` with one version that a test hands in; it never publishes."""

    def __init__(self, version: ModelVersion | None = None) -> None:
        self.version = version

    def current(self) -> str | None:
        return self.version.version if self.version else None

    def previous(self) -> str | None:
        return None

    def load(self, version: str) -> ModelVersion:
        if self.version is None or self.version.version != version:
            raise NotFound(f"there is no model version {version}")
        return self.version

    def summaries(self) -> Sequence[ModelSummary]:
        return []


def _moment(row: Any) -> datetime:
    """What a row's table is sorted and cut by."""
    columns = ("window_start", "window_end", "noted_at")
    found: datetime = next(getattr(row, name) for name in columns if hasattr(row, name))
    return found


def _hour(row: Any) -> int:
    return round(_moment(row).timestamp() * 1000)


def _row(table: str, columns: Mapping[str, Any]) -> Any:
    return row_of(_ROWS[table], columns)


def _fits(row: Any, written_at: datetime, query: TableQuery) -> bool:
    names = ("span", "artist_id", "track_id", "listener_id", "subject", "kind", "reason")
    return (
        all(not getattr(query, name) or getattr(row, name) == getattr(query, name) for name in names)
        and (query.start is None or _moment(row) >= query.start)
        and (query.end is None or _moment(row) < query.end)
        and (query.cluster is None or row.cluster == query.cluster)
        and (not query.min_plays or row.plays >= query.min_plays)
        and (not query.max_rank or row.rank <= query.max_rank)
        and (query.min_severity is None or _SEVERITIES.index(row.severity) >= _SEVERITIES.index(query.min_severity))
        and (query.written_after is None or written_at > query.written_after)
    )
