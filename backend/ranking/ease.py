"""EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019): track-to-track weights in closed form."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DIMENSIONS = 6_000
"""Rows of the largest system solved: 6,000² doubles are 288 MB, and their inverse takes about a minute."""


def track_weights(rows: Any, regularization: float) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Track numbers (n,) and, among these, weights (n, n) with which a row speaks for a column; the diagonal is 0.

    `rows` is a scipy (listeners, tracks) csr matrix. All tracks with entries take part, where they are more than
    `MOST_DIMENSIONS` those with most.
    """
    heard = np.diff(rows.tocsc().indptr)
    kept = most_heard(heard, heard > 0)
    part = rows[:, kept]
    inverse = ridge_inverse((part.T @ part).toarray().astype(np.float64), regularization)
    weights = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    return kept, weights


def most_heard(heard: NDArray[np.integer], among: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Tracks that a dense system has room for: those `among` all, where too many those heard by most; in order."""
    usable = np.flatnonzero(among)
    most = usable[np.argsort(-heard[usable], kind="stable")[:MOST_DIMENSIONS]]
    return np.sort(most).astype(np.int32)


def ridge_inverse(gram: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """(`gram` + `weight` · I)⁻¹; overwrites `gram`."""
    gram[np.diag_indices_from(gram)] += weight
    return np.asarray(np.linalg.inv(gram))
