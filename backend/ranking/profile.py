"""What of a listener's profile counts for an answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.domain.listeners import Profile

LIKE_PLAYS = 3
"""Plays that a like or a save counts for."""

SEEDS = 5
"""Tracks played last whose neighbours by content are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """A profile as the candidate sources are asked with it.

    `plays` by track, newest first: see `counted_plays`. `last` are the `last_tracks`. `unwanted` tracks never come in
    an answer: played lately, or hidden.
    """

    plays: Mapping[str, float]
    last: Sequence[str]
    unwanted: frozenset[str]


NO_TASTE = Taste(plays={}, last=(), unwanted=frozenset())
"""That of somebody of whom nothing is known."""


def taste_of(profile: Profile) -> Taste:
    """What counts of a profile."""
    return Taste(
        plays=counted_plays(profile),
        last=last_tracks(profile),
        unwanted=profile.hidden | {play.track_id for play in profile.recent},
    )


def with_seeds(taste: Taste, seeds: Mapping[str, float], *, alone: bool) -> Taste:
    """A taste that goes by seeds, newest first with their weights: a weight of 1 counts as a like.

    Beside them stand as many of the listener's own tracks, the latest; none where the seeds are `alone`. Seeds never
    come in an answer.
    """
    own = [] if alone else [one for one in taste.plays if one not in seeds][: len(seeds)]
    last = dict.fromkeys([*seeds, *(() if alone else taste.last)])
    return Taste(
        plays={one: LIKE_PLAYS * weight for one, weight in seeds.items()} | {one: taste.plays[one] for one in own},
        last=list(last)[:SEEDS],
        unwanted=taste.unwanted | seeds.keys(),
    )


def counted_plays(profile: Profile) -> dict[str, int]:
    """Positive plays by track that may be learned from, likes as extra plays, hidden tracks left out."""
    counts = Counter(play.track_id for play in profile.recent if play.teaches)
    counts.update(dict.fromkeys(sorted(profile.liked), LIKE_PLAYS))
    hidden = profile.hidden
    return {track_id: plays for track_id, plays in counts.items() if track_id not in hidden}


def last_tracks(profile: Profile, count: int = SEEDS) -> list[str]:
    """The distinct tracks of the last positive plays that may be learned from, newest first; without any, likes."""
    played = dict.fromkeys(play.track_id for play in profile.recent if play.teaches)
    hidden = profile.hidden
    return [one for one in (played or sorted(profile.liked)) if one not in hidden][:count]
