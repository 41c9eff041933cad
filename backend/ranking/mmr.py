"""An order in which tracks that follow each other are unlike: maximal marginal relevance.

Carbonell and Goldstein 1998: of the tracks left the next one is that with the largest
λ · relevance - (1 - λ) · (its largest similarity to a track already chosen).
"""

import numpy as np
from numpy.typing import NDArray

from backend.ranking.lists import Vectors

REORDERED = 200
"""Tracks at the head of an answer that are put in order: the largest page."""


def marginal(relevance: NDArray[np.float64], likeness: NDArray[np.float64], *, diversity: float) -> list[int]:
    """The places of n tracks in the new order; `diversity` is 1 - λ.

    `relevance` (n,) is scaled here to 0..1, `likeness` (n, n) is symmetric, at most 1. Of equals the one that stood
    before comes first. O(n²).
    """
    count = len(relevance)
    if count < 2:
        return list(range(count))
    spread = float(relevance.max() - relevance.min())
    wanted = (relevance - relevance.min()) / spread if spread > 0 else np.ones(count)
    # Rounded, so that which of two equals comes first does not hang on the last bit of a product.
    worth = np.round((1.0 - diversity) * wanted, 9)
    loss = np.round(diversity * likeness, 9)
    nearest = np.zeros(count)
    order: list[int] = []
    for _ in range(count):
        chosen = int((worth - nearest).argmax())
        order.append(chosen)
        worth[chosen] = -np.inf
        nearest = loss[chosen] if len(order) == 1 else np.maximum(nearest, loss[chosen])
    return order


def likeness(spaces: list[list[Vectors | None]], count: int) -> NDArray[np.float64]:
    """(count, count): the mean cosine over the spaces in which both tracks have vectors; 0 where there is none.

    Each space gives `count` vectors, None where a track has none in it.
    """
    total, held = np.zeros((count, count)), np.zeros((count, count))
    for vectors in spaces:
        places = [at for at, vector in enumerate(vectors) if vector is not None and float(np.linalg.norm(vector)) > 0]
        if not places:
            continue
        rows = np.stack([vectors[at] for at in places]).astype(np.float64)  # type: ignore[misc]  # none is None here
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        both = np.ix_(places, places)
        total[both] += rows @ rows.T
        held[both] += 1
    return np.divide(total, held, out=np.zeros_like(total), where=held > 0)
