"""Tracks by their tags alone, through a kernel: what nobody played yet is heard by those who hear what is like it."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from backend.ranking.ease import most_heard, ridge_inverse
from training.data.dataset import Float32, Int32, Interactions
from training.data.side import SideInformation
from training.evaluation.evaluate import Scorer, silent_scorer
from training.rankers.matrix import (
    evened,
    log_counts,
    rarity,
    require_plays,
    row_lengths,
    unit_rows,
)

_BLOCK = 4096
"""Unknown tracks whose kernel with the known ones is held at once: 4,096 · 6,000 in float32 are 98 MB."""


@dataclass(frozen=True, slots=True)
class TagKernel:
    """Kernel ridge regression from a track's tags to its listeners (Saunders, Gammerman and Vovk 1998).

    A track's tags are a vector t of log1p(listeners who gave the tag) · rarity^`rarity_power`; the kernel of two tracks
    is cos(t, t')^`sharpness` · |t| · |t'|: squaring the cosine lets pairs of tags speak, and the length keeps how well
    known a track is, which its number of tags tells. Learned from are tracks with tags and `least_listeners` listeners,
    at most `MOST_DIMENSIONS` of them, those with most; what is learned are log1p(plays), every listener with the same
    mean. `regularization` is the ridge in multiples of the kernel's mean diagonal. A track that was learned from is
    scored as if it had not been (leave-one-out, in closed form), so that known and new tracks compare.
    """

    sharpness: float = 2.0
    rarity_power: float = 0.5
    regularization: float = 3.0
    least_listeners: int = 2
    name: str = "tag-kernel"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says; the seed has no part. Without tags every track scores 0."""
        require_plays(pairs)
        plays = evened(log_counts(pairs.matrix()))
        tags = side.track_tags(plays.shape[1])
        heard = np.bincount(plays.indices, minlength=plays.shape[1])
        if tags is None:
            return silent_scorer(plays.shape[1])
        by_track = sp.csr_matrix(tags.T)
        described = _Described.of(sp.csr_matrix(log_counts(by_track) @ sp.diags(rarity(by_track) ** self.rarity_power)))
        known = most_heard(heard, (heard >= self.least_listeners) & (described.lengths > 0))
        if len(known) == 0:
            return silent_scorer(plays.shape[1])
        gram = described.kernel(known, known, self.sharpness).astype(np.float64)
        inverse = ridge_inverse(gram, self.regularization * float(np.diag(gram).mean()))
        targets = plays[:, known]
        # (listeners, known): coefficients of the kernel rows, and the leave-one-out scores of the known tracks.
        coefficients = np.asarray(targets @ inverse, dtype=np.float32)
        left_out = targets.toarray() - coefficients / np.diag(inverse).astype(np.float32)
        others = np.setdiff1d(np.arange(plays.shape[1], dtype=np.int32), known)

        def score(listeners: Int32) -> Float32:
            scores = np.empty((len(listeners), plays.shape[1]), dtype=np.float32)
            for first in range(0, len(others), _BLOCK):
                block = others[first : first + _BLOCK]
                scores[:, block] = coefficients[listeners] @ described.kernel(block, known, self.sharpness).T
            scores[:, known] = left_out[listeners]
            return scores

        return score


@dataclass(frozen=True, slots=True)
class _Described:
    """Tracks by their tags: unit vectors (tracks, tags) and the lengths they had (tracks,)."""

    unit: sp.csr_matrix
    lengths: Float32

    @staticmethod
    def of(vectors: sp.csr_matrix) -> "_Described":
        return _Described(unit_rows(vectors), row_lengths(vectors))

    def kernel(self, left: Int32, right: Int32, sharpness: float) -> Float32:
        """Of every track of `left` with every one of `right`: (left, right)."""
        near = (self.unit[left] @ self.unit[right].T).toarray() ** sharpness
        return np.asarray(near * self.lengths[left][:, None] * self.lengths[right], dtype=np.float32)
