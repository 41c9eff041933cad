"""A play: one listener heard one track."""

from dataclasses import dataclass
from datetime import datetime

from backend.domain.rights import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One listener played one track.

    `played_at` is when playback started (aware, UTC). `artist_id` and `track_milliseconds` are copied from the
    catalogue at ingestion, so that the streaming jobs need no join; `track_milliseconds` is 0 where unknown.
    """

    event_id: str
    listener_id: str
    track_id: str
    artist_id: str
    played_at: datetime
    milliseconds_played: int
    track_milliseconds: int
    source: Source
    allow_training: bool
    recommendation_id: str = ""
    surface: str = ""
    device: str = ""
