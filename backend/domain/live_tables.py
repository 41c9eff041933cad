"""The live tables as everybody reads them, declared once.

Columns, their types, what may be absent, primary keys and meanings stand in the DDL, `streaming/tables/NAME.sql`; the
row as Python holds it stands in `tables.py`; here stands how a list of rows is sorted and cut. Store, server, topics
and the stores of tests take these; tests/unit/test_table_declarations.py holds DDL, rows, contract and analytics to
each other and names the file and the column where they differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar, get_type_hints

from backend.domain.page_tokens import Position
from backend.domain.tables import (
    Anomaly,
    ArtistEngagement,
    ArtistPopularity,
    DeadLetter,
    DeadLetterCount,
    ListenerActivity,
    PopularitySpan,
    Span,
    TopicHour,
    TrackCluster,
    TrackPopularity,
    Trend,
)

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class By:
    """One column of a sort order; `by_size` sorts by the absolute value."""

    column: str
    descending: bool = False
    by_size: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTable(Generic[RowT]):
    """A table that Flink fills: topic = collection = `name`.

    `order` is total, so that a page can go on after any row; a table without one is not read in pages. `moment` is the
    column that a query's start and end compare ("" where there is none); a table whose order leaves it out is a
    ranking: a page holds rows of the newest moment only. `span` is what is read where a query names none. `added` are
    columns that the table has got since, with what they are in rows and records from before.
    """

    name: str
    row: type[RowT]
    order: tuple[By, ...] = ()
    moment: str = "window_start"
    span: Span | PopularitySpan | None = None
    added: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def columns(self) -> Mapping[str, Any]:
        """The type of each column."""
        return _columns(self.row)  # type: ignore[arg-type]  # classes are hashable

    @property
    def is_ranking(self) -> bool:
        """Whether a page holds rows of the newest moment only."""
        return self.moment != "" and all(by.column != self.moment for by in self.order)

    def position(self, cells: Mapping[str, Any]) -> list[Position]:
        """Where a row stands in the order, as a page token holds it: moments in milliseconds, words as text."""
        kinds = zip(self.order, self.position_types, strict=True)
        return [_told(cells[by.column], kind, by_size=by.by_size) for by, kind in kinds]

    @property
    def position_types(self) -> tuple[type, ...]:
        """The type of each value of `position`."""
        held = {datetime: int, int: int, float: float}
        return tuple(held.get(self.columns[by.column], str) for by in self.order)


def _told(cell: Any, kind: type, *, by_size: bool) -> Position:
    if isinstance(cell, datetime):
        return round(cell.timestamp() * 1000)
    told: Position = kind(cell)  # a whole number in a column of reals may come as an int
    return abs(told) if by_size and not isinstance(told, str) else told


@cache
def _columns(row: type) -> Mapping[str, Any]:
    return get_type_hints(row)


_NEWEST: Final = By("window_start", descending=True)
_MOST_PLAYS: Final = By("plays", descending=True)

ARTIST_ENGAGEMENT: Final = LiveTable(
    name="artist_engagement",
    row=ArtistEngagement,
    order=(_NEWEST, _MOST_PLAYS, By("artist_id")),
    span=Span.HOUR,
)
TRACK_POPULARITY: Final = LiveTable(
    name="track_popularity",
    row=TrackPopularity,
    order=(By("rank"), By("track_id")),
    moment="window_end",
    span=PopularitySpan.DAY,
)
ARTIST_POPULARITY: Final = LiveTable(
    name="artist_popularity",
    row=ArtistPopularity,
    order=(By("rank"), By("artist_id")),
    moment="window_end",
    span=PopularitySpan.DAY,
)
TRENDS: Final = LiveTable(name="trends", row=Trend, order=(_NEWEST, By("rank"), By("track_id")))
ANOMALIES: Final = LiveTable(
    name="anomalies",
    row=Anomaly,
    order=(_NEWEST, By("z_score", descending=True, by_size=True), By("alert_id")),
)
LISTENER_ACTIVITY: Final = LiveTable(
    name="listener_activity", row=ListenerActivity, order=(_NEWEST, _MOST_PLAYS, By("listener_id"))
)
TRACK_CLUSTERS: Final = LiveTable(name="track_clusters", row=TrackCluster, moment="")
TOPIC_HOURS: Final = LiveTable(name="topic_hours", row=TopicHour, order=(_NEWEST, By("cluster")))
DEAD_LETTERS: Final = LiveTable(
    name="dead_letters",
    row=DeadLetter,
    order=(
        *(By("noted_at", descending=True), By("reason")),
        *(By("source_topic"), By("source_partition"), By("source_offset")),
    ),
    moment="noted_at",
    added={"source_topic": "plays"},
)
DEAD_LETTER_COUNTS: Final = LiveTable(
    name="dead_letter_counts",
    row=DeadLetterCount,
    order=(By("reason"), By("source_topic")),
    moment="",
    added={"source_topic": "plays"},
)

LIVE_TABLES: Final[Mapping[str, LiveTable[Any]]] = {
    table.name: table
    for table in (
        *(ARTIST_ENGAGEMENT, TRACK_POPULARITY, ARTIST_POPULARITY, TRENDS, ANOMALIES, LISTENER_ACTIVITY),
        *(TRACK_CLUSTERS, TOPIC_HOURS, DEAD_LETTERS, DEAD_LETTER_COUNTS),
    )
}
"""Every table with a primary key, by name: one result topic and one collection each."""
