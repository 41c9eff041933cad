"""Shaped synthetic interactions in the millions, to measure speed on: power laws and a structure to be learned."""

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import InvalidInput, Violation
from training.simulate.chance import GroupedDraw, Ints, stream, zipf

CLUSTERS = 64
"""Groups of items that go together; each listener likes three of them."""

_OWN_SHARE = 0.8
"""Share of draws from the listener's own clusters; the others follow popularity alone."""


def interactions(
    seed: int, listeners: int, items: int, pairs: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Exactly `pairs` distinct pairs of a listener and an item, with play counts.

    Returns (rows, cols, counts), each (pairs,): the listener's number, the item's number, and the plays (whole, from
    1), ordered by row, then column. Listeners' activity is log-normal, items' popularity Zipf with exponent 0.8, counts
    are heavy-tailed and higher within the listener's own clusters. Raises InvalidInput where pairs are more than a
    quarter of listeners x items: so dense a set has no long tail.
    """
    if not 0 < pairs <= listeners * items // 4:
        raise InvalidInput([Violation("pairs", f"must be from 1 to {listeners * items // 4}, a quarter of all pairs")])
    rng = stream(seed, "interactions")
    clusters = rng.permutation(np.arange(items) % CLUSTERS).astype(np.int64)
    likes = rng.integers(0, clusters.max() + 1, (listeners, 3))
    popularity = rng.permutation(zipf(items, 0.8))
    within = GroupedDraw(clusters, popularity, group_count=CLUSTERS)
    overall = GroupedDraw(np.zeros(items, dtype=np.int64), popularity, group_count=1)
    activity = rng.lognormal(0.0, 1.0, listeners)
    activity /= activity.sum()
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < pairs:
        size = int(1.3 * (pairs - len(keys))) + 1000
        who = np.repeat(np.arange(listeners), rng.multinomial(size, activity))
        chosen = likes[who, rng.choice(3, size, p=(0.6, 0.3, 0.1))]
        own = rng.random(size) < _OWN_SHARE
        item = np.empty(size, dtype=np.int64)
        item[own] = within.draw(chosen[own], rng.random(int(own.sum())))
        item[~own] = overall.draw(np.zeros(size - int(own.sum()), dtype=np.int64), rng.random(size - int(own.sum())))
        keys = _distinct(np.concatenate([keys, who * items + item]))
    keys = _without(keys, rng.choice(len(keys), len(keys) - pairs, replace=False, shuffle=False))
    rows, cols = np.divmod(keys, items)
    liked = (likes[rows] == clusters[cols][:, None]).any(axis=1)
    counts = np.floor(rng.lognormal(np.where(liked, 1.0, 0.2), 1.0)).clip(1, 5_000)
    return rows.astype(np.int32), cols.astype(np.int32), counts.astype(np.float32)


def _distinct(keys: Ints) -> Ints:
    """The keys in order, none twice; np.unique's hashing takes four times as long here."""
    keys.sort()
    distinct: Ints = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    return distinct


def _without(keys: Ints, surplus: Ints) -> Ints:
    kept = np.ones(len(keys), dtype=np.bool_)
    kept[surplus] = False
    return keys[kept]
