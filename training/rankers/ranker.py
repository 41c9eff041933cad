"""The contract of a ranker: interactions and what is known beside them in, a scorer out."""

from typing import Protocol

from training.data.dataset import Interactions
from training.data.side import SideInformation
from training.evaluation.evaluate import Scorer


class Ranker(Protocol):
    """A model. The same interactions, side information and seed give the same scores on one thread."""

    @property
    def name(self) -> str:
        """As tables print it, for example "ease"."""
        ...

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """Learn. The scorer serves the listeners of `pairs`; raises InvalidInput where there is nothing to learn from.

        It also scores what a listener already plays: whoever ranks leaves that out. `side` must be free of held-out
        plays (`SideInformation.without`).
        """
        ...
