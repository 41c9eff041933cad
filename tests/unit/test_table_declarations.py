"""One declaration for the live tables: the DDL. Rows, sort orders, contract and analytics are held to it here.

Every complaint names the file and the column to touch. Stores, topics and the stores of tests need no check: they are
driven by `backend/domain/live_tables.py`. That orders page as they say, tests/contract/test_store.py sees.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2

from analytics.columns import Column, Kind
from analytics.columns import Table as ShownTable
from analytics.frames import MESSAGES
from backend.domain.live_tables import LIVE_TABLES, TRACK_CLUSTERS, By, LiveTable
from backend.ports.store import FILTERS
from backend.rpc.convert_tables import ASKED
from streaming.schema import TableSchema, parse, result_tables, schema

PYTHON: Mapping[str, type] = {
    "STRING": str,
    "BYTES": str,
    "BIGINT": int,
    "DOUBLE": float,
    "TIMESTAMP_LTZ(3)": datetime,
}
"""What a column of each SQL type is in a row; a word of a StrEnum counts as str, BYTES are base64."""

CONTRACT: Mapping[str, set[int]] = {
    "STRING": {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM},
    "BYTES": {FieldDescriptor.TYPE_STRING},
    "BIGINT": {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32},
    "DOUBLE": {FieldDescriptor.TYPE_DOUBLE},
    "TIMESTAMP_LTZ(3)": {FieldDescriptor.TYPE_MESSAGE},
}
SHOWN: Mapping[str, Kind] = {
    "STRING": Kind.TEXT,
    "BYTES": Kind.TEXT,
    "BIGINT": Kind.INTEGER,
    "DOUBLE": Kind.REAL,
    "TIMESTAMP_LTZ(3)": Kind.TIME,
}
NAMES: Mapping[str, str] = {"artist_id": "artist_name", "track_id": "title"}
"""What the catalogue adds to an id on the way to people."""

DAYS = "artist_engagement_days"
NOT_SHOWN = {TRACK_CLUSTERS.name}
"""Tables that only the job itself reads."""


def declared(shown: ShownTable) -> TableSchema:
    """The DDL of a table of analytics; engagement is shown as two."""
    return schema(shown.name.removesuffix("_days") if shown.name == DAYS else shown.name)


def row_complaints(ddl: TableSchema, row: type) -> list[str]:
    """Where a row class is not what the DDL says."""
    place = f"backend/domain/tables.py: {row.__name__}"
    hints = get_type_hints(row)
    found = [f"{place}.{name} is no column of streaming/tables/{ddl.name}.sql" for name in hints if not has(ddl, name)]
    for column in ddl.columns:
        if column.name not in hints:
            found.append(f"{place} lacks {column.name}, a column of streaming/tables/{ddl.name}.sql")
            continue
        kind, nullable = bare(hints[column.name])
        if not issubclass(kind, PYTHON[column.type]):
            found.append(f"{place}.{column.name} is {kind.__name__}, the DDL says {column.type}")
        if nullable is not column.nullable:
            found.append(f"{place}.{column.name}: NULL in the DDL is {column.nullable}, None in the row {nullable}")
    if not found and list(hints) != [column.name for column in ddl.columns]:
        found.append(f"{place}: its fields stand in another order than the DDL's columns")
    return found


def bare(hint: Any) -> tuple[type, bool]:
    """The type of a column without None, and whether None was there."""
    if isinstance(hint, UnionType):
        (kind,) = (one for one in get_args(hint) if one is not NoneType)
        return kind, True
    return hint, False


def has(ddl: TableSchema, name: str) -> bool:
    """Whether the table has a column of that name."""
    return any(column.name == name for column in ddl.columns)


def order_complaints(ddl: TableSchema, table: LiveTable[Any]) -> list[str]:
    """Where rows of a table could not be paged in its order."""
    place = f"backend/domain/live_tables.py: {table.name}"
    columns = {column.name: column for column in ddl.columns}
    sorted_by = [by.column for by in table.order]
    used = {*sorted_by, *([table.moment] if table.moment else []), *(["span"] if table.span else [])}
    found = [f"{place}: {name} is no column of the DDL" for name in used if name not in columns]
    found += [f"{place}: {name} may be NULL, which has no place in an order" for name in used if null(columns, name)]
    if "span" in columns and table.span is None:
        found.append(f"{place}: has a column span and does not say which is read where a query names none")
    if table.moment and not found and columns[table.moment].type != "TIMESTAMP_LTZ(3)":
        found.append(f"{place}: its moment {table.moment} is {columns[table.moment].type}")
    if table.moment in sorted_by[1:]:
        found.append(f"{place}: its moment {table.moment} must come first in the order, or not at all")
    # One query reads one span, so the span need not be sorted by.
    missing = [name for name in ddl.key if name not in sorted_by and not (name == "span" and table.span)]
    if table.order and missing:
        found.append(f"{place}: its order is not total without {', '.join(missing)} of the primary key")
    return found


def null(columns: Mapping[str, Any], name: str) -> bool:
    """Whether the column is there and may be NULL."""
    return name in columns and columns[name].nullable


def message_complaints(ddls: Iterable[TableSchema], message: Descriptor) -> list[str]:
    """Where a message is not what the DDL of the tables that are told as it says."""
    ddls, place = list(ddls), f"proto/segue/v1/analytics.proto: {message.name}"
    fields = message.fields_by_name
    known = {column.name for ddl in ddls for column in ddl.columns}
    known |= {name for one, name in NAMES.items() if one in known}
    found = [
        f"{place}.{name} is no column of {', '.join(d.name for d in ddls)}" for name in fields if name not in known
    ]
    for ddl in ddls:
        for column in ddl.columns:
            field = fields.get(column.name)
            if field is None:
                found.append(f"{place} lacks {column.name}, a column of streaming/tables/{ddl.name}.sql")
                continue
            if field.type not in CONTRACT[column.type] or field.message_type not in {None, Timestamp.DESCRIPTOR}:
                found.append(f"{place}.{column.name} has a type that is not {column.type} of the DDL")
            if field.message_type is None and field.has_presence is not (column.nullable and not is_id(column.name)):
                found.append(
                    f"{place}.{column.name}: NULL in the DDL is {column.nullable}, optional {field.has_presence}"
                )
    return found


def is_id(name: str) -> bool:
    """Whether the column holds an id: one that is absent is told as "", as the contract's ids are everywhere."""
    return name in NAMES


def shown_complaints(ddl: TableSchema, shown: ShownTable) -> list[str]:
    """Where a table of analytics is not what the DDL says."""
    place = f"analytics/tables.py: {shown.name}"
    has_span = any(column.name == "span" for column in shown.columns)
    told_apart = set() if has_span else {"span"}  # a table for each span
    columns = {column.name: column for column in shown.columns}
    wanted = [column for column in ddl.columns if column.name not in told_apart]
    names = [NAMES[column.name] for column in wanted if column.name in NAMES]
    found = [f"{place} lacks {name}, of an id in the DDL" for name in names if name not in columns]
    found += [f"{place}.{name} is no column of the DDL" for name in columns if not has(ddl, name) and name not in names]
    if {*ddl.key} - told_apart != {*shown.key}:
        found.append(f"{place}: its key is {shown.key}, the DDL's {ddl.key}")
    for column in wanted:
        found += cell_complaints(place, columns.get(column.name), column.name, SHOWN[column.type], column.nullable)
    return found + [f"{place}.{name} has no meaning" for name, one in columns.items() if not one.meaning]


def cell_complaints(place: str, shown: Column | None, name: str, kind: Kind, nullable: bool) -> list[str]:
    """Where one column of analytics is not what the DDL says; a REAL may always be absent, as NaN is."""
    if shown is None:
        return [f"{place} lacks {name}, a column of the DDL"]
    if shown.kind is not kind:
        return [f"{place}.{name} is {shown.kind}, the DDL says {kind}"]
    if shown.optional is not (nullable and not is_id(name)) and kind is not Kind.REAL:
        return [f"{place}.{name}: NULL in the DDL is {nullable}, optional {shown.optional}"]
    return []


def test_every_result_table_is_declared() -> None:
    """A file in streaming/tables/ with a primary key and an entry of LIVE_TABLES, neither without the other."""
    assert result_tables() == sorted(LIVE_TABLES)


@pytest.mark.parametrize("table", LIVE_TABLES.values(), ids=lambda table: table.name)
def test_rows_have_the_columns_of_their_table(table: LiveTable[Any]) -> None:
    """In the DDL's order, of its types, None where it says NULL."""
    assert [] == row_complaints(schema(table.name), table.row)


@pytest.mark.parametrize("table", LIVE_TABLES.values(), ids=lambda table: table.name)
def test_orders_are_total(table: LiveTable[Any]) -> None:
    """They name columns that are always there and decide between any two rows, so that a page can go on anywhere."""
    assert [] == order_complaints(schema(table.name), table)


@pytest.mark.parametrize("message", dict.fromkeys(MESSAGES.values()), ids=lambda message: message.DESCRIPTOR.name)
def test_messages_have_the_columns_of_their_tables(message: Any) -> None:
    """Rows are converted by name: a column or a field that only one side has would be lost without a word."""
    ddls = {ddl.name: ddl for table, told_as in MESSAGES.items() if told_as is message and (ddl := declared(table))}
    assert [] == message_complaints(ddls.values(), message.DESCRIPTOR)


def test_requests_ask_only_for_columns_of_their_tables() -> None:
    """A filter that the table has no column for is an error of the server; a range needs a moment."""
    found = []
    for method in analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"].methods:
        rows = method.output_type.fields_by_name["rows"].message_type
        place = f"proto/segue/v1/analytics.proto: {method.input_type.name}"
        for table in (LIVE_TABLES[declared(shown).name] for shown, one in MESSAGES.items() if one.DESCRIPTOR is rows):
            for name, field in method.input_type.fields_by_name.items():
                column = table.moment if name == "range" else FILTERS[name][0] if is_filter(field) else None
                if column is not None and column not in table.columns:
                    found.append(f"{place}.{name}: {table.name} has no column {column}")
    assert [] == found


def is_filter(field: FieldDescriptor) -> bool:
    """Whether a request's field becomes one of a query's filters; what rows are of is asked by another enum."""
    return field.name in FILTERS and (field.enum_type is None or field.enum_type.name in ASKED)


def test_every_table_is_shown() -> None:
    """Analytics has each table that is read, with its message."""
    assert {*LIVE_TABLES, DAYS} - NOT_SHOWN == {shown.name for shown in MESSAGES}


@pytest.mark.parametrize("shown", MESSAGES, ids=lambda table: table.name)
def test_analytics_shows_the_columns_of_its_tables(shown: ShownTable) -> None:
    """With names for ids, of the DDL's types and key, each with its meaning: pages, CSV, Parquet and Hyper follow."""
    assert [] == shown_complaints(declared(shown), shown)


class Colour(StrEnum):
    """Words."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is wrong in every column but the first."""

    track_id: str
    plays: float
    share: float
    colour: Colour | None
    extra: int


DDL = parse(
    "t",
    """CREATE TABLE t (
  track_id STRING,
  plays    BIGINT,
  share    DOUBLE NULL,  -- of all
  colour   STRING,
  missing  BIGINT,
  PRIMARY KEY (track_id, missing) NOT ENFORCED
) WITH ()""",
)


def test_complaints_name_file_and_column() -> None:
    """What differs is said once, where it is to be mended."""
    place = "backend/domain/tables.py: Row"
    assert [
        f"{place}.extra is no column of streaming/tables/t.sql",
        f"{place}.plays is float, the DDL says BIGINT",
        f"{place}.share: NULL in the DDL is True, None in the row False",
        f"{place}.colour: NULL in the DDL is False, None in the row True",
        f"{place} lacks missing, a column of streaming/tables/t.sql",
    ] == row_complaints(DDL, Row)
    table = LiveTable(name="t", row=Row, order=(By("share"), By("gone"), By("track_id")), moment="")
    assert [
        "backend/domain/live_tables.py: t: gone is no column of the DDL",
        "backend/domain/live_tables.py: t: share may be NULL, which has no place in an order",
        "backend/domain/live_tables.py: t: its order is not total without missing of the primary key",
    ] == order_complaints(DDL, table)
    place = "proto/segue/v1/analytics.proto: TopicHour"
    found = message_complaints([DDL], analytics_pb2.TopicHour.DESCRIPTOR)
    assert {f"{place}.cluster is no column of t", f"{place} lacks share, a column of streaming/tables/t.sql"} <= {
        *found
    }
    shown = ShownTable("t", "Wrong.", ("track_id",), (Column("plays", Kind.REAL, "", ""),))
    place = "analytics/tables.py: t"
    assert [
        f"{place} lacks title, of an id in the DDL",
        f"{place}: its key is ('track_id',), the DDL's ('track_id', 'missing')",
        f"{place} lacks track_id, a column of the DDL",
        f"{place}.plays is real, the DDL says integer",
        f"{place} lacks share, a column of the DDL",
        f"{place} lacks colour, a column of the DDL",
        f"{place} lacks missing, a column of the DDL",
        f"{place}.plays has no meaning",
    ] == shown_complaints(DDL, shown)
