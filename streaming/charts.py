"""Charts in a backfill: of an item they keep the latest window that it entered, so they are computed up to a day's end.

A chart's row is keyed by span and item, and its window moves on. The backfill computes the latest window that each item
entered until the end of its days, and writes it where the table holds no later one; the live job's rows of later
windows stay. What it no longer makes, of windows until then, is deleted as in every table. Where the live job writes a
later window while the backfill runs, that record is appended again behind the backfill's (`put_newest_last`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time

from backend.domain.errors import SegueError
from backend.ports.event_log import EventLog, Record, TopicPartition
from backend.ports.store import Scalar
from backend.scanning import records
from streaming import render, result_topics
from streaming.schema import schema

MOMENT = "window_end"
_CONNECTOR = "'connector' = 'upsert-kafka'"
_WRITING = re.compile(r",\s*'(?:key\.[\w.-]+|sink\.[\w.-]+)' = '[^']*'")
_KEY = re.compile(r",\s*PRIMARY KEY \([^)]*\) NOT ENFORCED")


def charts() -> list[str]:
    """The tables whose rows are the latest window of each of their items."""
    named = (table for table in render.LIVE_TABLES if schema(table).key)
    return [table for table in named if any(column.name == MOMENT for column in schema(table).columns)]


def until(end: date) -> str:
    """What `${charts_until}` in the charts' SQL says: windows that had ended when the day began."""
    return f"\n  WHERE {MOMENT} <= TIMESTAMP '{end} 00:00:00'"


def later(definition: str, table: str, end: date, *, bounds: str) -> list[str]:
    """Of a chart's own table: what stands in its topic now, `bounds` says up to where, and the view of later rows."""
    if _CONNECTOR not in definition:
        raise SegueError(f"{table} is no upsert-kafka table: see streaming/tables/")
    log = _KEY.sub(",\n  offset_in_log BIGINT METADATA FROM 'offset' VIRTUAL", definition)
    log = _WRITING.sub("", log.replace(f"CREATE TABLE {table}", f"CREATE TABLE {table}_log"))
    log = log.replace(_CONNECTOR, f"'connector' = 'kafka',\n  {bounds},\n  'value.json.ignore-parse-errors' = 'true'")
    key = ", ".join(schema(table).key)
    end_ms = round(_midnight(end).timestamp() * 1000)
    view = (
        f"CREATE TEMPORARY VIEW {table}_later AS\n"  # noqa: S608 - names from our own DDL
        f"SELECT {key} FROM (\n"
        f"  SELECT *, ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY offset_in_log DESC) AS nth FROM {table}_log\n)\n"
        f"WHERE nth = 1 AND {MOMENT} > TO_TIMESTAMP_LTZ({end_ms}, 3)"
    )
    return [log, view]


def unless_later(query: str, table: str) -> str:
    """The query, its columns named as the table's, without rows of items of which the table holds a later window."""
    names = [column.name for column in schema(table).columns]
    columns = ", ".join(f"`{name}`" for name in names)
    kept = ", ".join(f"computed.`{name}`" for name in names)
    key = schema(table).key
    same = " AND ".join(f"later.{name} = computed.{name}" for name in key)
    return (
        f"SELECT {kept} FROM (\n{query}\n) AS computed ({columns})\n"  # noqa: S608 - names from our own DDL
        f"LEFT JOIN {table}_later AS later ON {same}\nWHERE later.{key[0]} IS NULL"
    )


def had_ended(end: date) -> Callable[[Mapping[str, Scalar]], bool]:
    """Whether a row's window had ended when the day began."""
    moment = _midnight(end)

    def ended(columns: Mapping[str, Scalar]) -> bool:
        at = columns[MOMENT]
        return isinstance(at, datetime) and at <= moment

    return ended


def put_newest_last(event_log: EventLog, table: str, since: Mapping[TopicPartition, int]) -> int:
    """Of what was written since these offsets, each key's latest window is its last record; how many were not.

    Raises Unavailable.
    """
    to_columns = result_topics.columns_of(table)
    newest: dict[bytes, tuple[datetime, Record]] = {}
    last: dict[bytes, datetime | None] = {}
    for record in records(event_log, table, since=since):
        key = record.key or b""
        at = (to_columns(record) or {}).get(MOMENT)
        last[key] = at if isinstance(at, datetime) else None
        if isinstance(at, datetime) and (key not in newest or at >= newest[key][0]):
            newest[key] = (at, Record(key=key, value=record.value, partition=record.partition))
    behind = [one for key, (at, one) in newest.items() if (found := last[key]) is not None and found < at]
    result_topics.append(event_log, table, behind)
    return len(behind)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
