"""Feedback: what a listener said about a track."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FeedbackKind(StrEnum):
    """What a listener can say about a track."""

    LIKE = "like"
    DISLIKE = "dislike"
    HIDE = "hide"
    SKIP = "skip"
    SAVE = "save"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A listener's word on a track; `given_at` is aware UTC."""

    event_id: str
    listener_id: str
    track_id: str
    artist_id: str
    kind: FeedbackKind
    given_at: datetime
    recommendation_id: str = ""
