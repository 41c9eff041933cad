"""Rows of the live tables that Flink fills. Topic = collection = table name; see docs/data-dictionary.md."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistEngagement:
    """One artist in one hour. Key: artist_id, window_start."""

    artist_id: str
    window_start: datetime
    plays: int
    unique_listeners: int
    milliseconds_played: int
    completion_rate: float | None
    skips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPopularity:
    """One track over the 24 h that end with an hour. Key: track_id."""

    track_id: str
    artist_id: str
    window_start: datetime
    plays_24h: int
    listeners_24h: int
    plays_8d: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A rising track in one hour. Key: track_id, window_start."""

    track_id: str
    artist_id: str
    window_start: datetime
    rank: int
    plays_24h: int
    listeners_24h: int
    baseline_24h: float
    ratio: float
    z_score: float


class AnomalyKind(StrEnum):
    """What made an hour odd."""

    RELEASE_SPIKE = "release_spike"
    STREAM_FARM = "stream_farm"
    DROP = "drop"


class Severity(StrEnum):
    """How far from the baseline."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """An odd hour of an artist. Key: alert_id."""

    alert_id: str
    artist_id: str
    window_start: datetime
    kind: AnomalyKind
    severity: Severity
    plays: int
    unique_listeners: int
    plays_per_listener: float
    baseline_plays: float
    z_score: float
