"""The most popular tracks, the same for all: the baseline every other ranker has to beat."""

from training.data.dataset import Interactions
from training.data.side import SideInformation
from training.evaluation.evaluate import Scorer, popularity_scorer


class Popularity:
    """Ranks by number of listeners."""

    name = "popular"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; without any interactions all tracks are equal."""
        return popularity_scorer(pairs)
