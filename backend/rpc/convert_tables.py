"""Rows of the live tables as messages of the contract, with the names the catalogue knows."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.message import Message
from segue.v1 import analytics_pb2

from backend.domain.tables import (
    AnomalyKind,
    AnomalySubject,
    DeadLetterReason,
    Direction,
    PopularitySpan,
    Severity,
    Span,
)
from backend.domain.tracks import Artist, Track
from backend.rpc.convert import timestamp_of

MessageT = TypeVar("MessageT", bound=Message)


def _asked(members: Mapping[Any, int]) -> Mapping[int, Any]:
    return {message: member for member, message in members.items()}


SPANS: Mapping[Span, analytics_pb2.Span] = {
    Span.HOUR: analytics_pb2.SPAN_HOUR,
    Span.DAY: analytics_pb2.SPAN_DAY,
}
POPULARITY_SPANS: Mapping[PopularitySpan, analytics_pb2.PopularitySpan] = {
    PopularitySpan.HOUR: analytics_pb2.POPULARITY_SPAN_HOUR,
    PopularitySpan.DAY: analytics_pb2.POPULARITY_SPAN_DAY,
    PopularitySpan.WEEK: analytics_pb2.POPULARITY_SPAN_WEEK,
}
ANOMALY_SUBJECTS: Mapping[AnomalySubject, analytics_pb2.AnomalySubject] = {
    AnomalySubject.ARTIST: analytics_pb2.ANOMALY_SUBJECT_ARTIST,
    AnomalySubject.TRACK: analytics_pb2.ANOMALY_SUBJECT_TRACK,
}
ANOMALY_KINDS: Mapping[AnomalyKind, analytics_pb2.AnomalyKind] = {
    AnomalyKind.RELEASE_SPIKE: analytics_pb2.ANOMALY_KIND_RELEASE_SPIKE,
    AnomalyKind.STREAM_FARM: analytics_pb2.ANOMALY_KIND_STREAM_FARM,
    AnomalyKind.DROP: analytics_pb2.ANOMALY_KIND_DROP,
}
ANOMALY_DIRECTIONS: Mapping[Direction, analytics_pb2.AnomalyDirection] = {
    Direction.UP: analytics_pb2.ANOMALY_DIRECTION_UP,
    Direction.DOWN: analytics_pb2.ANOMALY_DIRECTION_DOWN,
}
SEVERITIES: Mapping[Severity, analytics_pb2.Severity] = {
    Severity.LOW: analytics_pb2.SEVERITY_LOW,
    Severity.MEDIUM: analytics_pb2.SEVERITY_MEDIUM,
    Severity.HIGH: analytics_pb2.SEVERITY_HIGH,
}
DEAD_LETTER_REASONS: Mapping[DeadLetterReason, analytics_pb2.DeadLetterReason] = {
    DeadLetterReason.MALFORMED: analytics_pb2.DEAD_LETTER_REASON_MALFORMED,
    DeadLetterReason.UNKNOWN_TRACK: analytics_pb2.DEAD_LETTER_REASON_UNKNOWN_TRACK,
    DeadLetterReason.TOO_LATE: analytics_pb2.DEAD_LETTER_REASON_TOO_LATE,
}

_MEMBERS: Mapping[type[StrEnum], Mapping[Any, int]] = {
    Span: SPANS,
    PopularitySpan: POPULARITY_SPANS,
    AnomalySubject: ANOMALY_SUBJECTS,
    AnomalyKind: ANOMALY_KINDS,
    Direction: ANOMALY_DIRECTIONS,
    Severity: SEVERITIES,
    DeadLetterReason: DEAD_LETTER_REASONS,
}

ASKED: Mapping[str, Mapping[int, Any]] = {
    "Span": _asked(SPANS),
    "PopularitySpan": _asked(POPULARITY_SPANS),
    "AnomalySubject": _asked(ANOMALY_SUBJECTS),
    "AnomalyKind": _asked(ANOMALY_KINDS),
    "Severity": _asked(SEVERITIES),
    "DeadLetterReason": _asked(DEAD_LETTER_REASONS),
}
"""What the values of an enum of the contract ask for; UNSPECIFIED asks for nothing."""


def row_message(
    kind: type[MessageT], row: object, artists: Mapping[str, Artist], tracks: Mapping[str, Track]
) -> MessageT:
    """A row as a message with fields named like its columns; None is an absent field.

    artist_name and title come from the catalogue; what it does not know is shown by its id.
    """
    names = {
        "artist_name": _known(artists, getattr(row, "artist_id", ""), "name"),
        "title": _known(tracks, getattr(row, "track_id", ""), "title"),
    }
    fields = kind.DESCRIPTOR.fields_by_name
    columns = {name: _value(getattr(row, name)) for name in fields if hasattr(row, name)}
    return kind(**columns, **{name: text for name, text in names.items() if name in fields})


def _known(catalogue: Mapping[str, object], wanted: str | None, attribute: str) -> str:
    if not wanted:
        return ""
    return str(getattr(catalogue[wanted], attribute)) if wanted in catalogue else wanted


def _value(column: Any) -> Any:
    if isinstance(column, datetime):
        return timestamp_of(column)
    if isinstance(column, StrEnum):
        return _MEMBERS[type(column)][column]
    return column
