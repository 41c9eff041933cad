"""What an app may ask of an answer, in plain values, as the contract's RecommendOptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from segue.v1 import play_pb2, recommend_pb2

SOURCES: Final = tuple(name.removeprefix("SOURCE_").lower() for name, number in play_pb2.Source.items() if number != 0)
"""Where tracks come from, as `Wishes.sources` takes them."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What recommend.proto says of each; 0, None and what is empty ask for nothing. Seconds, not milliseconds."""

    tags: Sequence[str] = ()
    topics: Sequence[str] = ()
    artists: Sequence[str] = ()
    without_artists: Sequence[str] = ()
    first_year: int = 0
    last_year: int = 0
    min_seconds: float = 0.0
    max_seconds: float = 0.0
    sources: Sequence[str] = ()
    new_artists: bool = False
    heard_days: int | None = None
    known_share: float | None = None
    per_artist: int = 0
    per_album: int = 0
    diversity: float = 0.0
    damping: float = 0.0
    seeds: Mapping[str, float] = field(default_factory=dict)

    def message(self) -> recommend_pb2.RecommendOptions:
        """As the server is asked. Raises ValueError for a source that there is not."""
        heard = recommend_pb2.HeardBefore()
        if self.known_share is not None:
            heard.known_share = self.known_share
        elif self.heard_days is not None:
            heard.exclude_days = self.heard_days
        return recommend_pb2.RecommendOptions(
            filter=recommend_pb2.TrackFilter(
                tags=self.tags,
                topic_ids=self.topics,
                artist_ids=self.artists,
                exclude_artist_ids=self.without_artists,
                first_year=self.first_year,
                last_year=self.last_year,
                min_duration_milliseconds=round(self.min_seconds * 1000),
                max_duration_milliseconds=round(self.max_seconds * 1000),
                sources=[f"SOURCE_{one.upper()}" for one in self.sources],
            ),
            new_artists_only=self.new_artists,
            heard_before=heard,
            max_per_artist=self.per_artist,
            max_per_album=self.per_album,
            diversity=self.diversity,
            popularity_damping=self.damping,
            seeds=[recommend_pb2.SeedTrack(track_id=one, weight=weight) for one, weight in self.seeds.items()],
        )


NOTHING_WISHED: Final = Wishes()
