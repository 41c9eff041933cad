"""Ports in memory, for tests that are about something else; tests/contract holds them to the same promises."""

import hashlib
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, replace
from datetime import UTC, date, datetime, timedelta
from operator import eq, ge, le, lt
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from backend.adapters.models.folder import FolderModelRepository
from backend.domain.erasures import ErasedPart, Erasure, PartReceipt
from backend.domain.errors import ModelRefused, Unavailable
from backend.domain.listeners import Profile
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY, LIVE_TABLES, TRACK_POPULARITY, LiveTable
from backend.domain.naming import named_in_row
from backend.domain.page_tokens import decode_page_token, encode_page_token, question_digest
from backend.domain.tables import PopularitySpan, Span, TrackPopularity, row_of
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import NUDGE, Record, StoredRecord, Topic, TopicPartition
from backend.ports.identity import new_pseudonym
from backend.ports.models import ModelVersion
from backend.ports.store import Comparison, KeptAnswer, Operator, Page, RowT, TableQuery, TableRow

PARTITIONS = 4


class MemoryEventLog:
    """`EventLog` in lists, by the clock `now`. `down` makes every record unconfirmed and every ping fail."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now: Callable[[], datetime] = now
        self.partitions_of: dict[str, list[list[StoredRecord]]] = {}
        self.down = False
        self._moments: dict[tuple[str, int], list[datetime]] = {}
        self._lock = threading.Lock()

    def append(self, topic: str, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        if self.down:
            return [False] * len(records)
        with self._lock:
            for record in records:
                group = record.group or record.key
                place = crc32(group) % PARTITIONS if record.partition is None else record.partition
                log = self._topic(topic)[place]
                now = self.now()
                self._moments.setdefault((topic, place), []).append(now)
                log.append(
                    StoredRecord(
                        topic=topic,
                        partition=place,
                        offset=_end(log),
                        key=record.key,
                        value=record.value,
                        appended_ms=round(now.timestamp() * 1000),
                    )
                )
        return [True] * len(records)

    def forget(self, topics: Sequence[str], is_forgotten: Callable[[], bool], *, timeout_seconds: float) -> bool:
        self.ping()
        with self._lock:
            for topic in topics:
                for place, log in enumerate(self._topic(topic)):
                    self._compact(topic, place, log)
        return is_forgotten()

    def _compact(self, topic: str, place: int, log: list[StoredRecord]) -> None:
        """Only the last record of a key stays, and no deletion; a last one of nothing keeps the partition's end."""
        newest = {record.key: record.offset for record in log}
        kept = [at for at, record in enumerate(log) if record.value is not None and record.offset == newest[record.key]]
        moments = self._moments.get((topic, place), [])
        end, last = _end(log), moments[-1:]
        held, self._moments[topic, place] = [log[at] for at in kept], [moments[at] for at in kept]
        if end and _end(held) < end:
            appended_ms = round(last[0].timestamp() * 1000)
            nudge = StoredRecord(
                topic=topic, partition=place, offset=end - 1, key=NUDGE, value=None, appended_ms=appended_ms
            )
            held.append(nudge)
            self._moments[topic, place] += last
        log[:] = held

    def values(self, topic: Topic) -> list[bytes]:
        """Every value, by partition and offset."""
        return [record.value or b"" for partition in self._topic(topic) for record in partition]

    def reader(self, topics: Sequence[str], offsets: Mapping[TopicPartition, int]) -> "MemoryEventReader":
        return MemoryEventReader({topic: self._topic(topic) for topic in topics}, offsets)

    def tail(self, topics: Sequence[str], *, since: datetime) -> "MemoryEventReader":
        self.ping()
        with self._lock:
            offsets: dict[TopicPartition, int] = {}
            for topic in topics:
                for at, log in enumerate(self._topic(topic)):
                    first = bisect_left(self._moments.get((topic, at), []), since)
                    offsets[TopicPartition(topic, at)] = log[first].offset if first < len(log) else _end(log)
        return self.reader(topics, offsets)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        self.ping()
        with self._lock:
            return {
                TopicPartition(topic, at): _end(log) for topic in topics for at, log in enumerate(self._topic(topic))
            }

    def newest(self, topic: Topic, *, count: int) -> list[StoredRecord]:
        self.ping()
        with self._lock:
            return [record for partition in self._topic(topic) for record in partition[-count:]]

    def partitions(self, topic: str) -> int:
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


def _end(log: Sequence[StoredRecord]) -> int:
    """The offset that the partition's next record gets."""
    return log[-1].offset + 1 if log else 0


class MemoryEventReader:
    """`EventReader` over the lists."""

    def __init__(self, topics: Mapping[str, list[list[StoredRecord]]], offsets: Mapping[TopicPartition, int]) -> None:
        self._logs = {TopicPartition(topic, at): log for topic, logs in topics.items() for at, log in enumerate(logs)}
        self._next = {at: offsets.get(at, 0) for at in self._logs}

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[StoredRecord]:
        found: list[StoredRecord] = []
        for at, log in self._logs.items():
            first = self._place(at)
            part = log[first : first + max_records - len(found)]
            if part:
                self._next[at] = part[-1].offset + 1
            found.extend(part)
        return found

    def lag(self) -> int:
        return sum(len(log) - self._place(at) for at, log in self._logs.items())

    def _place(self, at: TopicPartition) -> int:
        """Where in the partition's list the next record stands: its offset, less what was forgotten before it."""
        return bisect_left(self._logs[at], self._next[at], key=lambda record: record.offset)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MemoryIdentities:
    """`Identities` in a dictionary; unavailable while `is_down` says so."""

    def __init__(self, is_down: Callable[[], bool] = lambda: False) -> None:
        self._is_down = is_down
        self.pseudonym_of: dict[str, str] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        self._require_up()

    def pseudonyms(self, listener_ids: Collection[str]) -> dict[str, str]:
        self._require_up()
        with self._lock:
            return {one: self.pseudonym_of[one] for one in listener_ids if one in self.pseudonym_of}

    def ensure(self, listener_ids: Collection[str]) -> dict[str, str]:
        self._require_up()
        with self._lock:
            return {one: self.pseudonym_of.setdefault(one, new_pseudonym()) for one in listener_ids}

    def listener_ids(self, pseudonyms: Collection[str]) -> dict[str, str]:
        self._require_up()
        with self._lock:
            return {one: listener for listener, one in self.pseudonym_of.items() if one in set(pseudonyms)}

    def forget(self, pseudonym: str) -> bool:
        self._require_up()
        with self._lock:
            gone = [listener for listener, one in self.pseudonym_of.items() if one == pseudonym]
            for listener in gone:
                del self.pseudonym_of[listener]
            return bool(gone)

    def look_up_key(self, listener_id: str) -> str:
        return hashlib.sha256(f"a key of {listener_id}".encode()).hexdigest()

    def _require_up(self) -> None:
        if self._is_down():
            raise Unavailable("the store of identities is down, as the test asked")


class MemoryStore:
    """`Store` in dictionaries, with `identities` beside it. `down` makes every method of both raise Unavailable."""

    def __init__(self) -> None:
        self.down = False
        self.identities = MemoryIdentities(lambda: self.down)
        self._tracks: dict[str, Track] = {}
        self._artists: dict[str, Artist] = {}
        self._profiles: dict[str, Profile] = {}
        self._rows: dict[str, dict[str, tuple[Any, datetime]]] = {name: {} for name in LIVE_TABLES}
        self._as_of: dict[str, datetime] = {}
        self._offsets: dict[TopicPartition, int] = {}
        self._letters: dict[TopicPartition, int] = {}
        self.answers: dict[str, tuple[bytes, datetime]] = {}
        self._erasures: dict[str, Erasure] = {}
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

    def drop_profiles(self, listener_ids: Sequence[str]) -> int:
        self.ping()
        return sum(self._profiles.pop(one, None) is not None for one in set(listener_ids))

    def put_erasure(self, erasure: Erasure) -> None:
        self.ping()
        self._erasures[erasure.erasure_id] = erasure

    def put_part(self, erasure_id: str, part: ErasedPart, receipt: PartReceipt) -> None:
        self.ping()
        if erasure_id in self._erasures:
            held = self._erasures[erasure_id]
            self._erasures[erasure_id] = replace(held, parts={**held.parts, part: receipt})

    def put_days(self, erasure_id: str, days: Collection[date]) -> None:
        self.ping()
        if erasure_id in self._erasures:
            self._erasures[erasure_id] = replace(self._erasures[erasure_id], days=frozenset(days))

    def close_erasure(self, erasure_id: str, *, at: datetime) -> None:
        self.ping()
        if erasure_id in self._erasures:
            self._erasures[erasure_id] = replace(self._erasures[erasure_id], done_at=at, subject=None)

    def erasure(self, erasure_id: str) -> Erasure | None:
        self.ping()
        return self._erasures.get(erasure_id)

    def open_erasures(self) -> Sequence[Erasure]:
        self.ping()
        held = [one for one in self._erasures.values() if one.subject is not None]
        return sorted(held, key=lambda one: one.asked_at)

    def erasures(self, *, limit: int, before: tuple[datetime, str] | None = None) -> Sequence[Erasure]:
        self.ping()
        places = {(one.asked_at, one.erasure_id): one for one in self._erasures.values()}
        return [places[at] for at in sorted(places, reverse=True) if before is None or at < before][:limit]

    def drop_receipts(self, *, done_before: datetime) -> int:
        self.ping()
        gone = [key for key, one in self._erasures.items() if one.done_at is not None and one.done_at < done_before]
        for key in gone:
            del self._erasures[key]
        return len(gone)

    def put_answers(self, answers: Sequence[KeptAnswer]) -> None:
        self.ping()
        self.answers.update({one.answer_id: (one.content, one.expires_at) for one in answers})

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

    def write(
        self,
        rows: Sequence[TableRow],
        offsets: Mapping[TopicPartition, int],
        letters: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self.ping()
        self._last_write = max(datetime.now(UTC), self._last_write + timedelta(milliseconds=1))
        for row in rows:
            if row.columns is None:
                self._rows[row.table].pop(row.key, None)
            else:
                table = LIVE_TABLES[row.table]
                held = row_of(table.row, {**table.added, **row.columns})
                self._rows[row.table][row.key] = (held, self._last_write)
            self._as_of[row.table] = self._last_write
        self._offsets.update(offsets)
        self._letters.update({at: (letters or {}).get(at, 0) for at in offsets})

    def drop_rows_of(self, listener_ids: Collection[str]) -> int:
        self.ping()
        dropped = 0
        for table in (LISTENER_ACTIVITY, DEAD_LETTERS):
            rows = self._rows[table.name]
            named = [key for key, (row, _) in rows.items() if named_in_row(asdict(row), listener_ids)]
            for key in named:
                del rows[key]
            dropped += len(named)
        return dropped

    def offsets(self) -> dict[TopicPartition, int]:
        self.ping()
        return dict(self._offsets)

    def letters(self) -> dict[TopicPartition, int]:
        self.ping()
        return {at: count for at, count in self._letters.items() if count}

    def page(self, table: LiveTable[RowT], query: TableQuery) -> Page[RowT]:
        self.ping()
        question = question_digest(table.name, astuple(replace(query, page_size=0, page_token="")))
        compared = query.comparisons(table)
        rows = [
            row
            for row, written_at in self._rows[table.name].values()
            if all(_holds(one, getattr(row, one.column)) for one in compared)
            and (query.written_after is None or written_at > query.written_after)
        ]
        if table.is_ranking:
            moments = [getattr(row, table.moment) for row in self._of_span(table, query.span or table.span)]
            rows = [row for row in rows if getattr(row, table.moment) == max(moments)]
        for nth, by in reversed([*enumerate(table.order)]):
            rows.sort(key=lambda row, nth=nth: _position(table, row)[nth], reverse=by.descending)
        if query.page_token:
            after = decode_page_token(query.page_token, table.position_types, question=question)
            rows = [row for row in rows if _is_after(table, _position(table, row), after)]
        shown = rows[: query.page_size]
        token = encode_page_token(_position(table, shown[-1]), question=question) if len(rows) > len(shown) else ""
        return Page(rows=tuple(shown), next_page_token=token, as_of=self._as_of.get(table.name))

    def popular_tracks(self, span: PopularitySpan, *, limit: int) -> list[TrackPopularity]:
        self.ping()
        rows = self._of_span(TRACK_POPULARITY, span)
        return sorted(rows, key=lambda row: (-row.window_end.timestamp(), row.rank, row.track_id))[:limit]

    def drop_rows_before(self, table: LiveTable[RowT], moment: datetime) -> int:
        self.ping()
        rows = self._rows[table.name]
        old = [key for key, (row, _) in rows.items() if getattr(row, table.moment) < moment]
        for key in old:
            del rows[key]
        return len(old)

    def _of_span(self, table: LiveTable[RowT], span: Span | PopularitySpan | None) -> list[Any]:
        return [row for row, _ in self._rows[table.name].values() if row.span == span]

    def migrate(self) -> None:
        self.ping()

    def ping(self) -> None:
        if self.down:
            raise Unavailable("the store is down, as the test asked")

    def close(self) -> None:
        pass


class HandedModels(FolderModelRepository):
    """The repository in a folder, and beside what was published there the versions that a test hands in as they load.

    `altered` makes every load refuse; `files` are those of the handed in versions, by version and name.
    """

    def __init__(self, folder: Path, version: ModelVersion | None = None) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.altered = False
        self._handed: dict[str, ModelVersion] = {}
        self.files: dict[tuple[str, str], bytes] = {}
        if version is not None:
            self.hand_in(version)

    def hand_in(self, version: ModelVersion) -> None:
        """Point to the version."""
        self._handed[version.version] = version
        self.point(version.version)

    def load(self, version: str) -> ModelVersion:
        if self.altered:
            raise ModelRefused(f"{version} was altered, as the test asked")
        return self._handed.get(version) or super().load(version)

    def read(self, version: str, name: str) -> bytes:
        held = self.files.get((version, name))
        return super().read(version, name) if held is None else held


_HOLDS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.IS: eq,
    Operator.ONE_OF: lambda cell, words: cell in words,
    Operator.AT_LEAST: ge,
    Operator.AT_MOST: le,
    Operator.BEFORE: lt,
}


def _holds(one: Comparison, cell: Any) -> bool:
    return _HOLDS[one.operator](cell, one.value)


def _position(table: LiveTable[Any], row: Any) -> list[Any]:
    return table.position({by.column: getattr(row, by.column) for by in table.order})


def _is_after(table: LiveTable[Any], position: Sequence[Any], place: Sequence[Any]) -> bool:
    """Whether a position stands beyond a place in the table's order."""
    for by, own, other in zip(table.order, position, place, strict=True):
        if own != other:
            return bool(own < other) is by.descending
    return False
