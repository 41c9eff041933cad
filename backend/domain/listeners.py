"""What is known of a listener at answer time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Lesson, Play, lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentPlay:
    """A play as a profile remembers it; `track_milliseconds` is 0 where unknown."""

    event_id: str
    track_id: str
    played_at: datetime
    milliseconds_played: int
    track_milliseconds: int = 0
    allow_training: bool = True

    @property
    def teaches(self) -> bool:
        """Whether it may be learned from and says what the listener likes: it carries the right and is positive."""
        return self.allow_training and lesson(self.milliseconds_played, self.track_milliseconds) is Lesson.POSITIVE


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

LIKING = frozenset({FeedbackKind.LIKE, FeedbackKind.SAVE})
HIDING = frozenset({FeedbackKind.HIDE, FeedbackKind.DISLIKE})


def merge(profile: Profile, plays: Iterable[Play], feedback: Iterable[Feedback]) -> Profile:
    """The profile with these plays and words added; the same ones again change nothing.

    A play counts once per event id. Of a listener's contrary words on a track the later one (in the order given)
    holds; a skip says nothing for ever. Plays and feedback of other listeners raise ValueError.
    """
    remembered = {play.event_id: play for play in profile.recent}
    for play in plays:
        _require_listener(profile, play.listener_id)
        remembered.setdefault(
            play.event_id,
            RecentPlay(
                event_id=play.event_id,
                track_id=play.track_id,
                played_at=play.played_at,
                milliseconds_played=play.milliseconds_played,
                track_milliseconds=play.track_milliseconds,
                allow_training=play.allow_training,
            ),
        )
    liked, hidden = set(profile.liked), set(profile.hidden)
    for word in feedback:
        _require_listener(profile, word.listener_id)
        if word.kind in LIKING:
            liked.add(word.track_id)
            hidden.discard(word.track_id)
        elif word.kind in HIDING:
            hidden.add(word.track_id)
            liked.discard(word.track_id)
    newest_first = sorted(remembered.values(), key=lambda play: (play.played_at, play.event_id), reverse=True)
    return Profile(
        listener_id=profile.listener_id,
        recent=tuple(newest_first[:PROFILE_PLAYS]),
        liked=frozenset(liked),
        hidden=frozenset(hidden),
    )


def _require_listener(profile: Profile, listener_id: str) -> None:
    if listener_id != profile.listener_id:
        raise ValueError(f"an event of {listener_id} does not belong in the profile of {profile.listener_id}")
