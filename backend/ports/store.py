"""The store: the catalogue, profiles and live tables, as rows by key."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from backend.domain.listeners import Profile
from backend.domain.live_tables import LiveTable
from backend.domain.tables import (
    AnomalyKind,
    AnomalySubject,
    DeadLetterReason,
    PopularitySpan,
    Severity,
    Span,
    TrackPopularity,
)
from backend.domain.tracks import Artist, Track
from backend.ports.erasures import ErasureStore
from backend.ports.event_log import TopicPartition

RowT = TypeVar("RowT")
Scalar = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row as the sink writes it: its primary key as one string, and its columns (None: the row is deleted)."""

    table: str
    key: str
    columns: Mapping[str, Scalar] | None


class CatalogueStore(Protocol):
    """Tracks and artists by id. A put replaces; the last put wins."""

    def put_tracks(self, tracks: Sequence[Track]) -> None:
        """Durable when it returns. Raises Unavailable."""
        ...

    def put_artists(self, artists: Sequence[Artist]) -> None:
        """Durable when it returns. Raises Unavailable."""
        ...

    def tracks(self, track_ids: Sequence[str]) -> dict[str, Track]:
        """The known ones among them."""
        ...

    def artists(self, artist_ids: Sequence[str]) -> dict[str, Artist]:
        """The known ones among them."""
        ...

    def all_tracks(self) -> Iterator[Track]:
        """Every track, in order of its id, never all in memory."""
        ...

    def all_artists(self) -> Iterator[Artist]:
        """Every artist, in order of its id, never all in memory."""
        ...


class ProfileStore(Protocol):
    """Listeners' profiles by pseudonym. A put replaces."""

    def profiles(self, listener_ids: Sequence[str]) -> dict[str, Profile]:
        """The known ones among them."""
        ...

    def put_profiles(self, profiles: Sequence[Profile]) -> None:
        """Durable when it returns. Raises Unavailable."""
        ...

    def drop_profiles(self, listener_ids: Sequence[str]) -> int:
        """Those that are there are there no more; how many. Durable when it returns. Raises Unavailable."""
        ...


class Operator(StrEnum):
    """How a comparison compares."""

    IS = "is"
    ONE_OF = "one of"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a row's column must be; words are plain text. ONE_OF compares with a tuple of words."""

    column: str
    operator: Operator
    value: Scalar | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """Which rows of a live table: None, "" and 0 mean "any". `start` is inclusive, `end` is not.

    Both compare a row's window_start, or the moment it was noted at. `span` means hours of engagement and 24 hours of
    popularity where it is None. `written_after` keeps rows the store wrote after that moment (for watching). A filter
    that a table has no column for must be left out.
    """

    start: datetime | None = None
    end: datetime | None = None
    span: Span | PopularitySpan | None = None
    artist_id: str = ""
    track_id: str = ""
    listener_id: str = ""
    cluster: int | None = None
    subject: AnomalySubject | None = None
    reason: DeadLetterReason | None = None
    min_plays: int = 0
    max_rank: int = 0
    min_severity: Severity | None = None
    kind: AnomalyKind | None = None
    written_after: datetime | None = None
    page_size: int = 100
    page_token: str = ""

    def comparisons(self, table: LiveTable[RowT]) -> list[Comparison]:
        """What a row's columns must be, all of it. Raises ValueError where the table lacks a column asked for."""
        asked = [
            _comparison(*FILTERS[field.name], getattr(self, field.name))
            for field in fields(self)
            if field.name in FILTERS and getattr(self, field.name) != field.default
        ]
        if self.span is None and table.span is not None:
            asked.append(_comparison("span", Operator.IS, table.span))
        if self.start is not None:
            asked.append(Comparison(table.moment, Operator.AT_LEAST, self.start))
        if self.end is not None:
            asked.append(Comparison(table.moment, Operator.BEFORE, self.end))
        for one in asked:
            if one.column not in table.columns:
                raise ValueError(f"{table.name} has no column {one.column or 'of a moment'} to compare")
        return asked


FILTERS: Mapping[str, tuple[str, Operator]] = {
    **{word: (word, Operator.IS) for word in ("span", "artist_id", "track_id", "listener_id", "cluster")},
    **{word: (word, Operator.IS) for word in ("subject", "reason", "kind")},
    "min_plays": ("plays", Operator.AT_LEAST),
    "max_rank": ("rank", Operator.AT_MOST),
    "min_severity": ("severity", Operator.ONE_OF),
}
"""The column that a filter of a query compares, and how."""

_SEVERITIES = tuple(Severity)
"""Mildest first."""


def _comparison(column: str, operator: Operator, wanted: Scalar) -> Comparison:
    if isinstance(wanted, Severity):
        severe = _SEVERITIES[_SEVERITIES.index(wanted) :]
        return Comparison(column, operator, tuple(one.value for one in severe))
    return Comparison(column, operator, wanted.value if isinstance(wanted, StrEnum) else wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[RowT]):
    """Some rows, where to go on ("" at the end), and when the newest row of the table was written."""

    rows: tuple[RowT, ...]
    next_page_token: str
    as_of: datetime | None


class TableStore(Protocol):
    """The live tables.

    `write` upserts rows by key and keeps the offsets beside them in the same database, so that a sink killed at any
    moment resumes from what the store really holds; writing the same rows again changes nothing but `written_at`.
    With each offset stands, in one piece, how many letters the sink has written of the records before it.
    Pages go by range over the table's order (no skipping), so that rows written meanwhile neither repeat nor hide
    others. Every method raises Unavailable; a bad page token raises InvalidInput.
    """

    def write(
        self,
        rows: Sequence[TableRow],
        offsets: Mapping[TopicPartition, int],
        letters: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        """Rows first, then the offsets (of the next record to read), each with its letters: 0 where none are given."""
        ...

    def drop_rows_of(self, listener_ids: Collection[str]) -> int:
        """Rows and letters that name one of these listeners are there no more; how many. Durable when it returns."""
        ...

    def offsets(self) -> dict[TopicPartition, int]:
        """Where the sink goes on."""
        ...

    def letters(self) -> dict[TopicPartition, int]:
        """How many letters the sink has written of the records before each offset, where any."""
        ...

    def page(self, table: LiveTable[RowT], query: TableQuery) -> Page[RowT]:
        """Rows of a table with an order, in that order.

        A ranking shows its span's newest window, which may move on between two pages.
        """
        ...

    def popular_tracks(self, span: PopularitySpan, *, limit: int) -> list[TrackPopularity]:
        """Tracks of the span's newest window, by rank; then those of older windows, newest first."""
        ...

    def drop_rows_before(self, table: LiveTable[RowT], moment: datetime) -> int:
        """Rows of a table whose own moment is before that are there no more; how many. Durable when it returns."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer's bytes under its id."""

    answer_id: str
    content: bytes
    expires_at: datetime


class AnswerStore(Protocol):
    """Answers under their ids, for their next pages, until they expire. Every method raises Unavailable."""

    def put_answers(self, answers: Sequence[KeptAnswer]) -> None:
        """When it returns every process reads them; a crash of the store may still lose them. A put replaces."""
        ...

    def answer(self, answer_id: str, *, now: datetime) -> bytes | None:
        """As it was put; None where there is none, or it has expired by `now`."""
        ...

    def drop_answers(self, answer_ids: Sequence[str]) -> None:
        """Those that are there are there no more."""
        ...

    def drop_expired_answers(self, *, now: datetime) -> None:
        """Those of every process. It may read them all, so it is not for every call."""
        ...


class Store(CatalogueStore, ProfileStore, TableStore, AnswerStore, ErasureStore, Protocol):
    """All of it: what one database holds."""

    def migrate(self) -> None:
        """Create the indexes. Safe to repeat."""
        ...

    def ping(self) -> None:
        """Raises Unavailable where the store cannot be reached."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...
