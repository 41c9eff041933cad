"""Result records as rows of the live tables, each cell of the type that the table's row declares.

Whatever a record holds, reading it ends in a row that store and server can take, or in MalformedRecord.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args

from backend.domain.live_tables import LIVE_TABLES
from backend.ports.event_log import StoredRecord
from backend.ports.fields import MalformedRecord, parsed, told
from backend.ports.store import Scalar, TableRow
from streaming.schema import TableSchema

ToRow = Callable[[StoredRecord], TableRow]
Cell = Callable[[object], Scalar]
"""Checks what JSON holds for one column and returns it as the store keeps it. Raises ValueError, OverflowError."""

_WHOLE = range(-(2**63), 2**63)


def row_reader(table: TableSchema) -> ToRow:
    """How a record of this table becomes a row: its key joins the primary key's values.

    Made once a table, as it runs once a record; what it makes raises MalformedRecord. A column that may be absent and
    is not there is null, one that was added holds what it did before: the record may be of a time before the column.
    """
    what = f"a row of {table.name}"
    cells = {name: _cell(kind) for name, kind in LIVE_TABLES[table.name].columns.items()}
    before = LIVE_TABLES[table.name].added
    nothing: dict[str, object] = {**dict.fromkeys(cells), **before}
    key_cells = {name: cells[name] for name in table.key}

    def row(record: StoredRecord) -> TableRow:
        names = {**before, **_object(record.key or b"null", what)}
        _checked(names, key_cells, what)
        joined = row_key(table, names)
        if record.value is None:
            return TableRow(table=table.name, key=joined, columns=None)
        found = nothing | _object(record.value, what)
        if len(found) > len(cells):
            raise MalformedRecord(f"not {what}: unknown column {min(found.keys() - cells.keys())!r:.40}")
        return TableRow(table=table.name, key=joined, columns=_checked(found, cells, what))

    return row


def row_key(table: TableSchema, columns: Mapping[str, object]) -> str:
    """The primary key's values as the store joins them.

    A column that was added is left out where it holds what it did before: the rows of then keep their keys.
    """
    before = LIVE_TABLES[table.name].added
    return "|".join([str(columns[name]) for name in table.key if not before or before.get(name) != columns[name]])


def _object(value: bytes, what: str) -> dict[str, object]:
    found = parsed(value, what)
    if not isinstance(found, dict):
        raise MalformedRecord(f"not {what}: no JSON object")
    return found


def _checked(found: Mapping[str, object], cells: Mapping[str, Cell], what: str) -> dict[str, Scalar]:
    checked: dict[str, Scalar] = {}
    for name, cell in cells.items():
        value = found.get(name)
        try:
            checked[name] = cell(value)
        except (ValueError, OverflowError):
            raise MalformedRecord(f"not {what}: {name} is {told(value)}") from None
    return checked


def _cell(kind: Any) -> Cell:
    """The check of a column whose cells are of this type in the row class."""
    if isinstance(kind, UnionType):
        (bare,) = (one for one in get_args(kind) if one is not NoneType)
        within = _cell(bare)
        return lambda value: None if value is None else within(value)
    if issubclass(kind, StrEnum):
        return lambda value: kind(value).value
    return {str: _text, int: _whole, float: _real, datetime: _moment}[kind]


def _text(value: object) -> Scalar:
    if type(value) is not str:
        raise ValueError
    return value


def _whole(value: object) -> Scalar:
    if type(value) is not int or value not in _WHOLE:
        raise ValueError
    return value


def _real(value: object) -> Scalar:
    if type(value) is not float and type(value) is not int:
        raise ValueError
    return float(value)


def _moment(value: object) -> Scalar:
    if type(value) is not str:
        raise ValueError
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)
