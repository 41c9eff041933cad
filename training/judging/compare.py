"""Judges several rankers on the same splits, once or over several seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.data.dataset import Float32, Interactions
from training.data.side import SideInformation
from training.data.split import Split, cold_items, drawn_tracks
from training.evaluation import metrics
from training.evaluation.evaluate import Evaluation, by_activity, evaluate
from training.evaluation.metrics import Estimate, Float64
from training.rankers.matrix import marks, unit_rows
from training.rankers.ranker import Ranker

_DIMENSION = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One split with what may be known beside it; `candidates` (tracks,) as in `evaluate`."""

    split: Split
    side: SideInformation
    seed: int
    candidates: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One ranker over all rounds.

    `metrics` and `slices` have 95 % bootstrap intervals over listeners, each listener counting once with the mean over
    the rounds; `coverage` averages value and interval of the rounds. `by_seed` is the main metric (NDCG) of each round.
    """

    model: str
    metrics: Mapping[str, Estimate]
    slices: Mapping[str, Mapping[str, Estimate]]
    coverage: Estimate
    by_seed: Mapping[int, float]


def compare(
    rounds: Sequence[Round], rankers: Sequence[Ranker], *, k: int, advance: Callable[[], None] = lambda: None
) -> list[Judged]:
    """Fit and judge every ranker on every round; `advance` is called after each.

    Diversity is one minus the cosine of tracks by who plays them in training. Raises ValueError where a split holds
    nobody to judge, InvalidInput where a ranker has nothing to learn from.
    """
    found: dict[str, list[Evaluation]] = {ranker.name: [] for ranker in rankers}
    for each in rounds:
        vectors = listener_vectors(each.split.train, seed=each.seed)
        for ranker in rankers:
            scorer = ranker.fit(each.split.train, each.side, seed=each.seed)
            found[ranker.name].append(
                evaluate(each.split, scorer, k=k, seed=each.seed, candidates=each.candidates, unit_vectors=vectors)
            )
            advance()
    seeds = [each.seed for each in rounds]
    return [_judged(name, seeds, evaluations, k) for name, evaluations in found.items()]


def cold_round(pairs: Interactions, side: SideInformation, *, seed: int) -> Round:
    """A fifth of the tracks with enough listeners (and tags, where there are any), ranked among themselves."""
    among = None
    if side.tagging is not None:
        among = np.bincount(side.tagging.tracks, minlength=len(pairs.track_ids)) > 0
    cold = drawn_tracks(pairs, seed=seed, among=among)
    split = cold_items(pairs, tracks=cold)
    candidates = np.isin(np.arange(len(pairs.track_ids)), cold)
    return Round(split=split, side=side.without(split.test), seed=seed, candidates=candidates)


def listener_vectors(train: Interactions, *, seed: int) -> Float32:
    """Unit vectors (tracks, 64) whose cosines estimate those of the columns of listeners, by a random projection."""
    by_track = unit_rows(sp.csr_matrix(marks(train.matrix()).T))
    directions = np.random.default_rng(seed).standard_normal((by_track.shape[1], _DIMENSION), dtype=np.float32)
    vectors = np.asarray(by_track @ directions, dtype=np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _judged(name: str, seeds: Sequence[int], rounds: Sequence[Evaluation], k: int) -> Judged:
    listeners = np.concatenate([each.listeners for each in rounds])
    activity = np.concatenate([each.activity for each in rounds])
    values = {metric: np.concatenate([each.per_listener[metric] for each in rounds]) for metric in rounds[0].metrics}
    person = np.unique(listeners, return_inverse=True)[1]
    keys, of_key = np.unique(listeners.astype(np.int64) * 8 + activity, return_inverse=True)
    return Judged(
        model=name,
        metrics=metrics.bootstrap({metric: _means(each, person) for metric, each in values.items()}, seed=0),
        slices=by_activity(
            (keys % 8).astype(np.int8), {metric: _means(each, of_key) for metric, each in values.items()}, seed=0
        ),
        coverage=Estimate(*np.mean([(c.value, c.low, c.high) for c in (each.coverage for each in rounds)], axis=0)),
        by_seed={seed: float(each.metrics[f"ndcg@{k}"].value) for seed, each in zip(seeds, rounds, strict=True)},
    )


def _means(values: Float64, group: NDArray[np.int64]) -> Float64:
    return np.asarray(np.bincount(group, weights=values) / np.bincount(group))
