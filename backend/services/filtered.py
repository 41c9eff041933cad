"""Vectors searched among the tracks that a filter admits."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from backend.ranking.lists import CandidateList, Near, NearTracks, Space, Vectors, best_places
from backend.services.facets import Admission

MOST_ASKED: Final = 10_000
"""Nearest vectors that are looked through at most for those that pass: the largest answer that Pinecone gives."""

WIDER: Final = 4


class FilteredSpace:
    """`Space` that finds only what an admission admits.

    Where few tracks pass, their vectors are fetched once and all scored, so that none is missed, whatever the index can
    filter by. Where many do, the index looks for them by what it can filter by (`Admission.where`, which the space was
    made with), and of what it finds those that pass are kept; it is asked for more until there are enough. One that
    finds nothing at all so holds no facets, as versions of old do: it is searched without them, which is `whole`.
    """

    def __init__(self, space: Space, admission: Admission, *, whole: Space) -> None:
        self._space = space
        self._whole = whole
        self._admission = admission
        self._few: tuple[list[str], Vectors] | None = None

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """See `Space.fetch`: of any tracks, also of those that do not pass."""
        return self._space.fetch(ids)

    def nearest(self, query: Vectors, *, limit: int, exclude: frozenset[str]) -> Near:
        """See `Space.nearest`."""
        if self._admission.ids is not None:
            return self._among_few(self._admission.ids, query, limit, exclude)
        space, asked = self._space, WIDER * limit
        while True:
            near = space.nearest(query, limit=asked, exclude=exclude)
            if not near and space is not self._whole:
                space = self._space = self._whole
                continue
            found = [one for one in near if self._admission.admits(one[0])]
            if len(found) >= limit or len(near) < asked or asked >= MOST_ASKED:
                return found[:limit]
            asked = min(WIDER * asked, MOST_ASKED)

    def near_tracks(self, track_ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """See `Space.near_tracks`."""
        names: dict[str, int] = {}
        places, scores = [], []
        vectors = self._space.fetch(track_ids)
        for seed, vector in vectors.items():
            near = self.nearest(vector, limit=limit, exclude=exclude | {seed})
            places.append(np.array([names.setdefault(one, len(names)) for one, _ in near], dtype=np.int64))
            scores.append(np.array([score for _, score in near], dtype=np.float32))
        return NearTracks(seeds=list(vectors), places=places, scores=scores, names=list(names))

    def _among_few(self, ids: Sequence[str], query: Vectors, limit: int, exclude: frozenset[str]) -> Near:
        if self._few is None:
            vectors = self._space.fetch(ids)
            held = list(vectors)
            self._few = (held, np.stack(list(vectors.values())) if held else np.empty((0, len(query)), np.float32))
        held, matrix = self._few
        scores = matrix @ query
        places = best_places(scores, limit + len(exclude)).tolist()
        return [(held[at], float(scores[at])) for at in places if held[at] not in exclude][:limit]


def narrowed(found: CandidateList, admits: Callable[[str], bool], *, limit: int) -> CandidateList:
    """The first `limit` of a list's tracks that are admitted, ranked anew."""
    kept = [place for place, track_id in enumerate(found.track_ids) if admits(track_id)][:limit]
    return CandidateList(
        [found.track_ids[place] for place in kept],
        [found.scores[place] for place in kept],
        lambda places: found.explain([kept[place] for place in places]),
    )
