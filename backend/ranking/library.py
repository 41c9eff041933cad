"""A version held in arrays: it answers for a listener as the server does, without a server.

What decides a list's order, the fused order and the diverse one are the very functions that the server calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.ranking.diverse import diverse_among
from backend.ranking.fuse import fused
from backend.ranking.lists import PER_SOURCE, Asked, CandidateList, Space
from backend.ranking.profile import Taste
from backend.ranking.sources import ALL, LIVE
from backend.ranking.weights import FusionWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Parts of a version by source, vectors by space, and what the live sources list at some moment."""

    parts: Mapping[str, object]
    spaces: Mapping[str, Space]
    live: Mapping[str, CandidateList]

    def lists(self, taste: Taste) -> dict[str, CandidateList]:
        """Every source's candidates for a listener."""
        return {
            source.name: source.ask(
                Asked(
                    taste=taste,
                    exclude=taste.unwanted,
                    limit=PER_SOURCE,
                    part=self.parts.get(source.name),
                    spaces=self.spaces,
                    live=self.live.get(source.name, CandidateList()),
                )
            )
            for source in ALL
        }


def answer(
    lists: Mapping[str, CandidateList], weights: FusionWeights, taste: Taste, artist_of: Mapping[str, str]
) -> list[str]:
    """The tracks of a whole answer, best first: fused, without unwanted or unknown (`artist_of`) ones, diverse."""
    found = {name: each.track_ids for name, each in lists.items()}
    by_version = any(len(track_ids) for name, track_ids in found.items() if name != LIVE.name)
    chosen = weights.of(len(taste.plays), by_version=by_version)
    ranked = fused(found, chosen, exclude=taste.unwanted).track_ids
    return [ranked[place] for place in diverse_among([artist_of.get(one) for one in ranked])]
