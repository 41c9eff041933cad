"""Messages of the contract → pandas frames. Pure; the columns are those of `tables`."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, recommend_pb2

from analytics.tables import ANOMALIES, ARTIST_ENGAGEMENT, REASONS, RECOMMENDATIONS, TRENDS, Kind, Table


def engagement_frame(rows: Iterable[analytics_pb2.ArtistEngagement]) -> pd.DataFrame:
    """The columns of ARTIST_ENGAGEMENT, in the rows' order; completion_rate is NaN where it is absent."""
    return frame_of(
        ARTIST_ENGAGEMENT,
        [
            (
                row.artist_id,
                row.artist_name or row.artist_id,
                _time(row.window_start),
                row.plays,
                row.unique_listeners,
                row.milliseconds_played,
                row.completion_rate if row.HasField("completion_rate") else np.nan,
                row.skips,
            )
            for row in rows
        ],
    )


def trend_frame(rows: Iterable[analytics_pb2.Trend]) -> pd.DataFrame:
    """The columns of TRENDS, in the rows' order."""
    return frame_of(
        TRENDS,
        [
            (
                row.track_id,
                row.title or row.track_id,
                row.artist_id,
                row.artist_name or row.artist_id,
                _time(row.window_start),
                row.rank,
                row.plays_24h,
                row.listeners_24h,
                row.baseline_24h,
                row.ratio,
                row.z_score,
            )
            for row in rows
        ],
    )


def anomaly_frame(rows: Iterable[analytics_pb2.Anomaly]) -> pd.DataFrame:
    """The columns of ANOMALIES, in the rows' order; kinds and severities unknown to this client read "unknown"."""
    return frame_of(
        ANOMALIES,
        [
            (
                row.alert_id,
                row.artist_id,
                row.artist_name or row.artist_id,
                _time(row.window_start),
                _word(analytics_pb2.AnomalyKind, "ANOMALY_KIND_", row.kind),
                _word(analytics_pb2.Severity, "SEVERITY_", row.severity),
                row.plays,
                row.unique_listeners,
                row.plays_per_listener,
                row.baseline_plays,
                row.z_score,
            )
            for row in rows
        ],
    )


def recommendation_frame(tracks: Sequence[recommend_pb2.RecommendedTrack]) -> pd.DataFrame:
    """The columns of RECOMMENDATIONS, best first."""
    return frame_of(
        RECOMMENDATIONS,
        [
            (
                place,
                track.track_id,
                track.title or track.track_id,
                ", ".join(track.artist_names or track.artist_ids),
                track.score,
                "; ".join(reason.text for reason in track.reasons if reason.text),
            )
            for place, track in enumerate(tracks, start=1)
        ],
    )


def reason_frame(tracks: Sequence[recommend_pb2.RecommendedTrack]) -> pd.DataFrame:
    """The columns of REASONS, one row per reason of each track, strongest first."""
    return frame_of(
        REASONS,
        [
            (
                place,
                track.track_id,
                track.title or track.track_id,
                _word(recommend_pb2.CandidateSource, "CANDIDATE_SOURCE_", reason.source),
                reason.rank,
                reason.share,
                reason.text,
            )
            for place, track in enumerate(tracks, start=1)
            for reason in track.reasons
        ],
    )


def path_word(path: int) -> str:
    """The word of an answer path: hybrid, cold_start or degraded."""
    return _word(recommend_pb2.AnswerPath, "ANSWER_PATH_", path)


def upsert(frame: pd.DataFrame, changes: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return `frame` with the rows of `changes` put in by the table's key, new ones first; neither is altered."""
    if changes.empty:
        return frame
    merged = pd.concat([changes, frame], ignore_index=True)
    return merged.drop_duplicates(list(table.key), keep="first", ignore_index=True)


def frame_of(table: Table, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of cells, in the order of the table's columns, as a frame of its types; times are naive UTC datetime64."""
    values = zip(*rows, strict=True) if rows else ([] for _ in table.columns)
    series = {}
    for column, cells in zip(table.columns, values, strict=True):
        if column.kind is Kind.TIME:
            series[column.name] = pd.Series(np.array(cells, dtype="datetime64[us]")).dt.tz_localize("UTC")
        else:
            series[column.name] = pd.Series(cells, dtype=column.dtype)
    return pd.DataFrame(series)


def _time(timestamp: Timestamp) -> np.datetime64:
    return np.datetime64(timestamp.ToMicroseconds(), "us")


def _word(enum: EnumTypeWrapper, prefix: str, value: int) -> str:
    if value == 0 or value not in enum.values():
        return "unknown"
    return enum.Name(value).removeprefix(prefix).lower()
