"""Fuses the sources' candidate lists into one ranking. The same lists give the same answer, whatever their order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one source gave to a track's score, and the track's rank in its list."""

    source: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """Tracks best first with their scores; `weights` are those of the sources that count, and sum to 1."""

    track_ids: Sequence[str]
    scores: Sequence[float]
    lists: Mapping[str, Mapping[str, int]]
    weights: Mapping[str, float]

    def parts(self, track_id: str) -> list[Part]:
        """What each source gave to one of the tracks, the most first, of equals by the source's name."""
        found = [
            Part(source=source, rank=rank, score=weight / (RANK_OFFSET + rank))
            for source, weight in self.weights.items()
            if (rank := self.lists[source].get(track_id, 0))
        ]
        return sorted(found, key=lambda part: (-part.score, part.source))


def fused(
    lists: Mapping[str, Mapping[str, int]], weights: Mapping[str, float], *, exclude: frozenset[str] = frozenset()
) -> Fused:
    """Weighted reciprocal rank fusion: a track scores Σ weight / (RANK_OFFSET + rank) over the sources that name it.

    `lists` are each source's ranks by track. Tracks of `exclude` are left out, the others keep their ranks. Weights
    are those of the sources that name a track, scaled to sum to 1; sources without a weight do not count. Best first,
    ties by track id.
    """
    counting = sorted(source for source, ranked in lists.items() if ranked and weights.get(source, 0.0) > 0)
    total = sum(weights[source] for source in counting)
    scaled = {source: weights[source] / total for source in counting}
    scores: dict[str, float] = {}
    # Always in the same order of sources, so that the same parts come to the same sum.
    for source, weight in scaled.items():
        for track_id, rank in lists[source].items():
            scores[track_id] = scores.get(track_id, 0.0) + weight / (RANK_OFFSET + rank)
    for track_id in exclude:
        scores.pop(track_id, None)
    # A stable sort, and hardly ever are two scores equal: sorting by id as well would take as long again.
    has_ties = len(set(scores.values())) < len(scores)
    best = sorted(sorted(scores) if has_ties else scores, key=scores.__getitem__, reverse=True)
    return Fused(track_ids=best, scores=[scores[one] for one in best], lists=lists, weights=scaled)


def fuse(
    candidates: Sequence[Candidate], weights: Mapping[str, float], *, exclude: frozenset[str]
) -> list[Recommendation]:
    """`fused` of candidates, with their sentences as reasons, strongest first; their shares sum to 1."""
    lists: dict[str, dict[str, int]] = defaultdict(dict)
    named: dict[tuple[str, str], Candidate] = {}
    for one in candidates:
        lists[one.source][one.track_id] = one.rank
        named[one.track_id, one.source] = one
    found = fused(lists, weights, exclude=exclude)
    return [
        Recommendation(
            track_id=track_id,
            score=score,
            reasons=tuple(
                Reason(
                    source=part.source,
                    rank=part.rank,
                    share=part.score / score,
                    text=named[track_id, part.source].because,
                )
                for part in found.parts(track_id)
            ),
        )
        for track_id, score in zip(found.track_ids, found.scores, strict=True)
    ]
