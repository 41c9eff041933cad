"""Paging by range: filters, sort orders, and where a page goes on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.adapters.store.mongo_connection import Document
from backend.domain.errors import InvalidInput, Violation
from backend.domain.page_tokens import Position, decode_page_token, encode_page_token, question_digest
from backend.domain.tables import Severity
from backend.ports.store import Table, TableQuery


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: column to direction (1 or -1), and each column's type in a page token."""

    keys: Mapping[str, int]
    shape: tuple[type, ...]


ARTIST_ENGAGEMENT_ORDER = Order({"window_start": -1, "plays": -1, "artist_id": 1}, (int, int, str))
TRENDS_ORDER = Order({"window_start": -1, "rank": 1, "track_id": 1}, (int, int, str))
ANOMALIES_ORDER = Order({"window_start": -1, "abs_z_score": -1, "alert_id": 1}, (int, float, str))
POPULARITY_ORDER = Order({"listeners_24h": -1, "plays_24h": -1, "track_id": 1}, (int, int, str))

_SEVERITIES = tuple(Severity)
"""Mildest first."""


SPANS = (timedelta(hours=2), timedelta(hours=24), timedelta(days=30))
"""How far back to look before looking at everything; see `spans`."""


def conditions(table: Table, order: Order, query: TableQuery) -> Document:
    """The rows of a query after its page token, from typed values only. Raises InvalidInput (page token)."""
    asked: Document = {}
    hours: Document = {}
    if query.start is not None:
        hours["$gte"] = query.start
    if query.end is not None:
        hours["$lt"] = query.end
    if query.artist_id:
        asked["artist_id"] = {"$eq": query.artist_id}
    if query.track_id:
        asked["track_id"] = {"$eq": query.track_id}
    if query.min_plays:
        asked["plays"] = {"$gte": query.min_plays}
    if query.max_rank:
        asked["rank"] = {"$lte": query.max_rank}
    if query.min_severity is not None:
        severe = _SEVERITIES[_SEVERITIES.index(query.min_severity) :]
        asked["severity"] = {"$in": [severity.value for severity in severe]}
    if query.kind is not None:
        asked["kind"] = {"$eq": query.kind.value}
    if query.written_after is not None:
        asked["written_at"] = {"$gt": query.written_after}
    if query.page_token:
        values = _position(table, order, query)
        # Said twice: alone, the alternatives would make a server without a query planner look at every row.
        hours["$lte"] = values[0]
        asked["$or"] = _after(order, values)
    return {**asked, "window_start": hours} if hours else asked


def spans(asked: Document, newest: datetime | None) -> Iterator[Document]:
    """The same conditions, at first for the latest hours only, in the end without a limit of ours.

    Tables are read newest first, so the first page is nearly always among the latest hours; sorting just those is
    what keeps it quick where the server sorts without an index (mongo-java-server: 2 s for 100,000 rows).
    """
    hours = asked.get("window_start", {})
    if newest is not None and not asked.keys() & {"artist_id", "track_id", "written_at"}:
        latest = min(newest, hours.get("$lte", newest), hours.get("$lt", newest))
        for span in SPANS:
            since = latest - span
            if since <= hours.get("$gte", since - span):
                break
            yield {**asked, "window_start": {**hours, "$gte": since}}
    yield asked


def _position(table: Table, order: Order, query: TableQuery) -> list[Position | datetime]:
    position = decode_page_token(query.page_token, order.shape, question=_question(table, query))
    return [_stored(name, value) for name, value in zip(order.keys, position, strict=True)]


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


def next_page_token(table: Table, order: Order, query: TableQuery, last: Document) -> str:
    """The token of the page after `last`."""
    position = [_told(kind, last[name]) for name, kind in zip(order.keys, order.shape, strict=True)]
    return encode_page_token(position, question=_question(table, query))


def _question(table: Table, query: TableQuery) -> str:
    # Another page size is the same question.
    return question_digest(table.value, astuple(replace(query, page_size=0, page_token="")))


def _told(kind: type, value: Position | datetime) -> Position:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    return float(value) if kind is float else value


def _stored(name: str, value: Position) -> Position | datetime:
    if name != "window_start" or not isinstance(value, int):
        return value
    try:
        return datetime.fromtimestamp(value / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput([Violation("page_token", "not a token that was given out")]) from error
