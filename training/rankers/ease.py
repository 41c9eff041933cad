"""EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019): item weights in closed form."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from backend.ranking.ease import MOST_DIMENSIONS, ridge_inverse, track_weights
from training.data.dataset import Float32, Int32, Interactions
from training.data.side import SideInformation
from training.evaluation.evaluate import Scorer
from training.evaluation.metrics import Float64
from training.rankers.matrix import (
    column_sizes,
    evened,
    log_counts,
    marks,
    require_plays,
)


@dataclass(frozen=True, slots=True)
class Ease:
    """X ≈ X·B with a zero diagonal in B, ridge weight `regularization`, X binary.

    With `even_listeners` X is log1p(plays) instead, every listener with the same mean; columns are divided by
    popularity^`damping` (listeners of the track), scores multiplied by it. X keeps the sum of squares that it has as a
    binary matrix, so that `regularization` means the same.

    With `tag_weight` above 0 every tag of at least `tag_tracks` tracks is one more row of X, its entries `tag_weight` ·
    log1p(listeners who gave that tag). The system solved has as many rows as X (exact for all tracks, by Woodbury's
    identity) or, where these are fewer, tracks; where both are above `MOST_DIMENSIONS`, only the tracks with most
    listeners take part and the others score 0.
    """

    regularization: float = 100.0
    even_listeners: bool = False
    damping: float = 0.0
    tag_weight: float = 0.0
    tag_tracks: int = 5
    name: str = "ease"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part. Without tags in `side` it is plain EASE."""
        require_plays(pairs)
        plays = pairs.matrix()
        size = column_sizes(plays) ** self.damping
        scale = sp.diags((1.0 / size).astype(np.float32))
        played = sp.csr_matrix((evened(log_counts(plays)) if self.even_listeners else marks(plays)) @ scale)
        unit = np.float32(np.sqrt(played.nnz / float(np.square(played.data).sum(dtype=np.float64))))
        rows, tracks = sp.csr_matrix(played * unit), played.shape[1]
        tags = side.track_tags(tracks)
        if tags is not None and self.tag_weight > 0:
            kept = log_counts(tags[np.diff(tags.indptr) >= self.tag_tracks]) @ scale
            rows = sp.csr_matrix(sp.vstack([rows, self.tag_weight * unit * kept]))
        system = _by_rows if rows.shape[0] <= min(tracks, MOST_DIMENSIONS) else _by_tracks
        scorer, restored = system(rows, self.regularization), size.astype(np.float32)
        return lambda listeners: scorer(listeners) * restored


def _by_rows(rows: sp.csr_matrix, weight: float) -> Scorer:
    """With P = (XᵀX + λI)⁻¹ and M = (XXᵀ + λI)⁻¹: X·P = M·X and diag(P) = (1 - diag(XᵀMX)) / λ.

    So the scores X·B = X - X·P / diag(P) need M alone; the X in front only marks what is known.
    """
    inverse = ridge_inverse((rows @ rows.T).toarray().astype(np.float64), weight)
    products = _dense_rows(inverse, rows)
    diagonal = (1.0 - np.asarray(rows.multiply(products).sum(axis=0)).ravel()) / weight

    def score(listeners: Int32) -> Float32:
        known = rows[listeners].toarray()
        return np.asarray(known - products[listeners] / diagonal, dtype=np.float32)

    return score


def _by_tracks(rows: sp.csr_matrix, weight: float) -> Scorer:
    kept, weights = track_weights(rows, weight)
    part = rows[:, kept]

    def score(listeners: Int32) -> Float32:
        scores = np.zeros((len(listeners), rows.shape[1]), dtype=np.float32)
        scores[:, kept] = part[listeners] @ weights
        return scores

    return score


def _dense_rows(left: Float64, right: sp.csr_matrix) -> Float32:
    """`left` · `right` without making `right` dense."""
    return np.ascontiguousarray((right.T @ left.T).T, dtype=np.float32)
