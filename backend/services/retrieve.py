"""Candidates by a model version: from a listener's factors, and from the words of what they played last."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from backend.domain.listeners import Profile
from backend.domain.recommendations import Candidate, CandidateSource
from backend.ports.models import CONTENT_NAMESPACE, FACTORS_NAMESPACE, ModelVersion
from backend.ports.vectors import Neighbour, VectorIndex, Vectors
from backend.services.arrivals import Arrivals
from backend.services.breaker import Breaker
from backend.services.catalogue import Catalogue

LIKE_PLAYS = 3
"""Plays that a like or a save counts for."""

TASTE = "listeners with your taste play it"

SEEDS = 5
"""Tracks played last whose neighbours by content are looked at."""


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


class Retriever:
    """Finds candidates in the vector namespaces of a version.

    Raises Unavailable where the vector index is down (at once while its circuit is open) and NotFound where the
    version's namespaces are gone.
    """

    def __init__(
        self, vectors: VectorIndex, catalogue: Catalogue, arrivals: Arrivals, *, breaker: Breaker | None = None
    ) -> None:
        self._vectors = vectors
        self._catalogue = catalogue
        self._arrivals = arrivals
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
            listener = model.fold_in.listener(factors, np.array([counts[one] for one in known], dtype=np.float64))
            found = self._vectors.search(namespace, listener, limit=limit, exclude=exclude)
        new = self._arrivals.near(model, listener, limit=limit, exclude=exclude)
        both = sorted((*found, *new), key=lambda one: (-one.score, one.id))[:limit]
        names = {one.id for one in new}
        return [
            Candidate(
                track_id=one.id,
                source=CandidateSource.FACTORS,
                rank=rank,
                score=one.score,
                because="new, by its artist and its words near your taste" if one.id in names else TASTE,
            )
            for rank, one in enumerate(both, 1)
        ]

    def by_links(
        self, model: ModelVersion, profile: Profile, *, limit: int, exclude: frozenset[str]
    ) -> list[Candidate]:
        """Tracks linked to the listener's own by the version's track-to-track weights; [] where it has none.

        Only tracks with a positive sum; the sentence names the own track that gives most.
        """
        links = model.linear
        own = [] if links is None else [links.rows[one] for one in counted_plays(profile) if one in links.rows]
        if links is None or not own:
            return []
        places, weights = links.neighbours[own], links.weights[own]
        filled = places >= 0
        giver = np.repeat(np.array(own), places.shape[1]).reshape(places.shape)[filled]
        to, given = places[filled], weights[filled].astype(np.float64)
        met, position = np.unique(to, return_inverse=True)
        sums = np.bincount(position, weights=given, minlength=len(met))
        best = [
            at for at in np.lexsort((met, -sums)).tolist() if sums[at] > 0 and links.track_ids[met[at]] not in exclude
        ][:limit]
        strongest = {at: int(giver[position == at][given[position == at].argmax()]) for at in best}
        titles = self._titles(links.track_ids[row] for row in set(strongest.values()))
        return [
            Candidate(
                track_id=links.track_ids[met[at]],
                source=CandidateSource.LINEAR,
                rank=rank,
                score=float(sums[at]),
                because=f"who plays {_title(titles, links.track_ids[strongest[at]])} plays it too",
            )
            for rank, at in enumerate(best, 1)
        ]

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
        titles = self._titles(seeds)
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

    def _titles(self, track_ids: Iterable[str]) -> dict[str, str]:
        return {track_id: track.title for track_id, track in self._catalogue.tracks(track_ids).items()}

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
