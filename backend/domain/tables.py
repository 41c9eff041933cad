"""Rows of the live tables that Flink fills: a field a column, in the order of the DDL; see docs/data-dictionary.md.

How a table is sorted and read is declared in `live_tables.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

RowT = TypeVar("RowT")


class Span(StrEnum):
    """How long a window of engagement is; both start on the UTC clock."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistEngagement:
    """One artist in one hour or day."""

    artist_id: str
    span: Span
    window_start: datetime
    plays: int
    unique_listeners: int
    returning_share: float | None
    milliseconds_played: int
    completion_rate: float | None
    skips: int
    likes: int


class PopularitySpan(StrEnum):
    """How far back a ranking counts."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPopularity:
    """One track's rank in the latest window it was ranked in."""

    span: PopularitySpan
    track_id: str
    artist_id: str
    window_end: datetime
    rank: int
    plays: int
    listeners: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistPopularity:
    """One artist's rank in the latest window it was ranked in."""

    span: PopularitySpan
    artist_id: str
    window_end: datetime
    rank: int
    plays: int
    listeners: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A rising track in one hour."""

    track_id: str
    artist_id: str
    window_start: datetime
    rank: int
    plays_24h: int
    listeners_24h: int
    baseline_24h: float
    ratio: float
    z_score: float


class AnomalySubject(StrEnum):
    """Whose hour was odd."""

    ARTIST = "artist"
    TRACK = "track"


class AnomalyKind(StrEnum):
    """What made an hour odd."""

    RELEASE_SPIKE = "release_spike"
    STREAM_FARM = "stream_farm"
    DROP = "drop"


class Direction(StrEnum):
    """On which side of the baseline."""

    UP = "up"
    DOWN = "down"


class Severity(StrEnum):
    """How far from the baseline."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """An odd hour of an artist or a track."""

    alert_id: str
    subject: AnomalySubject
    artist_id: str
    track_id: str | None
    window_start: datetime
    kind: AnomalyKind
    direction: Direction
    severity: Severity
    plays: int
    unique_listeners: int
    plays_per_listener: float
    baseline_plays: float
    z_score: float
    baseline_per_listener: float | None
    z_per_listener: float | None
    seasonal_plays: float | None
    seasonal_z: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerActivity:
    """One listener on one day."""

    listener_id: str
    window_start: datetime
    sessions: int
    plays: int
    skips: int
    milliseconds_played: int
    last_active: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackCluster:
    """The cluster that a track belongs to; read by the job itself only."""

    track_id: str
    cluster: int
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicHour:
    """One cluster of tracks in one hour, with the means of its plays' audio features."""

    cluster: int
    window_start: datetime
    plays: int
    danceability: float | None
    energy: float | None
    valence: float | None
    acousticness: float | None
    instrumentalness: float | None
    liveness: float | None
    speechiness: float | None
    tempo: float | None
    loudness: float | None


class DeadLetterReason(StrEnum):
    """Why a record could not be taken over."""

    MALFORMED = "malformed"
    UNKNOWN_TRACK = "unknown_track"
    TOO_LATE = "too_late"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that could not be taken over; `record` is base64."""

    reason: DeadLetterReason
    source_topic: str
    source_partition: int
    source_offset: int
    record_key: str | None
    record: str | None
    detail: str
    records: int
    noted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterCount:
    """How many records of one topic stand in dead letters of one reason."""

    reason: DeadLetterReason
    source_topic: str
    records: int


def row_of(kind: type[RowT], columns: Mapping[str, Any]) -> RowT:
    """The row of these columns, words made members of their enums. Raises ValueError, TypeError."""
    words = {name: word(columns[name]) for name, word in _words(kind).items()}  # type: ignore[arg-type]  # classes are hashable
    return kind(**{**columns, **words})


@cache
def _words(kind: type) -> Mapping[str, type[StrEnum]]:
    """The columns of a row that hold a member of an enum."""
    hints = get_type_hints(kind)
    return {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, StrEnum)}
