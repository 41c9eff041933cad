"""Judges a ranking on held-out plays: every track is ranked for every listener, never a sample of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Float32, Int32, Interactions
from training.data.split import Split
from training.evaluation import metrics
from training.evaluation.metrics import Estimate, Float64

BATCH = 512
"""Listeners scored at once: 512 rows of 20,000 tracks in float32 are 40 MB."""

Scorer = Callable[[Int32], Float32]
"""Scores of every track for some listeners: (n,) numbers → a fresh (n, tracks) array, larger is better."""

SLICES = ("few", "some", "many")
"""Activity slices: thirds of the judged listeners by their number of tracks in training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out. Metric names carry the length of the list, for example "ndcg@20".

    `per_listener` keeps the numbers behind `metrics` in the order of `listeners`, so that two rankings of the same
    split can be compared listener by listener. `slices` holds the same metrics per activity slice, `activity` the
    number of each listener's slice in SLICES.
    """

    metrics: Mapping[str, Estimate]
    slices: Mapping[str, Mapping[str, Estimate]]
    coverage: Estimate
    listeners: Int32
    activity: NDArray[np.int8]
    per_listener: Mapping[str, Float64]


def evaluate(
    split: Split,
    scorer: Scorer,
    *,
    k: int,
    seed: int,
    candidates: NDArray[np.bool_] | None = None,
    unit_vectors: Float32 | None = None,
) -> Evaluation:
    """Rank all `candidates` (mask over tracks; default all) but those the listener has in training.

    Judges the listeners who have held-out tracks. `unit_vectors` (tracks, dimension) adds intra-list diversity.
    Raises ValueError where nobody is left to judge.
    """
    listeners = np.unique(split.test.listeners)
    if len(listeners) == 0:
        raise ValueError("the split holds no listener with a held-out track")
    lists = rank(split.train, scorer, listeners, k=k, candidates=candidates)
    return evaluate_lists(split, listeners, lists, k=k, seed=seed, candidates=candidates, unit_vectors=unit_vectors)


def evaluate_lists(
    split: Split,
    listeners: Int32,
    lists: Int32,
    *,
    k: int,
    seed: int,
    candidates: NDArray[np.bool_] | None = None,
    unit_vectors: Float32 | None = None,
) -> Evaluation:
    """Judge ready `lists` (len(listeners), at most k), best first, of listeners with held-out tracks; -1: no track."""
    relevant = split.test.matrix()[listeners]
    counts = np.diff(relevant.indptr).astype(np.int64)
    accuracy = metrics.accuracy(metrics.hits(lists, relevant), counts)
    activity = _activity(split.train, listeners)
    per_listener = accuracy | _beyond_accuracy(split.train, listeners, lists, unit_vectors)
    named = {f"{name}@{k}": values for name, values in per_listener.items()}
    return Evaluation(
        metrics=metrics.bootstrap(named, seed=seed),
        slices=by_activity(activity, named, seed=seed),
        coverage=metrics.coverage_interval(lists, int(np.count_nonzero(_choice(split.train, candidates)))),
        listeners=listeners,
        activity=activity,
        per_listener=named,
    )


def rank(
    train: Interactions,
    scorer: Scorer,
    listeners: Int32,
    *,
    k: int,
    candidates: NDArray[np.bool_] | None = None,
) -> Int32:
    """The best `k` new tracks of each listener as (len(listeners), k), -1 where there are fewer."""
    known = train.matrix()
    parts = []
    for start in range(0, len(listeners), BATCH):
        batch = listeners[start : start + BATCH]
        scores = scorer(batch)
        scores[known[batch].nonzero()] = -np.inf
        if candidates is not None:
            scores[:, ~candidates] = -np.inf
        parts.append(metrics.best(scores, k))
    return np.concatenate(parts)


def factors_scorer(listener_factors: Float32, track_factors: Float32) -> Scorer:
    """Inner products of (listeners, dimension) and (tracks, dimension) factors."""
    return lambda listeners: listener_factors[listeners] @ track_factors.T


def popularity_scorer(train: Interactions) -> Scorer:
    """The same list for all: tracks by their number of listeners. The baseline every model has to beat."""
    counts = np.bincount(train.tracks, minlength=len(train.track_ids)).astype(np.float32)
    return lambda listeners: np.tile(counts, (len(listeners), 1))


def silent_scorer(tracks: int) -> Scorer:
    """0 for every one of `tracks` tracks: a source that knows nothing of them."""
    return lambda listeners: np.zeros((len(listeners), tracks), dtype=np.float32)


def _beyond_accuracy(
    train: Interactions, listeners: Int32, lists: Int32, unit_vectors: Float32 | None
) -> dict[str, Float64]:
    popularity = np.bincount(train.tracks, minlength=len(train.track_ids)).astype(np.float64)
    # A track nobody knows would be infinitely novel: it counts as known by one.
    share = np.maximum(popularity, 1.0) / max(len(np.unique(train.listeners)), 1)
    matrix = train.matrix()[listeners]
    known = np.maximum(np.diff(matrix.indptr), 1)
    marks = matrix.astype(bool).astype(np.float64)
    # A listener without training tracks is compared with the least popular profile there can be.
    profile = np.maximum(marks @ popularity / known, 1.0)
    found = {
        "novelty": metrics.novelty(lists, share),
        "popularity_bias": metrics.popularity_bias(lists, popularity, profile),
    }
    if unit_vectors is not None:
        found["diversity"] = metrics.diversity(lists, unit_vectors)
    return found


def _choice(train: Interactions, candidates: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return np.ones(len(train.track_ids), dtype=bool) if candidates is None else candidates


def _activity(train: Interactions, listeners: Int32) -> NDArray[np.int8]:
    tracks = np.bincount(train.listeners, minlength=len(train.listener_ids))[listeners]
    number = np.zeros(len(listeners), dtype=np.int8)
    for place, third in enumerate(np.array_split(np.argsort(tracks, kind="stable"), len(SLICES))):
        number[third] = place
    return number


def by_activity(
    activity: NDArray[np.int8], values: Mapping[str, Float64], *, seed: int
) -> dict[str, dict[str, Estimate]]:
    """Each metric per activity slice; a slice without listeners is left out."""
    return {
        name: metrics.bootstrap({metric: each[activity == place] for metric, each in values.items()}, seed=seed)
        for place, name in enumerate(SLICES)
        if np.any(activity == place)
    }
