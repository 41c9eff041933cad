"""Neighbourhood models: tracks that the same listeners play, listeners who play the same tracks."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.data.dataset import Float32, Int32, Interactions
from training.data.side import SideInformation
from training.evaluation.evaluate import Scorer
from training.rankers.matrix import column_sizes, log_counts, marks, rarity, require_plays, unit_rows


@dataclass(frozen=True, slots=True)
class ItemNeighbours:
    """Two-step walk listener → track → listener → track, the steps over tracks damped by their popularity.

    Edges weigh log1p(plays), scaled to unit length per listener. A track's weight as a bridge is popularity^-`bridge`,
    as a destination popularity^-(1 - `bridge`) (after RP3beta: Paudel et al. 2017).
    """

    bridge: float = 0.7
    name: str = "item-knn"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part."""
        require_plays(pairs)
        edges = unit_rows(log_counts(pairs.matrix()))
        heard = column_sizes(edges).astype(np.float32)
        bridges = sp.csr_matrix(edges @ sp.diags(heard**-self.bridge))
        ends = sp.csr_matrix(edges @ sp.diags(heard ** (self.bridge - 1.0)))
        return lambda listeners: _dense(bridges[listeners] @ edges.T @ ends)


@dataclass(frozen=True, slots=True)
class ListenerNeighbours:
    """Tracks of similar listeners: cosine of their tracks weighted by rarity, plus `friendship` for a friend.

    Similarities are raised to `sharpness`, so that near neighbours outweigh the many far ones. Listeners who are no
    friends of anybody, or side information without friends, leave the plain cosine.
    """

    sharpness: float = 3.0
    rarity_power: float = 0.5
    friendship: float = 0.0
    name: str = "user-knn"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part."""
        require_plays(pairs)
        played = marks(pairs.matrix())
        profiles = unit_rows(sp.csr_matrix(played @ sp.diags(rarity(played) ** self.rarity_power)))

        def score(listeners: Int32) -> Float32:
            near = (profiles[listeners] @ profiles.T).toarray()
            if side.friends is not None and self.friendship:
                near += self.friendship * side.friends[listeners].toarray()
            near[np.arange(len(listeners)), listeners] = 0.0
            return np.ascontiguousarray((played.T @ (near**self.sharpness).T).T, dtype=np.float32)

        return score


def _dense(scores: sp.csr_matrix) -> Float32:
    return np.asarray(scores.toarray(), dtype=np.float32)
