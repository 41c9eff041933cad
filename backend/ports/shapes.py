"""The fields of the flat records (flat.py) of topics `plays` and `feedback`, in the order in which they are written."""

from collections.abc import Mapping, Sequence

from backend.domain.feedback import FeedbackKind
from backend.domain.plays import Timing
from backend.domain.rights import Source
from backend.ports.event_log import Topic
from backend.ports.flat import Field, Kind, Shape, moment_pattern

LISTENER = Field("listener_id", Kind.IDENTIFIER)
"""Whose event it is: the pseudonym."""

_PLAY: Sequence[Field] = (
    Field("event_id", Kind.IDENTIFIER, "null in a heartbeat, which moves event time on and counts for nothing"),
    LISTENER,
    Field("track_id", Kind.IDENTIFIER),
    Field("artist_id", Kind.IDENTIFIER),
    Field("played_at_ms", Kind.MOMENT, "when playback started, milliseconds since 1970 UTC"),
    Field("milliseconds_played", Kind.COUNT),
    Field(
        "track_milliseconds",
        Kind.COUNT,
        "0 where unknown: the play counts, but neither as a skip nor for completion",
        is_optional=True,
    ),
    Field("source", Kind.WORD, words=tuple(Source)),
    Field("allow_training", Kind.FLAG),
    Field("recommendation_id", Kind.TEXT, is_optional=True),
    Field("surface", Kind.TEXT, is_optional=True),
    Field("device", Kind.TEXT, is_optional=True),
    Field("ingested_at_ms", Kind.MOMENT, "the server's clock"),
    Field("timing", Kind.WORD, "live or history; older records lack it", words=tuple(Timing), is_optional=True),
)

MOMENTS: Sequence[Field] = tuple(field for field in _PLAY if field.kind is Kind.MOMENT)
"""Of a play and of a heartbeat: what event time is made of."""

EVENT_TIMES = [moment_pattern(field.name) for field in MOMENTS]
"""Each finds one of them in any bytes."""

_FEEDBACK: Sequence[Field] = (
    Field("event_id", Kind.IDENTIFIER),
    LISTENER,
    Field("track_id", Kind.IDENTIFIER),
    Field("artist_id", Kind.IDENTIFIER),
    Field("kind", Kind.WORD, "like, dislike, hide, skip or save", words=tuple(FeedbackKind)),
    Field("given_at_ms", Kind.MOMENT, "milliseconds since 1970 UTC"),
    Field("recommendation_id", Kind.TEXT, is_optional=True),
)

PLAY = Shape("a play", _PLAY)
HEARTBEAT = Shape(
    "a heartbeat", [Field("event_id", Kind.NULL), *MOMENTS, Field("listener_id", Kind.NULL, is_optional=True)]
)
FEEDBACK = Shape("feedback", _FEEDBACK)

BY_TOPIC: Mapping[Topic, Shape] = {Topic.PLAYS: PLAY, Topic.FEEDBACK: FEEDBACK}
"""By topic."""
