"""The live tables at one moment as frames and Parquet files, with a data dictionary and a record of the export."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analytics import queries
from analytics.columns import Kind, Table
from analytics.export_tables import DATA_DICTIONARY, EXPORT_METADATA
from analytics.failures import ExportFailed
from analytics.filters import EngagementFilter, PopularityFilter
from analytics.frames import frame_of
from analytics.tables import (
    ANOMALIES,
    ARTIST_ENGAGEMENT,
    ARTIST_ENGAGEMENT_DAYS,
    ARTIST_POPULARITY,
    DEAD_LETTER_COUNTS,
    DEAD_LETTERS,
    LISTENER_ACTIVITY,
    TOPIC_HOURS,
    TRACK_POPULARITY,
    TRENDS,
)

ROW_LIMIT: Final = 1_000_000
"""Rows of one table in one export; about 0.5 GB of memory while it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableData:
    """One table of an extract with its rows."""

    table: Table
    frame: pd.DataFrame


def collect(channel: grpc.Channel, *, now: datetime, limit: int = ROW_LIMIT) -> list[TableData]:
    """Ask for every row of the live tables; the data dictionary and the export's record come last.

    Raises QueryFailed, and ExportFailed where rows of a table share its primary key.
    """
    answers = {
        ARTIST_ENGAGEMENT: queries.artist_engagement(channel, limit=limit),
        ARTIST_ENGAGEMENT_DAYS: queries.artist_engagement(channel, EngagementFilter(span="day"), limit=limit),
        TRACK_POPULARITY: _every_span(channel, "track", limit),
        ARTIST_POPULARITY: _every_span(channel, "artist", limit),
        TRENDS: queries.trends(channel, limit=limit),
        ANOMALIES: queries.anomalies(channel, limit=limit),
        LISTENER_ACTIVITY: queries.listener_activity(channel, limit=limit),
        TOPIC_HOURS: queries.topic_hours(channel, limit=limit),
        DEAD_LETTERS: queries.dead_letters(channel, limit=limit),
        DEAD_LETTER_COUNTS: queries.dead_letter_counts(channel),
    }
    extract = [TableData(table=table, frame=rows.frame) for table, rows in answers.items()]
    extract.append(TableData(table=DATA_DICTIONARY, frame=_dictionary(answers)))
    extract.append(TableData(table=EXPORT_METADATA, frame=_metadata(answers, now)))
    for data in extract:
        check_key(data)
    return extract


def _every_span(channel: grpc.Channel, subject: str, limit: int) -> queries.Rows:
    """The newest rankings of the last hour, day and week, one after another."""
    spans = [
        queries.popularity(channel, PopularityFilter(subject=subject, span=span), limit=limit)
        for span in ("hour", "day", "week")
    ]
    return queries.Rows(
        frame=pd.concat([rows.frame for rows in spans], ignore_index=True),
        as_of=spans[0].as_of,
        complete=all(rows.complete for rows in spans),
    )


def check_key(data: TableData) -> None:
    """Raise ExportFailed where two rows share the table's primary key: Hyper believes keys and never checks them."""
    repeated = data.frame[data.frame.duplicated(list(data.table.key))]
    if not repeated.empty:
        values = ", ".join(f"{name}={repeated.iloc[0][name]}" for name in data.table.key)
        raise ExportFailed(f"{data.table.name} has {len(repeated)} rows of a key that is already there, first {values}")


def write_parquet(data: TableData, file: Path) -> None:
    """Write the table to `file`, NaN and infinity as NULL, times as microseconds without a zone, in UTC."""
    arrays = []
    fields = []
    for column in data.table.columns:
        cells = data.frame[column.name]
        if column.kind is Kind.TIME:
            cells = cells.dt.tz_localize(None)
        elif column.kind is Kind.REAL:
            cells = cells.replace([np.inf, -np.inf], np.nan)
        arrays.append(pa.array(cells, type=_ARROW_TYPES[column.kind], from_pandas=True))
        fields.append(pa.field(column.name, _ARROW_TYPES[column.kind], nullable=column.nullable))
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), file)


_ARROW_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.REAL: pa.float64(),
    # Tableau shows times with a zone in the zone of the viewer; hours of the tables are UTC for everyone.
    Kind.TIME: pa.timestamp("us"),
}


def _dictionary(live: Iterable[Table]) -> pd.DataFrame:
    return frame_of(
        DATA_DICTIONARY,
        [
            (
                table.name,
                column.name,
                position,
                column.kind.value,
                column.unit,
                _yes(column.name in table.key),
                _yes(column.nullable),
                column.meaning,
            )
            for table in (*live, DATA_DICTIONARY, EXPORT_METADATA)
            for position, column in enumerate(table.columns, start=1)
        ],
    )


def _metadata(answers: dict[Table, queries.Rows], now: datetime) -> pd.DataFrame:
    program = f"segue {version('segue')}"
    return frame_of(
        EXPORT_METADATA,
        [
            (table.name, table.meaning, len(rows.frame), _yes(rows.complete), _utc(rows.as_of), _utc(now), program)
            for table, rows in answers.items()
        ],
    )


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


def _utc(moment: datetime | None) -> np.datetime64:
    return np.datetime64("NaT") if moment is None else np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
