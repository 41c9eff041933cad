"""What others reach: the library `implicit` as most people call it. References only, nothing serves them."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from training.data.dataset import Interactions
from training.data.side import SideInformation
from training.evaluation.evaluate import Scorer, factors_scorer
from training.rankers.matrix import marks, require_plays


@dataclass(frozen=True, slots=True)
class ImplicitDefaults:
    """`implicit.als.AlternatingLeastSquares()` with every setting left alone.

    `counts` hands it the raw play counts as confidence, as its examples do; else it gets 1 for each pair.
    """

    counts: bool
    name: str = "implicit-defaults"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says."""
        from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415  # a second's import that few runs need

        require_plays(pairs)
        plays = pairs.matrix()
        # The library warns of a BLAS with threads of its own.
        with threadpool_limits(limits=1, user_api="blas"):
            model = AlternatingLeastSquares(random_state=seed, num_threads=1)
            model.fit(plays if self.counts else marks(plays), show_progress=False)
        return factors_scorer(np.asarray(model.user_factors), np.asarray(model.item_factors))
