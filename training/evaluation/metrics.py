"""Ranking metrics of one list per listener, full ranking, binary relevance.

Everything here takes `lists` (listeners, k): track numbers best first, -1 where a list is shorter, and `relevant`: a
(listeners, tracks) sparse matrix whose stored entries are the held-out tracks. tests/unit/test_metrics.py recounts
each metric in plain loops.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.data.dataset import Float32, Int32

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over listeners with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def best(scores: Float32 | Float64, k: int) -> Int32:
    """The `k` tracks with the largest scores of each row, best first; equal scores by smaller number.

    A score of -inf means "never": such places hold -1. Ties across the k-th place are settled by number as well.
    """
    count = scores.shape[1]
    k = min(k, count)
    threshold = np.partition(scores, count - k, axis=1)[:, count - k, None]
    lists = np.full((len(scores), k), -1, dtype=np.int32)
    for row, (line, least) in enumerate(zip(scores, threshold, strict=True)):
        inside = np.flatnonzero((line >= least) & (line > -np.inf))
        order = np.argsort(-line[inside], kind="stable")[:k]
        lists[row, : len(order)] = inside[order]
    return lists


def hits(lists: Int32, relevant: sp.csr_matrix) -> NDArray[np.bool_]:
    """Which places hold a relevant track, as (listeners, k)."""
    marked = sp.csr_matrix((np.ones(relevant.nnz, dtype=np.int8), relevant.indices, relevant.indptr), relevant.shape)
    rows = np.arange(len(lists))[:, None]
    found = np.asarray(marked[rows, np.maximum(lists, 0)].todense(), dtype=bool)
    return found & (lists >= 0)


def accuracy(hit: NDArray[np.bool_], relevant_count: NDArray[np.int64]) -> dict[str, Float64]:
    """Recall, NDCG, MAP, MRR and hit rate at k, each one number per listener.

    `hit` (listeners, k) from `hits`; `relevant_count` (listeners,) ≥ 1. NDCG and MAP are normalised by the best list
    of length k that the listener's relevant tracks allow; recall by all relevant tracks.
    """
    k = hit.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(relevant_count, k) - 1]
    found = hit.sum(axis=1)
    precision = np.cumsum(hit, axis=1) / np.arange(1, k + 1)
    first = np.where(found > 0, hit.argmax(axis=1) + 1.0, np.inf)
    return {
        "recall": found / relevant_count,
        "ndcg": (hit * discounts).sum(axis=1) / ideal,
        "map": (precision * hit).sum(axis=1) / np.minimum(relevant_count, k),
        "mrr": 1.0 / first,
        "hit_rate": (found > 0).astype(np.float64),
    }


def novelty(lists: Int32, listener_share: Float64) -> Float64:
    """Mean self-information of each list in bits (Zhou et al. 2010): -log2 of the share of listeners who know a track.

    `listener_share` (tracks,) lies in (0, 1].
    """
    return _mean_over_list(lists, -np.log2(listener_share))


def popularity_bias(lists: Int32, popularity: Float64, profile_popularity: Float64) -> Float64:
    """How much more popular a list is than what the listener plays: 0 is the same, 1 is twice (Abdollahpouri 2019).

    `popularity` (tracks,) counts listeners, `profile_popularity` (listeners,) is its mean over each one's own tracks.
    """
    return _mean_over_list(lists, popularity) / profile_popularity - 1.0


def diversity(lists: Int32, unit_vectors: Float32) -> Float64:
    """One minus the mean cosine between two different tracks of each list; `unit_vectors` is (tracks, dimension)."""
    place = lists >= 0
    count = place.sum(axis=1)
    total = (unit_vectors[np.maximum(lists, 0)] * place[:, :, None]).sum(axis=1)
    pairs = np.maximum(count * (count - 1), 1)
    return np.asarray(1.0 - ((total.astype(np.float64) ** 2).sum(axis=1) - count) / pairs)


def coverage(lists: Int32, tracks: int) -> float:
    """Share of the catalogue that stands in any list."""
    return len(np.unique(lists[lists >= 0])) / tracks


def coverage_interval(lists: Int32, tracks: int, groups: int = 20) -> Estimate:
    """`coverage` with a 95 % interval by the jackknife over groups of listeners (it is no mean: no bootstrap)."""
    value = coverage(lists, tracks)
    groups = min(groups, len(lists))
    if groups < 2:
        return Estimate(value, value, value)
    without = [coverage(np.delete(lists, np.s_[place::groups], axis=0), tracks) for place in range(groups)]
    deviation = float(np.sqrt((groups - 1) * np.var(without)))
    return Estimate(value, max(value - 1.96 * deviation, 0.0), min(value + 1.96 * deviation, 1.0))


def bootstrap(values: dict[str, Float64], *, seed: int, resamples: int = 1000) -> dict[str, Estimate]:
    """Mean and 95 % percentile interval of each metric, resampling listeners with replacement."""
    names = list(values)
    table = np.column_stack([values[name] for name in names])
    rng = np.random.default_rng(seed)
    draws = np.empty((resamples, len(names)))
    for draw in range(resamples):
        weights = np.bincount(rng.integers(0, len(table), len(table)), minlength=len(table))
        draws[draw] = weights @ table / len(table)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return {
        name: Estimate(float(mean), float(a), float(b))
        for name, mean, a, b in zip(names, table.mean(axis=0), low, high, strict=True)
    }


def _mean_over_list(lists: Int32, value: Float64) -> Float64:
    place = lists >= 0
    total = np.where(place, value[np.maximum(lists, 0)], 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(place.sum(axis=1), 1))
