"""Seeded chance: independent streams of random numbers, and draws from grouped weights."""

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A generator of its own for each name and numbers, so that one part's draws never shift another's."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *numbers])


def zipf(count: int, exponent: float) -> Floats:
    """Weights (count,) falling with rank as 1 / rank ** exponent; they sum to 1."""
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    normalised: Floats = weights / weights.sum()
    return normalised


class GroupedDraw:
    """Draws members of groups by weight, many groups at once, by inverting one cumulative sum over all of them."""

    def __init__(self, groups: Ints, weights: Floats, *, group_count: int) -> None:
        """`groups` (n,) is each member's group in 0..group_count-1, `weights` (n,) its weight above 0."""
        self._order = np.argsort(groups, kind="stable")
        self._cumulative = np.cumsum(weights[self._order])
        sizes = np.bincount(groups, minlength=group_count)
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes

    def draw(self, groups: Ints, uniform: Floats) -> Ints:
        """A member of each of `groups` (m,), none of them empty, chosen by `uniform` (m,) in 0..1."""
        totals = np.concatenate([[0.0], self._cumulative])
        low, high = totals[self._starts[groups]], totals[self._ends[groups]]
        positions = np.searchsorted(self._cumulative, low + uniform * (high - low), side="right")
        # Rounding at a group's edge may point one past it.
        members: Ints = self._order[np.clip(positions, self._starts[groups], self._ends[groups] - 1)]
        return members


def draw_columns(weights: Floats, uniform: Floats) -> Ints:
    """A column (n,) for each row of `weights` (n, m), with probability by weight, chosen by `uniform` (n,) in 0..1.

    A row of zeros gives column 0.
    """
    cumulative = np.cumsum(weights, axis=1)
    columns = (cumulative <= (uniform * cumulative[:, -1])[:, None]).sum(axis=1)
    chosen: Ints = np.minimum(columns, weights.shape[1] - 1)
    return chosen
