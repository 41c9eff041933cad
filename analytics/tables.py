"""The columns of every table that analytics shows and exports: types, units and meanings, told once.

Frames, CSV, Parquet and Hyper files are all made from these, and so is the data dictionary inside an export.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a column holds: text, int64, float64 (NaN where absent), or an aware UTC time in microseconds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `unit` is empty where there is none to name."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    optional: bool = False

    @property
    def nullable(self) -> bool:
        """Whether a row may lack it: REAL columns always (a NaN is an absence), others where `optional`."""
        return self.optional or self.kind is Kind.REAL

    @property
    def dtype(self) -> str:
        """The pandas type."""
        return {
            Kind.TEXT: "string",
            Kind.INTEGER: "int64",
            Kind.REAL: "float64",
            Kind.TIME: "datetime64[us, UTC]",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its primary key and its columns, in order."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


_ARTIST_ID: Final = Column("artist_id", Kind.TEXT, "", "The artist's id.")
_ARTIST_NAME: Final = Column("artist_name", Kind.TEXT, "", "The artist's name.")

ARTIST_ENGAGEMENT: Final = Table(
    "artist_engagement",
    "How one artist was heard in one hour.",
    ("artist_id", "window_start"),
    (
        _ARTIST_ID,
        _ARTIST_NAME,
        Column("window_start", Kind.TIME, "UTC", "The start of the hour."),
        Column("plays", Kind.INTEGER, "plays", "Plays that started in the hour."),
        Column("unique_listeners", Kind.INTEGER, "listeners", "Different listeners of those plays."),
        Column("milliseconds_played", Kind.INTEGER, "ms", "How long those plays sounded in all."),
        Column("completion_rate", Kind.REAL, "share, 0 to 1", "Time heard over the tracks' length, where it is known."),
        Column("skips", Kind.INTEGER, "plays", "Plays under 30 s of a longer track."),
    ),
)

TRENDS: Final = Table(
    "trends",
    "A track that is played more in the last 24 h than in its own past.",
    ("track_id", "window_start"),
    (
        Column("track_id", Kind.TEXT, "", "The track's id."),
        Column("title", Kind.TEXT, "", "The track's title."),
        _ARTIST_ID,
        _ARTIST_NAME,
        Column("window_start", Kind.TIME, "UTC", "The hour that ends the 24 h."),
        Column("rank", Kind.INTEGER, "place", "Place within the hour, from 1."),
        Column("plays_24h", Kind.INTEGER, "plays", "Plays in the 24 h."),
        Column("listeners_24h", Kind.INTEGER, "listeners", "Different listeners in the 24 h."),
        Column("baseline_24h", Kind.REAL, "plays per 24 h", "Mean over the seven days before."),
        Column("ratio", Kind.REAL, "times", "Plays over the baseline, the baseline floored."),
        Column("z_score", Kind.REAL, "standard deviations", "How far above the baseline."),
    ),
)

ANOMALIES: Final = Table(
    "anomalies",
    "An hour of an artist that is far from the artist's own past.",
    ("alert_id",),
    (
        Column("alert_id", Kind.TEXT, "", "The same for the same artist, hour and kind."),
        _ARTIST_ID,
        _ARTIST_NAME,
        Column("window_start", Kind.TIME, "UTC", "The start of the hour."),
        Column("kind", Kind.TEXT, "", "release_spike, stream_farm or drop."),
        Column("severity", Kind.TEXT, "", "low, medium or high."),
        Column("plays", Kind.INTEGER, "plays", "Plays in the hour."),
        Column("unique_listeners", Kind.INTEGER, "listeners", "Different listeners in the hour."),
        Column(
            "plays_per_listener", Kind.REAL, "plays per listener", "Few listeners with many plays look like a farm."
        ),
        Column("baseline_plays", Kind.REAL, "plays per hour", "Mean of the days before, this hour left out."),
        Column("z_score", Kind.REAL, "standard deviations", "How far from the baseline, this hour left out."),
    ),
)

RECOMMENDATIONS: Final = Table(
    "recommendations",
    "What one listener may like next.",
    ("track_id",),
    (
        Column("place", Kind.INTEGER, "place", "From 1, best first."),
        Column("track_id", Kind.TEXT, "", "The track's id."),
        Column("title", Kind.TEXT, "", "The track's title."),
        Column("artists", Kind.TEXT, "", "The artists' names."),
        Column("score", Kind.REAL, "", "Larger is better; comparable within one answer only."),
        Column("why", Kind.TEXT, "", "The reasons in words, strongest first."),
    ),
)

REASONS: Final = Table(
    "reasons",
    "Each source's part in a recommendation.",
    ("track_id", "source"),
    (
        Column("place", Kind.INTEGER, "place", "The recommendation's place."),
        Column("track_id", Kind.TEXT, "", "The track's id."),
        Column("title", Kind.TEXT, "", "The track's title."),
        Column("source", Kind.TEXT, "", "factors, content, trend or linear."),
        Column("rank", Kind.INTEGER, "place", "Place in that source's list, from 1."),
        Column("share", Kind.REAL, "share, 0 to 1", "The source's part of the score."),
        Column("text", Kind.TEXT, "", "The reason in words."),
    ),
)

DATA_DICTIONARY: Final = Table(
    "data_dictionary",
    "What every column of the export means.",
    ("table_name", "column_name"),
    (
        Column("table_name", Kind.TEXT, "", "The table."),
        Column("column_name", Kind.TEXT, "", "The column."),
        Column("position", Kind.INTEGER, "place", "The column's place in its table, from 1."),
        Column("type", Kind.TEXT, "", "text, integer, real or time."),
        Column("unit", Kind.TEXT, "", "The unit; empty where there is none."),
        Column("in_key", Kind.TEXT, "", "yes where the column is part of the table's primary key, otherwise no."),
        Column("may_be_null", Kind.TEXT, "", "yes or no."),
        Column("meaning", Kind.TEXT, "", "The column in words."),
    ),
)

EXPORT_METADATA: Final = Table(
    "export_metadata",
    "How each table of the export came to be.",
    ("table_name",),
    (
        Column("table_name", Kind.TEXT, "", "The table."),
        Column("meaning", Kind.TEXT, "", "What one row of it is."),
        Column("rows", Kind.INTEGER, "rows", "Rows in the export."),
        Column("complete", Kind.TEXT, "", "yes, or no where the export's row limit cut the table."),
        Column("as_of", Kind.TIME, "UTC", "When the table's newest row was written.", optional=True),
        Column("exported_at", Kind.TIME, "UTC", "When the export was asked for."),
        Column("exported_by", Kind.TEXT, "", "The program and its version."),
    ),
)
