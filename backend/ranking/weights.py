"""How the candidate sources are weighed, by how much is known of a listener."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.ranking.sources import DEFAULT_WEIGHTS, LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionLevel:
    """Weights of the candidate sources for listeners with at least `tracks` different tracks; they sum to 1."""

    tracks: int
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionWeights:
    """A version's weights: by level, fewest tracks first, and `below` the first; each mapping sums to 1."""

    levels: Sequence[FusionLevel] = ()
    below: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))

    def of(self, tracks: int, *, by_version: bool) -> Mapping[str, float]:
        """For a listener with that many different tracks: those of the last level that they reach.

        Where no source of the version listed anything (`by_version`), the live source answers alone.
        """
        if not by_version:
            return {LIVE.name: 1.0}
        reached = [level for level in self.levels if level.tracks <= tracks]
        return reached[-1].weights if reached else self.below
