"""Paging by range: filters, sort orders, and where a page goes on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.adapters.store.mongo_connection import Document
from backend.domain.errors import InvalidInput, Violation
from backend.domain.live_tables import By, LiveTable
from backend.domain.page_tokens import Position, decode_page_token, encode_page_token, question_digest
from backend.ports.store import Operator, TableQuery

_OPERATORS: Mapping[Operator, str] = {
    Operator.IS: "$eq",
    Operator.ONE_OF: "$in",
    Operator.AT_LEAST: "$gte",
    Operator.AT_MOST: "$lte",
    Operator.BEFORE: "$lt",
}

LATEST = (timedelta(hours=2), timedelta(hours=24), timedelta(days=30))
"""How far back to look before looking at everything; see `spans`."""

LAST_MILLISECOND = 7_258_118_400_000
"""The start of the year 2200: the contract's ranges end before it, so no row's moment is a position after it."""


def stored_as(by: By) -> str:
    """The field of a document that is sorted: a size has one of its own, as an index knows no absolute values."""
    return f"abs_{by.column}" if by.by_size else by.column


def sort_keys(table: LiveTable[Any]) -> list[tuple[str, int]]:
    """The table's order as MongoDB takes it."""
    return [(stored_as(by), -1 if by.descending else 1) for by in table.order]


def conditions(table: LiveTable[Any], query: TableQuery) -> Document:
    """The rows of a query after its page token, from typed values only. Raises InvalidInput (page token)."""
    asked: Document = {}
    for one in query.comparisons(table):
        wanted = list(one.value) if isinstance(one.value, tuple) else one.value
        asked.setdefault(one.column, {})[_OPERATORS[one.operator]] = wanted
    if query.written_after is not None:
        asked["written_at"] = {"$gt": query.written_after}
    if query.page_token:
        values = _position(table, query)
        if table.order[0].column == table.moment:
            # Said twice: alone, the alternatives would make a server without a query planner look at every row.
            asked.setdefault(table.moment, {})["$lte"] = values[0]
        asked["$or"] = _after(table, values)
    return asked


def spans(table: LiveTable[Any], asked: Document, newest: datetime | None) -> Iterator[Document]:
    """The same conditions, at first for the latest hours only, in the end without a limit of ours.

    Tables are read newest first, so the first page is nearly always among the latest hours; sorting just those is
    what keeps it quick where the server sorts without an index (mongo-java-server: 2 s for 100,000 rows).
    """
    moments = asked.get(table.moment, {})
    if newest is not None and not asked.keys() & {"artist_id", "track_id", "listener_id", "written_at"}:
        latest = min(newest, moments.get("$lte", newest), moments.get("$lt", newest))
        for span in LATEST:
            since = latest - span
            if since <= moments.get("$gte", since - span):
                break
            yield {**asked, table.moment: {**moments, "$gte": since}}
    yield asked


def _position(table: LiveTable[Any], query: TableQuery) -> list[Position | datetime]:
    position = decode_page_token(query.page_token, table.position_types, question=_question(table, query))
    return [
        _moment(value) if table.columns[by.column] is datetime else value
        for by, value in zip(table.order, position, strict=True)
    ]


def _after(table: LiveTable[Any], values: Sequence[Position | datetime]) -> list[Document]:
    """Beyond this place in the order, as alternatives of increasing depth."""
    names = [stored_as(by) for by in table.order]
    return [
        {
            **dict(zip(names[:depth], values[:depth], strict=True)),
            names[depth]: {"$lt" if by.descending else "$gt": values[depth]},
        }
        for depth, by in enumerate(table.order)
    ]


def next_page_token(table: LiveTable[Any], query: TableQuery, last: Document) -> str:
    """The token of the page after `last`."""
    return encode_page_token(table.position(last), question=_question(table, query))


def _question(table: LiveTable[Any], query: TableQuery) -> str:
    # Another page size is the same question.
    return question_digest(table.name, astuple(replace(query, page_size=0, page_token="")))


def _moment(value: Position) -> datetime:
    if not 0 <= int(value) < LAST_MILLISECOND:
        raise InvalidInput([Violation("page_token", "not a token that was given out")])
    return datetime.fromtimestamp(int(value) / 1000, tz=UTC)
