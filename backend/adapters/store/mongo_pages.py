"""Paging by range: filters, sort orders, and where a page goes on."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime

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


def filters(query: TableQuery) -> list[Document]:
    """The conditions of a query, from typed values only."""
    conditions: list[Document] = []
    if query.start is not None:
        conditions.append({"window_start": {"$gte": query.start}})
    if query.end is not None:
        conditions.append({"window_start": {"$lt": query.end}})
    if query.artist_id:
        conditions.append({"artist_id": {"$eq": query.artist_id}})
    if query.track_id:
        conditions.append({"track_id": {"$eq": query.track_id}})
    if query.min_plays:
        conditions.append({"plays": {"$gte": query.min_plays}})
    if query.max_rank:
        conditions.append({"rank": {"$lte": query.max_rank}})
    if query.min_severity is not None:
        severe = _SEVERITIES[_SEVERITIES.index(query.min_severity) :]
        conditions.append({"severity": {"$in": [severity.value for severity in severe]}})
    if query.kind is not None:
        conditions.append({"kind": {"$eq": query.kind.value}})
    if query.written_after is not None:
        conditions.append({"written_at": {"$gt": query.written_after}})
    return conditions


def continuation(table: Table, order: Order, query: TableQuery) -> list[Document]:
    """The condition "after the position in the page token", [] for a first page. Raises InvalidInput."""
    if not query.page_token:
        return []
    position = decode_page_token(query.page_token, order.shape, question=_question(table, query))
    values = [_stored(name, value) for name, value in zip(order.keys, position, strict=True)]
    alternatives: list[Document] = []
    names = list(order.keys)
    for depth, name in enumerate(names):
        same: Document = dict(zip(names[:depth], values[:depth], strict=True))
        beyond = "$gt" if order.keys[name] > 0 else "$lt"
        alternatives.append({**same, name: {beyond: values[depth]}})
    return [{"$or": alternatives}]


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
