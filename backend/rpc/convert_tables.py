"""Rows of the live tables as messages of the contract, with the names the catalogue knows."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
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


def _members(words: type[StrEnum], enum: EnumTypeWrapper) -> Mapping[StrEnum, int]:
    """The value of each word: Severity.LOW is SEVERITY_LOW. Raises ValueError for a word that the contract lacks."""
    prefix = enum.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
    return {word: enum.Value(f"{prefix}{word.name}") for word in words}


MEMBERS: Mapping[type[StrEnum], Mapping[StrEnum, int]] = {
    words: _members(words, enum)
    for words, enum in (
        (Span, analytics_pb2.Span),
        (PopularitySpan, analytics_pb2.PopularitySpan),
        (AnomalySubject, analytics_pb2.AnomalySubject),
        (AnomalyKind, analytics_pb2.AnomalyKind),
        (Direction, analytics_pb2.AnomalyDirection),
        (Severity, analytics_pb2.Severity),
        (DeadLetterReason, analytics_pb2.DeadLetterReason),
    )
}
"""The values of the contract's enums that the words of rows are told as."""

ASKED: Mapping[str, Mapping[int, StrEnum]] = {
    words.__name__: {value: word for word, value in members.items()} for words, members in MEMBERS.items()
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
        return MEMBERS[type(column)][column]
    return column
