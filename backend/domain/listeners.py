"""What is known of a listener at answer time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentPlay:
    """A play as a profile remembers it."""

    event_id: str
    track_id: str
    played_at: datetime
    milliseconds_played: int
    allow_training: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A listener's latest plays (newest first, at most `PROFILE_PLAYS`) and their words on tracks.

    `liked` holds likes and saves; `hidden` holds hides and dislikes: those never come back in an answer.
    """

    listener_id: str
    recent: tuple[RecentPlay, ...] = ()
    liked: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()


PROFILE_PLAYS = 200
"""Plays a profile remembers: enough for fold-in and "never what was just played", small enough for one document."""
