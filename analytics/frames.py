"""Messages of the contract → pandas frames. Pure; the columns are those of `tables`."""

import re
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

import numpy as np
import pandas as pd
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2, recommend_pb2, topics_pb2

from analytics.columns import Column, Kind, Table
from analytics.tables import (
    ANOMALIES,
    ARTIST_ENGAGEMENT,
    ARTIST_ENGAGEMENT_DAYS,
    ARTIST_POPULARITY,
    DEAD_LETTER_COUNTS,
    DEAD_LETTERS,
    LISTENER_ACTIVITY,
    REASONS,
    RECOMMENDATIONS,
    TOPIC_HOURS,
    TOPIC_TRACKS,
    TOPICS,
    TRACK_POPULARITY,
    TRENDS,
)

MESSAGES: Final[dict[Table, type[Message]]] = {
    ARTIST_ENGAGEMENT: analytics_pb2.ArtistEngagement,
    ARTIST_ENGAGEMENT_DAYS: analytics_pb2.ArtistEngagement,
    TRACK_POPULARITY: analytics_pb2.Popularity,
    ARTIST_POPULARITY: analytics_pb2.Popularity,
    TRENDS: analytics_pb2.Trend,
    ANOMALIES: analytics_pb2.Anomaly,
    LISTENER_ACTIVITY: analytics_pb2.ListenerActivity,
    TOPIC_HOURS: analytics_pb2.TopicHour,
    DEAD_LETTERS: analytics_pb2.DeadLetter,
    DEAD_LETTER_COUNTS: analytics_pb2.DeadLetterCount,
}
"""What the rows of each live table come as."""


def live_frame(table: Table, messages: Iterable[Message]) -> pd.DataFrame:
    """The columns of a table of MESSAGES from the fields of that name, in the messages' order.

    An absent number is NaN, an absent text NA, a missing name the id; values of an enum that are unknown to this client
    read "unknown".
    """
    fields = MESSAGES[table].DESCRIPTOR.fields_by_name
    cells = [_cell_of(column, fields[column.name]) for column in table.columns]
    return frame_of(table, [tuple(cell(one) for cell in cells) for one in messages])


def _cell_of(column: Column, field: Any) -> Callable[[Any], Any]:
    """What reads the column from a message; `field` is its descriptor."""
    name = column.name
    if column.kind is Kind.TIME:
        return lambda message: _time(getattr(message, name))
    if field.enum_type is not None:
        words = _words_of(field.enum_type)
        return lambda message: words.get(getattr(message, name), "unknown")
    if field.has_presence:
        absent = np.nan if column.kind is Kind.REAL else None
        return lambda message: getattr(message, name) if message.HasField(name) else absent
    if name in _IDS:
        instead = _IDS[name]
        return lambda message: getattr(message, name) or getattr(message, instead)
    return attrgetter(name)


_IDS: Final = {"artist_name": "artist_id", "title": "track_id"}
"""What stands for a name that the server does not know."""


def _words_of(enum: EnumDescriptor) -> dict[int, str]:
    """Each number's word: ANOMALY_KIND_DROP of AnomalyKind is "drop"; 0 has none."""
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in enum.values if value.number}


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
                "; ".join(dict.fromkeys(reason.text for reason in track.reasons if reason.text)),
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
                _SOURCES.get(reason.source, "unknown"),
                reason.rank,
                reason.share,
                reason.text,
            )
            for place, track in enumerate(tracks, start=1)
            for reason in track.reasons
        ],
    )


def topic_frame(topics: Sequence[topics_pb2.Topic]) -> pd.DataFrame:
    """The columns of TOPICS, in the server's order."""
    return frame_of(
        TOPICS,
        [
            (
                topic.topic_id,
                topic.parent_topic_id,
                topic.name,
                topic.tracks,
                ", ".join(topic.tags),
                topic.centre.tempo,
                topic.centre.loudness,
                topic.cluster if topic.HasField("cluster") else np.nan,
            )
            for topic in topics
        ],
    )


def topic_track_frame(tracks: Sequence[topics_pb2.TopicTrack]) -> pd.DataFrame:
    """The columns of TOPIC_TRACKS, in the server's order."""
    return frame_of(
        TOPIC_TRACKS,
        [
            (
                place,
                track.track_id,
                track.title or track.track_id,
                ", ".join(track.artist_names or track.artist_ids),
                track.reason,
            )
            for place, track in enumerate(tracks, start=1)
        ],
    )


def path_word(path: int) -> str:
    """The word of an answer path: hybrid, cold_start or degraded."""
    return _PATHS.get(path, "unknown")


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


_SOURCES: Final = _words_of(recommend_pb2.CandidateSource.DESCRIPTOR)
_PATHS: Final = _words_of(recommend_pb2.AnswerPath.DESCRIPTOR)
