"""Candidates by a model version: from a listener's factors, and from the words of what they played last."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from backend.domain.listeners import Profile
from backend.domain.recommendations import Candidate, CandidateSource
from backend.ports.models import CONTENT_NAMESPACE, FACTORS_NAMESPACE, FoldIn, ModelVersion
from backend.ports.vectors import Neighbour, VectorIndex, Vectors
from backend.services.breaker import Breaker
from backend.services.catalogue import Catalogue

LIKE_PLAYS = 3
"""Plays that a like or a save counts for."""

SEEDS = 5
"""Tracks played last whose neighbours by content are looked at."""


def fold_in(formula: FoldIn, factors: NDArray[np.float64], plays: NDArray[np.float64]) -> Vectors:
    """A listener's factors (dimension,) from tracks' factors (m, dimension) and the plays of each (m,); m ≥ 1.

    The closed form in `FoldIn`'s docstring; O(m · dimension² + dimension³).
    """
    confidence = formula.confidence_scale * np.log1p(plays)
    regularization = formula.regularization_for(len(plays)) * np.eye(len(formula.gram))
    left = formula.unobserved_weight * formula.gram + (factors.T * confidence) @ factors + regularization
    right = factors.T @ (confidence + formula.unobserved_weight)
    return np.linalg.solve(left, right).astype(np.float32)


def counted_plays(profile: Profile) -> dict[str, int]:
    """Plays by track that may be learned from, likes as extra plays, hidden tracks left out."""
    counts = Counter(play.track_id for play in profile.recent if play.allow_training)
    counts.update(dict.fromkeys(sorted(profile.liked), LIKE_PLAYS))
    return {track_id: plays for track_id, plays in counts.items() if track_id not in profile.hidden}


def last_tracks(profile: Profile, count: int = SEEDS) -> list[str]:
    """The distinct tracks played last that may be learned from, newest first; likes where nothing was played."""
    played = dict.fromkeys(play.track_id for play in profile.recent if play.allow_training)
    return [one for one in (played or sorted(profile.liked)) if one not in profile.hidden][:count]


class Retriever:
    """Finds candidates in the vector namespaces of a version.

    Raises Unavailable where the vector index is down (at once while its circuit is open) and NotFound where the
    version's namespaces are gone.
    """

    def __init__(self, vectors: VectorIndex, catalogue: Catalogue, *, breaker: Breaker | None = None) -> None:
        self._vectors = vectors
        self._catalogue = catalogue
        self._breaker = breaker or Breaker("the vector index")

    def by_factors(
        self, model: ModelVersion, profile: Profile, *, limit: int, exclude: frozenset[str]
    ) -> list[Candidate]:
        """Nearest to the listener's folded-in factors; [] where the model knows none of their tracks."""
        counts = counted_plays(profile)
        namespace = FACTORS_NAMESPACE.format(version=model.version)
        with self._breaker.guard():
            known = self._vectors.fetch(namespace, list(counts))
            if not known:
                return []
            factors = np.stack([known[track_id] for track_id in known]).astype(np.float64)
            listener = fold_in(model.fold_in, factors, np.array([counts[one] for one in known], dtype=np.float64))
            found = self._vectors.search(namespace, listener, limit=limit, exclude=exclude)
        return _candidates(found, CandidateSource.FACTORS, "listeners with your taste play it")

    def by_content(
        self, model: ModelVersion, profile: Profile, *, limit: int, exclude: frozenset[str]
    ) -> list[Candidate]:
        """Near the tracks played last: cosines summed over them, newer ones weighing more (1, 1/2, 1/3 …)."""
        namespace = CONTENT_NAMESPACE.format(version=model.version)
        scores: dict[str, float] = defaultdict(float)
        strongest: dict[str, tuple[float, str]] = {}
        with self._breaker.guard():
            seeds = self._vectors.fetch(namespace, last_tracks(profile))
            for place, (seed, vector) in enumerate(seeds.items(), 1):
                for one in self._vectors.search(namespace, vector, limit=limit, exclude=exclude | {seed}):
                    part = one.score / place
                    scores[one.id] += part
                    strongest[one.id] = max(strongest.get(one.id, (-math.inf, "")), (part, seed))
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
        titles = {track_id: track.title for track_id, track in self._catalogue.tracks(seeds).items()}
        return [
            Candidate(
                track_id=track_id,
                source=CandidateSource.CONTENT,
                rank=rank,
                score=score,
                because=f"near {_title(titles, strongest[track_id][1])}, which you played",
            )
            for rank, (track_id, score) in enumerate(best, 1)
        ]

    def like_track(self, model: ModelVersion, track_id: str, *, limit: int) -> list[Candidate]:
        """Tracks that the same listeners play: by the cosine of factors. [] where the model does not know it."""
        namespace = FACTORS_NAMESPACE.format(version=model.version)
        with self._breaker.guard():
            own = self._vectors.fetch(namespace, [track_id]).get(track_id)
            if own is None:
                return []
            # The index ranks by inner product, which prefers popular tracks; among its best the cosine decides.
            near = self._vectors.search(namespace, own, limit=2 * limit, exclude=frozenset({track_id}))
            factors = self._vectors.fetch(namespace, [one.id for one in near])
        found = [Neighbour(one, _cosine(own, vector)) for one, vector in factors.items()]
        found.sort(key=lambda one: (-one.score, one.id))
        return _candidates(found[:limit], CandidateSource.FACTORS, "played by the same listeners")

    def near_words(
        self, model: ModelVersion, vector: Vectors, *, limit: int, exclude: frozenset[str], because: str
    ) -> list[Candidate]:
        """Tracks whose text is near a point of the model's text encoder."""
        with self._breaker.guard():
            namespace = CONTENT_NAMESPACE.format(version=model.version)
            found = self._vectors.search(namespace, vector, limit=limit, exclude=exclude)
        return _candidates(found, CandidateSource.CONTENT, because)

    def content_of(self, model: ModelVersion, track_id: str) -> Vectors | None:
        """A track's content vector, None where it was not in the catalogue when the model was trained."""
        with self._breaker.guard():
            return self._vectors.fetch(CONTENT_NAMESPACE.format(version=model.version), [track_id]).get(track_id)


def _candidates(found: Sequence[Neighbour], source: CandidateSource, because: str) -> list[Candidate]:
    return [
        Candidate(track_id=one.id, source=source, rank=rank, score=one.score, because=because)
        for rank, one in enumerate(found, 1)
    ]


def _cosine(left: Vectors, right: Vectors) -> float:
    return float(left @ right / max(float(np.linalg.norm(left) * np.linalg.norm(right)), 1e-12))


def _title(titles: Mapping[str, str], track_id: str) -> str:
    return titles.get(track_id, track_id)
