"""Tracks that rise or are popular now, as the live tables show them: the only source that needs no model version."""

import numpy as np

from backend.ranking.learning import Learning
from backend.ranking.lists import Asked, AskedTrack, Because, CandidateList, all_because
from backend.ranking.stored import Files, Stored

NAME = "trend"
LATELY_MILLISECONDS = 24 * 3_600_000
LISTED = 500
"""Popular tracks that the server's list holds."""


class TrendSource:
    """`Source` without a part: the server reads its list and the sentences from the live tables."""

    name = NAME
    default_weight = 0.15
    spaces = ()

    def learn(self, learning: Learning) -> None:
        """Nothing: what is popular now is no model's business."""

    def live(self, learning: Learning) -> CandidateList:
        """The tracks with most listeners in the last day, ties by listeners in all and by id.

        Stands in for the live tables where these are not at hand; which tracks rise is not told.
        """
        if learning.plays.nnz == 0:
            return CandidateList()
        lately = learning.last_played_at > learning.last_played_at.max() - LATELY_MILLISECONDS
        tracks, count = learning.plays.indices, len(learning.track_ids)
        everybody = np.bincount(tracks, minlength=count)
        scores = np.bincount(tracks[lately], minlength=count) + everybody / (everybody.max() + 1.0)
        best = [at for at in np.argsort(-scores, kind="stable")[:LISTED].tolist() if scores[at] > 0]
        told = all_because(Because("popular"))
        return CandidateList([learning.track_ids[at] for at in best], scores[best].tolist(), told)

    def store(self, part: object) -> Stored:
        """Nothing."""
        return Stored()

    def load(self, files: Files) -> None:
        """Nothing."""

    def ask(self, asked: Asked) -> CandidateList:
        """The live list, the same for all."""
        return asked.live

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Nothing: what is popular is like no track in particular."""
        return CandidateList()


SOURCE = TrendSource()
