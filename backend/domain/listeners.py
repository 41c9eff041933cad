"""What is known of a listener at answer time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

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
class Word:
    """A listener's last word on a track as a profile remembers it; `given_at` to the millisecond, as the log holds it.

    Of words on one track the one given last holds, and of those given in the same millisecond the one whose event id
    is the greater: which that is does not depend on the order they come in, or how often.
    """

    track_id: str
    kind: FeedbackKind
    given_at: datetime
    event_id: str

    @property
    def place(self) -> tuple[datetime, str, FeedbackKind, str]:
        """Where it stands among all words, by what makes it later; no two words have the same place."""
        return (self.given_at, self.event_id, self.kind, self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A listener's latest plays (newest first, at most `PROFILE_PLAYS`) and their last words on tracks.

    `words` holds one a track, newest first, at most `PROFILE_WORDS`; skips are not among them.
    """

    listener_id: str
    recent: tuple[RecentPlay, ...] = ()
    words: tuple[Word, ...] = ()

    @property
    def liked(self) -> frozenset[str]:
        """Tracks whose last word is a like or a save."""
        return frozenset(word.track_id for word in self.words if word.kind in LIKING)

    @property
    def hidden(self) -> frozenset[str]:
        """Tracks whose last word is a hide or a dislike: those never come back in an answer."""
        return frozenset(word.track_id for word in self.words if word.kind in HIDING)


PROFILE_PLAYS = 200
"""Plays a profile remembers: enough for fold-in and "never what was just played", small enough for one document."""

PROFILE_WORDS = 5_000
"""Tracks of which a profile remembers the word: more than a person rates, half a megabyte of one document."""

LIKING = frozenset({FeedbackKind.LIKE, FeedbackKind.SAVE})
HIDING = frozenset({FeedbackKind.HIDE, FeedbackKind.DISLIKE})


def merge(profile: Profile, plays: Iterable[Play], feedback: Iterable[Feedback]) -> Profile:
    """The profile with these plays and words added; in any order, and the same ones again, they come to the same.

    A play counts once per event id. Of a listener's words on a track the one given last holds (see `Word`); a skip
    says nothing for ever. Plays and feedback of other listeners raise ValueError.
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
    newest_first = sorted(remembered.values(), key=lambda play: (play.played_at, play.event_id), reverse=True)
    return Profile(
        listener_id=profile.listener_id,
        recent=tuple(newest_first[:PROFILE_PLAYS]),
        words=_words(profile, feedback),
    )


def _words(profile: Profile, feedback: Iterable[Feedback]) -> tuple[Word, ...]:
    """The last word on each track, the newest PROFILE_WORDS of them."""
    last = {word.track_id: word for word in profile.words}
    for given in feedback:
        _require_listener(profile, given.listener_id)
        if given.kind not in LIKING | HIDING:
            continue
        word = Word(
            track_id=given.track_id,
            kind=given.kind,
            given_at=_to_millisecond(given.given_at),
            event_id=given.event_id,
        )
        known = last.get(word.track_id)
        if known is None or known.place < word.place:
            last[word.track_id] = word
    return tuple(sorted(last.values(), key=lambda word: word.place, reverse=True)[:PROFILE_WORDS])


def _to_millisecond(moment: datetime) -> datetime:
    # What a server took in a moment ago must stand where it will stand when it comes from the log.
    return datetime.fromtimestamp(round(moment.timestamp() * 1000) / 1000, tz=UTC)


def _require_listener(profile: Profile, listener_id: str) -> None:
    if listener_id != profile.listener_id:
        raise ValueError(f"an event of {listener_id} does not belong in the profile of {profile.listener_id}")
