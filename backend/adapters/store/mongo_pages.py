"""Paging by range: filters, sort orders, and where a page goes on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.adapters.store.mongo_connection import Document
from backend.domain.errors import InvalidInput, Violation
from backend.domain.page_tokens import Position, decode_page_token, encode_page_token, question_digest
from backend.domain.tables import PopularitySpan, Severity, Span
from backend.ports.store import Table, TableQuery


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: column to direction (1 or -1), and each column's type in a page token.

    `moment` is the column that a query's start and end compare; `span` is what is read where a query names none.
    """

    keys: Mapping[str, int]
    shape: tuple[type, ...]
    moment: str = "window_start"
    span: Span | PopularitySpan | None = None

    @property
    def newest_only(self) -> bool:
        """Whether a page holds rows of the newest moment only, as rankings do."""
        return self.moment not in self.keys


ORDERS: Mapping[str, Order] = {
    Table.ARTIST_ENGAGEMENT: Order({"window_start": -1, "plays": -1, "artist_id": 1}, (int, int, str), span=Span.HOUR),
    Table.TRACK_POPULARITY: Order({"rank": 1, "track_id": 1}, (int, str), moment="window_end", span=PopularitySpan.DAY),
    Table.ARTIST_POPULARITY: Order(
        {"rank": 1, "artist_id": 1}, (int, str), moment="window_end", span=PopularitySpan.DAY
    ),
    Table.TRENDS: Order({"window_start": -1, "rank": 1, "track_id": 1}, (int, int, str)),
    Table.ANOMALIES: Order({"window_start": -1, "abs_z_score": -1, "alert_id": 1}, (int, float, str)),
    Table.LISTENER_ACTIVITY: Order({"window_start": -1, "plays": -1, "listener_id": 1}, (int, int, str)),
    Table.TOPIC_HOURS: Order({"window_start": -1, "cluster": 1}, (int, int)),
    Table.DEAD_LETTERS: Order(
        {"noted_at": -1, "reason": 1, "source_partition": 1, "source_offset": 1}, (int, str, int, int), "noted_at"
    ),
}
"""The tables that are read in pages."""

_SEVERITIES = tuple(Severity)
"""Mildest first."""


LATEST = (timedelta(hours=2), timedelta(hours=24), timedelta(days=30))
"""How far back to look before looking at everything; see `spans`."""

LAST_MILLISECOND = 7_258_118_400_000
"""The start of the year 2200: the contract's ranges end before it, so no row's moment is a position after it."""


def conditions(table: Table, query: TableQuery) -> Document:
    """The rows of a query after its page token, from typed values only. Raises InvalidInput (page token)."""
    order = ORDERS[table]
    asked = _filters(query)
    if order.span is not None:
        asked["span"] = {"$eq": (query.span or order.span).value}
    moments: Document = {}
    if query.start is not None:
        moments["$gte"] = query.start
    if query.end is not None:
        moments["$lt"] = query.end
    if query.page_token:
        values = _position(table, query)
        if not order.newest_only:
            # Said twice: alone, the alternatives would make a server without a query planner look at every row.
            moments["$lte"] = values[0]
        asked["$or"] = _after(order, values)
    return {**asked, order.moment: moments} if moments else asked


def _filters(query: TableQuery) -> Document:
    """What a query compares besides moments and spans."""
    asked: Document = {}
    for name in ("artist_id", "track_id", "listener_id"):
        if wanted := getattr(query, name):
            asked[name] = {"$eq": wanted}
    for name in ("kind", "subject", "reason"):
        if (word := getattr(query, name)) is not None:
            asked[name] = {"$eq": word.value}
    if query.cluster is not None:
        asked["cluster"] = {"$eq": query.cluster}
    if query.min_plays:
        asked["plays"] = {"$gte": query.min_plays}
    if query.max_rank:
        asked["rank"] = {"$lte": query.max_rank}
    if query.min_severity is not None:
        severe = _SEVERITIES[_SEVERITIES.index(query.min_severity) :]
        asked["severity"] = {"$in": [severity.value for severity in severe]}
    if query.written_after is not None:
        asked["written_at"] = {"$gt": query.written_after}
    return asked


def spans(order: Order, asked: Document, newest: datetime | None) -> Iterator[Document]:
    """The same conditions, at first for the latest hours only, in the end without a limit of ours.

    Tables are read newest first, so the first page is nearly always among the latest hours; sorting just those is
    what keeps it quick where the server sorts without an index (mongo-java-server: 2 s for 100,000 rows).
    """
    moments = asked.get(order.moment, {})
    if newest is not None and not asked.keys() & {"artist_id", "track_id", "listener_id", "written_at"}:
        latest = min(newest, moments.get("$lte", newest), moments.get("$lt", newest))
        for span in LATEST:
            since = latest - span
            if since <= moments.get("$gte", since - span):
                break
            yield {**asked, order.moment: {**moments, "$gte": since}}
    yield asked


def _position(table: Table, query: TableQuery) -> list[Position | datetime]:
    order = ORDERS[table]
    position = decode_page_token(query.page_token, order.shape, question=_question(table, query))
    return [_moment(value) if name == order.moment else value for name, value in zip(order.keys, position, strict=True)]


def _after(order: Order, values: Sequence[Position | datetime]) -> list[Document]:
    """Beyond this place in the order, as alternatives of increasing depth."""
    names = list(order.keys)
    return [
        {
            **dict(zip(names[:depth], values[:depth], strict=True)),
            name: {"$gt" if order.keys[name] > 0 else "$lt": values[depth]},
        }
        for depth, name in enumerate(names)
    ]


def next_page_token(table: Table, query: TableQuery, last: Document) -> str:
    """The token of the page after `last`."""
    order = ORDERS[table]
    position = [_told(kind, last[name]) for name, kind in zip(order.keys, order.shape, strict=True)]
    return encode_page_token(position, question=_question(table, query))


def _question(table: Table, query: TableQuery) -> str:
    # Another page size is the same question.
    return question_digest(table.value, astuple(replace(query, page_size=0, page_token="")))


def _told(kind: type, value: Position | datetime) -> Position:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    return float(value) if kind is float else value


def _moment(value: Position) -> datetime:
    if not 0 <= int(value) < LAST_MILLISECOND:
        raise InvalidInput([Violation("page_token", "not a token that was given out")])
    return datetime.fromtimestamp(int(value) / 1000, tz=UTC)
