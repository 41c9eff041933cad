"""Fuses the sources' candidate lists into one ranking. Pure: the same lists give the same answer."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from backend.domain.recommendations import Candidate, CandidateSource, Reason, Recommendation

RANK_OFFSET = 60
"""Reciprocal rank fusion's k (Cormack, Clarke and Büttcher 2009): how little the very first ranks stand out."""

DIVERSE_FIRST = 20
PER_ARTIST = 2
"""Among the first `DIVERSE_FIRST` tracks at most this many of one artist, as far as there are others."""


def fuse(
    candidates: Sequence[Candidate], weights: Mapping[CandidateSource, float], *, exclude: frozenset[str]
) -> list[Recommendation]:
    """Weighted reciprocal rank fusion: a track scores Σ weight / (RANK_OFFSET + rank) over the sources that name it.

    Weights are those of the sources present, scaled to sum to 1; sources without a weight do not count. Best first,
    ties by track id; none of `exclude`. The shares of a recommendation's reasons sum to 1.
    """
    present = {candidate.source for candidate in candidates}
    total = sum(weight for source, weight in weights.items() if source in present)
    if total <= 0:
        return []
    parts: dict[str, list[tuple[float, Candidate]]] = defaultdict(list)
    for candidate in candidates:
        weight = weights.get(candidate.source, 0.0) / total
        if weight > 0 and candidate.track_id not in exclude:
            parts[candidate.track_id].append((weight / (RANK_OFFSET + candidate.rank), candidate))
    fused = [_recommendation(track_id, found) for track_id, found in parts.items()]
    return sorted(fused, key=lambda one: (-one.score, one.track_id))


def _recommendation(track_id: str, parts: list[tuple[float, Candidate]]) -> Recommendation:
    # Correctly rounded, so that the order of the lists does not show in the last digit.
    score = math.fsum(part for part, _ in parts)
    strongest_first = sorted(parts, key=lambda part: (-part[0], part[1].source))
    return Recommendation(
        track_id=track_id,
        score=score,
        reasons=tuple(
            Reason(source=candidate.source, rank=candidate.rank, share=part / score, text=candidate.because)
            for part, candidate in strongest_first
        ),
    )


def diversify(
    ranked: Sequence[Recommendation], artist_of: Mapping[str, str], *, first: int = DIVERSE_FIRST
) -> list[Recommendation]:
    """The same recommendations, those beyond PER_ARTIST of one artist moved behind the first `first`.

    Tracks keep their order otherwise. Where there are too few other tracks, the moved ones follow directly.
    """
    shown: list[Recommendation] = []
    moved: list[Recommendation] = []
    of_artist: Counter[str] = Counter()
    for at, one in enumerate(ranked):
        if len(shown) == first:
            rest = [*moved, *ranked[at:]]
            return [*shown, *sorted(rest, key=lambda other: (-other.score, other.track_id))]
        artist = artist_of[one.track_id]
        of_artist[artist] += 1
        (shown if of_artist[artist] <= PER_ARTIST else moved).append(one)
    return [*shown, *moved]
