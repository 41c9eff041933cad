"""Tracks whose words are near: those of what a listener played last, of one track, or of a question."""

from collections.abc import Sequence

import numpy as np

from backend.ranking.learning import Learning
from backend.ranking.lists import (
    CONTENT_SPACE,
    Asked,
    AskedTrack,
    Because,
    CandidateList,
    Space,
    Vectors,
    all_because,
    best_places,
)
from backend.ranking.stored import Files, Stored

NAME = "content"


class ContentSource:
    """`Source` without a part: the vectors of the tracks' texts are all it needs."""

    name = NAME
    default_weight = 0.25
    spaces = (CONTENT_SPACE,)

    def learn(self, learning: Learning) -> None:
        """Nothing: the text encoder makes the vectors."""

    def live(self, learning: Learning) -> CandidateList:
        """Nothing: it needs a version."""
        return CandidateList()

    def store(self, part: object) -> Stored:
        """Nothing beside the vectors."""
        return Stored()

    def load(self, files: Files) -> None:
        """Nothing beside the vectors."""

    def ask(self, asked: Asked) -> CandidateList:
        """Near the tracks played last: cosines summed over them, newer ones weighing more (1, 1/2, 1/3 …)."""
        near = asked.spaces[CONTENT_SPACE].near_tracks(asked.taste.last, limit=asked.limit, exclude=asked.exclude)
        if not near.seeds:
            return CandidateList()
        given = np.concatenate([scores.astype(np.float64) / age for age, scores in enumerate(near.scores, 1)])
        met, position = np.unique(np.concatenate(near.places), return_inverse=True)
        sums = np.bincount(position, weights=given, minlength=len(met)).astype(np.float64)
        best = best_places(sums, asked.limit)

        def explain(places: Sequence[int]) -> list[Because]:
            seeds = np.repeat(np.arange(len(near.seeds)), [len(one) for one in near.places])
            parts = np.full((len(met), len(near.seeds)), -np.inf)
            parts[position, seeds] = given
            strongest = parts[best[list(places)]].argmax(axis=1).tolist()
            told = [Because("near {}, which you played", seed) for seed in near.seeds]
            return [told[seed] for seed in strongest]

        return CandidateList([near.names[place] for place in met[best].tolist()], sums[best].tolist(), explain)

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Tracks near its text, which is embedded now where the track is newer than the version."""
        vector = asked.spaces[CONTENT_SPACE].fetch([asked.track_id]).get(asked.track_id)
        if vector is None:
            vector = asked.words()
        if vector is None:
            return CandidateList()
        own = frozenset({asked.track_id})
        return self.near(
            asked.spaces[CONTENT_SPACE], vector, limit=asked.limit, exclude=own, because="near it in words"
        )

    def near(
        self, space: Space, vector: Vectors, *, limit: int, exclude: frozenset[str], because: str
    ) -> CandidateList:
        """Tracks near a point of the text encoder that made the vectors in `space`."""
        found = space.nearest(vector, limit=limit, exclude=exclude)
        return CandidateList([one for one, _ in found], [score for _, score in found], all_because(Because(because)))


SOURCE = ContentSource()
