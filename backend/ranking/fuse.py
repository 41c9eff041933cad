"""Fuses the sources' candidate lists into one ranking. The same lists give the same answer, whatever their order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.domain.recommendations import Candidate, Reason, Recommendation

RANK_OFFSET = 60
"""Reciprocal rank fusion's k (Cormack, Clarke and Büttcher 2009): how little the very first ranks stand out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Where tracks (sorted by id) stand in the lists of `sources`.

    `ranks` (tracks, sources) count from 1, 0 where a track does not stand in a list.
    """

    sources: Sequence[str]
    track_ids: Sequence[str]
    ranks: NDArray[np.int64]

    def parts(self) -> NDArray[np.float64]:
        """1 / (RANK_OFFSET + rank), 0 where a track does not stand in a list: (tracks, sources)."""
        return np.where(self.ranks > 0, 1.0 / (RANK_OFFSET + self.ranks), 0.0)


def ranks_of(lists: Mapping[str, Mapping[str, int]], *, exclude: frozenset[str] = frozenset()) -> Ranks:
    """From each source's ranks by track; tracks of `exclude` are left out, the others keep their ranks."""
    sources = sorted(source for source, ranked in lists.items() if ranked)
    track_ids = sorted({track_id for source in sources for track_id in lists[source]} - exclude)
    ranks = np.zeros((len(track_ids), len(sources)), dtype=np.int64)
    row = {track_id: number for number, track_id in enumerate(track_ids)}
    for column, source in enumerate(sources):
        met = [(row[track_id], rank) for track_id, rank in lists[source].items() if track_id in row]
        rows, theirs = np.array(met, dtype=np.int64).reshape(-1, 2).T
        ranks[rows, column] = theirs
    return Ranks(sources=sources, track_ids=track_ids, ranks=ranks)


class Part(NamedTuple):
    """What one source gave to a track's score, and the track's rank in its list."""

    score: float
    source: str
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """Tracks best first.

    `sources` are those that count, `weights` (sources,) theirs, which sum to 1. `ranks` (tracks, sources) int32 count
    from 1, 0 where a source does not list a track.
    """

    track_ids: Sequence[str]
    sources: Sequence[str]
    weights: NDArray[np.float64]
    ranks: NDArray[np.int32]

    def scores(self) -> list[float]:
        """The tracks' scores."""
        parts = np.where(self.ranks > 0, self.weights / (RANK_OFFSET + self.ranks), 0.0)
        return [float(one) for one in parts.sum(axis=1)]

    def parts(self, places: Sequence[int]) -> list[list[Part]]:
        """What each source gave to the tracks at these places, the most first, of equals by the source's name."""
        ranks = self.ranks[list(places)]
        scores = (self.weights / (RANK_OFFSET + ranks)).tolist()
        return [
            sorted(
                (
                    Part(score, source, rank)
                    for score, source, rank in zip(given, self.sources, theirs, strict=True)
                    if rank
                ),
                key=lambda part: (-part.score, part.source),
            )
            for given, theirs in zip(scores, ranks.tolist(), strict=True)
        ]


def fused(
    lists: Mapping[str, Sequence[str]], weights: Mapping[str, float], *, exclude: frozenset[str] = frozenset()
) -> Fused:
    """Weighted reciprocal rank fusion: a track scores Σ weight / (RANK_OFFSET + rank) over the sources that name it.

    `lists` are each source's tracks, best first. Tracks of `exclude` are left out, the others keep their ranks. Weights
    are those of the sources that name a track, scaled to sum to 1; sources without a weight do not count. Best first,
    ties by track id.
    """
    sources = sorted(source for source, listed in lists.items() if listed and weights.get(source, 0.0) > 0)
    total = sum(weights[source] for source in sources)
    scaled = np.array([weights[source] / total for source in sources])
    names = list(dict.fromkeys(chain.from_iterable(lists[source] for source in sources)))
    number = dict(zip(names, range(len(names)), strict=True))
    ranks = np.zeros((len(sources), len(names)), dtype=np.int32)
    scores = np.zeros(len(names))
    # Always in the same order of sources, so that the same parts come to the same sum.
    for row, source in enumerate(sources):
        at = np.fromiter(map(number.__getitem__, lists[source]), dtype=np.int64, count=len(lists[source]))
        theirs = np.arange(1, len(at) + 1, dtype=np.int32)
        ranks[row, at] = theirs
        scores[at] += scaled[row] / (RANK_OFFSET + theirs)
    scores[[number[one] for one in exclude if one in number]] = 0.0
    order = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores)]
    order = _settled(order, scores, names)
    track_ids = [names[at] for at in order.tolist()]
    return Fused(track_ids=track_ids, sources=sources, weights=scaled, ranks=ranks.T[order])


def _settled(order: NDArray[np.int64], scores: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.int64]:
    """The same order, but of equal scores by name."""
    falling = scores[order]
    same = falling[1:] == falling[:-1]
    tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
    if not len(tied):
        return order
    at = order[tied]
    texts = [names[one] for one in at.tolist()]
    place = np.empty(len(texts), dtype=np.int64)
    place[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    settled = order.copy()
    settled[tied] = at[np.lexsort((place, -falling[tied]))]
    return settled


def fuse(
    candidates: Sequence[Candidate], weights: Mapping[str, float], *, exclude: frozenset[str]
) -> list[Recommendation]:
    """`fused` of candidates, with their sentences as reasons, strongest first; their shares sum to 1.

    Ranks of a source's candidates count from 1 without a gap.
    """
    lists: dict[str, list[Candidate]] = defaultdict(list)
    for one in sorted(candidates, key=lambda one: one.rank):
        lists[one.source].append(one)
    found = fused({source: [one.track_id for one in each] for source, each in lists.items()}, weights, exclude=exclude)
    recommendations = []
    for track_id, parts in zip(found.track_ids, found.parts(range(len(found.track_ids))), strict=True):
        score = sum(part.score for part in parts)
        reasons = tuple(
            Reason(
                source=part.source, rank=part.rank, share=part.score / score, text=told.because, anchors=told.anchors
            )
            for part in parts
            for told in (lists[part.source][part.rank - 1],)
        )
        recommendations.append(Recommendation(track_id=track_id, score=score, reasons=reasons))
    return recommendations
