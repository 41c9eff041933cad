"""Track-to-track weights that serve: EASE in closed form, the strongest of each track."""

import io
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.data.dataset import Float32, Int32, Interactions
from training.sources.ease import item_weights

REGULARIZATION = 100.0
KEPT = 100
"""Neighbours of a track: a profile of 200 tracks then names at most 20,000 to add up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """For each of `tracks` (numbers in the interactions), the `neighbours` that it speaks for most.

    `neighbours` (n, k) int32 holds places in `tracks`, -1 where there are fewer; `weights` (n, k) float32 falls along a
    row.
    """

    tracks: Int32
    neighbours: Int32
    weights: Float32

    def matrix(self, count: int) -> sp.csr_matrix:
        """The same as a (count, count) matrix by track number: row speaks for column."""
        row, rank = (self.neighbours >= 0).nonzero()
        places = (self.tracks[row], self.tracks[self.neighbours[row, rank]])
        return sp.csr_matrix((self.weights[row, rank], places), shape=(count, count))

    def to_file(self, track_ids: NDArray[np.str_]) -> bytes:
        """As the version folder keeps it; `track_ids` by track number."""
        buffer = io.BytesIO()
        np.savez(buffer, track_ids=track_ids[self.tracks], neighbours=self.neighbours, weights=self.weights)
        return buffer.getvalue()


def links(pairs: Interactions, *, regularization: float = REGULARIZATION, kept: int = KEPT) -> Links:
    """Learn; among the tracks with most listeners where there are more than EASE solves for. Raises InvalidInput."""
    tracks, weights = item_weights(pairs, regularization)
    count = min(kept, len(tracks))
    best = np.argpartition(-weights, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(weights, best, axis=1)
    order = np.lexsort((best, -values), axis=1)
    best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
    # Weights at or below zero speak against a track; none of the strongest do where there are neighbours enough.
    best[values <= 0] = -1
    values[values <= 0] = 0.0
    return Links(tracks=tracks, neighbours=best.astype(np.int32), weights=values.astype(np.float32))
