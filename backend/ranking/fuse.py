"""Fuses the sources' candidate lists into one ranking. The same lists give the same answer, whatever their order."""

import math
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
class Fused:
    """Tracks best first with their scores; `parts` (tracks, sources) are what each source gave to them."""

    sources: Sequence[str]
    track_ids: Sequence[str]
    scores: Sequence[float]
    parts: NDArray[np.float64]


def fused(ranks: Ranks, weights: Mapping[str, float]) -> Fused:
    """Weighted reciprocal rank fusion: a track scores Σ weight / (RANK_OFFSET + rank) over the sources that name it.

    Weights are those of the sources present, scaled to sum to 1; sources without a weight do not count. Best first,
    ties by track id.
    """
    total = sum(weight for source, weight in weights.items() if source in ranks.sources)
    if total <= 0:
        return Fused(sources=ranks.sources, track_ids=[], scores=[], parts=np.empty((0, len(ranks.sources))))
    scaled = np.array([weights.get(source, 0.0) / total for source in ranks.sources])
    parts = np.where(ranks.ranks > 0, scaled / (RANK_OFFSET + ranks.ranks), 0.0)
    # Correctly rounded, so that equal sums are equal in whatever order they were added up.
    scores = np.array([math.fsum(row) for row in parts.tolist()])
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    return Fused(
        sources=ranks.sources,
        track_ids=[ranks.track_ids[row] for row in order.tolist()],
        scores=scores[order].tolist(),
        parts=parts[order],
    )


def fuse(
    candidates: Sequence[Candidate], weights: Mapping[str, float], *, exclude: frozenset[str]
) -> list[Recommendation]:
    """`fused` of candidates, with their sentences as reasons, strongest first; their shares sum to 1."""
    lists: dict[str, dict[str, int]] = defaultdict(dict)
    named: dict[tuple[str, str], Candidate] = {}
    for one in candidates:
        lists[one.source][one.track_id] = one.rank
        named[one.track_id, one.source] = one
    found = fused(ranks_of(lists, exclude=exclude), weights)
    recommendations = []
    for track_id, score, parts in zip(found.track_ids, found.scores, found.parts.tolist(), strict=True):
        given = [(part, named[track_id, source]) for part, source in zip(parts, found.sources, strict=True) if part > 0]
        reasons = tuple(
            Reason(source=one.source, rank=one.rank, share=part / score, text=one.because, anchors=one.anchors)
            for part, one in sorted(given, key=lambda part: (-part[0], part[1].source))
        )
        recommendations.append(Recommendation(track_id=track_id, score=score, reasons=reasons))
    return recommendations
