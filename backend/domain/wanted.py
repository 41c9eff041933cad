"""What an app wants of an answer beyond the listener's taste."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from backend.domain.recommendations import SeedTrack
from backend.domain.rights import Source
from backend.domain.tracks import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFilter:
    """Which tracks may come: what is left empty (0, None) asks for nothing; what is not known is not admitted.

    Tuples are sorted, so that equal filters read the same; `tags` are casefolded. Bounds are inclusive.
    """

    tags: tuple[str, ...] = ()
    topic_ids: tuple[str, ...] = ()
    artist_ids: tuple[str, ...] = ()
    without_artist_ids: tuple[str, ...] = ()
    first_year: int = 0
    last_year: int = 0
    shortest_milliseconds: int = 0
    longest_milliseconds: int = 0
    sources: tuple[Source, ...] = ()

    def admits(self, track: Track, topic_ids: Sequence[str]) -> bool:
        """Whether the track may come; `topic_ids` are those of the topics that it is in."""
        artists = frozenset(track.artist_ids)
        return (
            (not self.tags or not {tag.casefold() for tag in track.tags}.isdisjoint(self.tags))
            and (not self.topic_ids or not frozenset(topic_ids).isdisjoint(self.topic_ids))
            and (not self.artist_ids or not artists.isdisjoint(self.artist_ids))
            and artists.isdisjoint(self.without_artist_ids)
            and _within(released_in(track), self.first_year, self.last_year)
            and _within(track.duration_milliseconds, self.shortest_milliseconds, self.longest_milliseconds)
            and (not self.sources or track.source in self.sources)
        )


def _within(value: int, least: int, most: int) -> bool:
    """Whether a value is known (not 0) and within bounds; any is where there are none."""
    return not (least or most) or (value > 0 and value >= least and (not most or value <= most))


def released_in(track: Track) -> int:
    """The year that `released_on` begins with; 0 where it begins with none."""
    year = track.released_on[:4]
    return int(year) if len(year) == 4 and year.isascii() and year.isdigit() else 0


EVERY_TRACK = TrackFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All of it. `Wanted()` asks for nothing: the answer is what the listener's taste makes it.

    Of tracks that the listener played before, all are left out, or only those `heard_within` that time, or they make up
    about `known_share` of the answer; one of both is None at least. `per_artist` and `per_album` are caps of the whole
    answer (0: none); `diversity` and `damping` are 0..1. `seeds` are a session or playlist, newest first; a
    `session` is all that the answer goes by, other seeds stand beside the listener's own latest tracks.
    """

    filter: TrackFilter = EVERY_TRACK
    new_artists_only: bool = False
    heard_within: timedelta | None = None
    known_share: float | None = None
    per_artist: int = 0
    per_album: int = 0
    diversity: float = 0.0
    damping: float = 0.0
    seeds: tuple[SeedTrack, ...] = ()
    session: bool = False

    @property
    def reorders(self) -> bool:
        """Whether it asks for anything of the order, or of what follows what."""
        return self != Wanted(
            filter=self.filter, heard_within=self.heard_within, seeds=self.seeds, session=self.session
        )

    def without_seeds(self) -> "Wanted":
        """The same, with nothing to go by but the listener's taste."""
        return replace(self, seeds=(), session=False)
