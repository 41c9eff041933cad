"""The blend: several rankers as one, their weights learned from plays that none of them saw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.data.dataset import Float32, Int32, Interactions
from training.data.side import SideInformation
from training.data.split import Split, cold_items, drawn_tracks, random_split
from training.evaluation.evaluate import BATCH, Scorer
from training.evaluation.metrics import Float64
from training.rankers.ranker import Ranker

DEPTH = 100
"""Best new tracks of each ranker that make a listener's candidates, whose scores are the unit of normalisation."""

HELD_OUT = 0.2
SHRINKAGE = 0.003
"""Weight of the squared weights beside the mean log loss of a held-out play."""

LIST_LENGTH = 20
CLIMBING_STEPS = (0.4, 0.2, 0.1, 0.05)

Mask = NDArray[np.bool_]
Validation = Callable[[Interactions, int], Split]


def cold_fifth(pairs: Interactions, seed: int) -> Split:
    """Every play of a fifth of the tracks with five listeners or more."""
    return cold_items(pairs, tracks=drawn_tracks(pairs, seed=seed + 1000))


def by_lot(pairs: Interactions, seed: int) -> Split:
    """A fifth of each listener's tracks."""
    return random_split(pairs, held_out=HELD_OUT, seed=seed + 1000)


@dataclass(frozen=True, slots=True)
class Blend:
    """A weighted sum of `rankers`, each normalised per listener, with weights that depend on the listener's activity.

    `fit` holds out plays by `validation`, fits every ranker on the rest, and learns the weights by maximum likelihood:
    each held-out track is drawn from the listener's candidates by a softmax of the sum. Then every ranker is fitted
    again on all plays. A ranker's score is centred and scaled by its mean and deviation over the candidates; its weight
    is w + v·a, a the listener's log-activity (standardised, cut at ±1). Likelihood fears a lost track more than a
    ranking does, so from these weights, or the best single ranker where that ranks the held-out tracks better (NDCG),
    the plain weights climb by single steps that raise NDCG: on held-out tracks never behind the best ranker
    (docs/adr/0006-recommendation-quality.md).

    With `cold` the candidates are the tracks that nobody plays in training, to rank these among themselves.
    """

    rankers: Sequence[Ranker]
    validation: Validation = by_lot
    cold: bool = False
    name: str = "blend"

    def fit(self, pairs: Interactions, side: SideInformation, *, seed: int) -> Scorer:
        """As the contract says. Where validation holds nothing out, the rankers weigh the same."""
        split = self.validation(pairs, seed)
        tracks = len(pairs.track_ids)
        inner = side.without(split.test)
        first = [ranker.fit(split.train, inner, seed=seed) for ranker in self.rankers]
        held_out = _mask(split.test.tracks, tracks) if self.cold else np.ones(tracks, dtype=bool)
        weights = _learned(split, first, held_out)
        choice = ~_mask(pairs.tracks, tracks) if self.cold else np.ones(tracks, dtype=bool)
        return _summed([ranker.fit(pairs, side, seed=seed) for ranker in self.rankers], pairs, weights, choice)


@dataclass(frozen=True, slots=True)
class _Examples:
    """One row per listener and candidate: features (n, 2 · rankers), its listener's number, whether it was played.

    `held_out` (listeners,) counts each one's held-out tracks, candidates or not.
    """

    features: Float64
    group: NDArray[np.int64]
    played: Mask
    held_out: NDArray[np.int64]


def _learned(split: Split, scorers: Sequence[Scorer], choice: Mask) -> Float64:
    """Weights (2, rankers): the plain ones, and their change with activity."""
    equal = np.array([[1.0], [0.0]]) * np.ones((2, len(scorers)))
    if len(split.test) == 0:
        return equal
    examples = _examples(split, scorers, choice)
    if not examples.played.any():
        return equal
    start = np.zeros(examples.features.shape[1])
    likely = minimize(_loss, start, args=(examples,), jac=True, method="L-BFGS-B").x
    alone = np.eye(len(scorers), 2 * len(scorers))
    found = _climbed(examples, max([*alone, likely], key=lambda weights: _ndcg(examples, weights)))
    return found.reshape(2, len(scorers))


def _climbed(examples: _Examples, start: Float64) -> Float64:
    """Coordinate ascent of NDCG over the plain weights, in smaller and smaller steps."""
    weights, reached = start.copy(), _ndcg(examples, start)
    for step in CLIMBING_STEPS:
        risen = True
        while risen:
            risen = False
            for place, sign in product(range(len(weights) // 2), (1.0, -1.0)):
                tried = weights.copy()
                tried[place] += sign * step
                value = _ndcg(examples, tried)
                if value > reached:
                    weights, reached, risen = tried, value, True
    return weights


def _ndcg(examples: _Examples, weights: Float64) -> float:
    """Mean NDCG at `LIST_LENGTH` over listeners."""
    order = np.lexsort((-(examples.features @ weights), examples.group))
    group = examples.group[order]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    hit = examples.played[order] & (rank < LIST_LENGTH)
    gain = np.bincount(group[hit], weights=1.0 / np.log2(rank[hit] + 2.0), minlength=len(examples.held_out))
    ideal = np.cumsum(1.0 / np.log2(np.arange(2, LIST_LENGTH + 2)))
    return float((gain / ideal[np.minimum(examples.held_out, LIST_LENGTH) - 1]).mean())


def _loss(weights: Float64, examples: _Examples) -> tuple[float, Float64]:
    """Mean negative log-likelihood of the held-out plays under the softmax, plus shrinkage; and its gradient."""
    score = examples.features @ weights
    count = int(examples.group.max()) + 1
    top = np.full(count, -np.inf)
    np.maximum.at(top, examples.group, score)
    lifted = np.exp(score - top[examples.group])
    total = np.bincount(examples.group, weights=lifted, minlength=count)
    plays = np.bincount(examples.group, weights=examples.played, minlength=count)
    log_share = score - (top + np.log(total))[examples.group]
    error = lifted * (plays / total)[examples.group] - examples.played
    n = float(examples.played.sum())
    loss = -float(log_share[examples.played].sum()) / n + SHRINKAGE * float(weights @ weights)
    return loss, np.asarray(examples.features.T @ error / n + 2 * SHRINKAGE * weights)


def _examples(split: Split, scorers: Sequence[Scorer], choice: Mask) -> _Examples:
    known, relevant = split.train.matrix(), split.test.matrix()
    everybody = np.unique(split.test.listeners)
    change = _activity(split.train)
    features, groups, played = list[Float64](), list[NDArray[np.int64]](), list[Mask]()
    for start in range(0, len(everybody), BATCH):
        listeners = everybody[start : start + BATCH]
        scores, candidates = _scores(scorers, listeners, known[listeners].nonzero(), choice)
        row, column = candidates.nonzero()
        plain = np.column_stack([each[row, column] for each in scores])
        features.append(np.hstack([plain, plain * change[listeners[row], None]]))
        groups.append(row + start)
        played.append(np.asarray(relevant[listeners[row], column] > 0).ravel())
    held_out = np.diff(relevant.indptr)[everybody].astype(np.int64)
    return _Examples(np.concatenate(features), np.concatenate(groups), np.concatenate(played), held_out)


def _scores(
    scorers: Sequence[Scorer], listeners: Int32, known: tuple[NDArray[np.int32], NDArray[np.int32]], choice: Mask
) -> tuple[list[Float32], Mask]:
    """Each ranker's normalised scores of all tracks, and the mask of candidates; both (listeners, tracks)."""
    raw = [scorer(listeners) for scorer in scorers]
    candidates = np.zeros(raw[0].shape, dtype=bool)
    depth = min(DEPTH, raw[0].shape[1])
    for scores in raw:
        new = scores.copy()
        new[known] = -np.inf
        new[:, ~choice] = -np.inf
        best = np.argpartition(-new, depth - 1, axis=1)[:, :depth]
        np.put_along_axis(candidates, best, True, axis=1)
    candidates[known] = False
    candidates[:, ~choice] = False
    return [_normalised(scores, candidates) for scores in raw], candidates


def _normalised(scores: Float32, candidates: Mask) -> Float32:
    row, column = candidates.nonzero()
    inside = scores[row, column].astype(np.float64)
    count = np.maximum(np.bincount(row, minlength=len(scores)), 1)
    mean = np.bincount(row, weights=inside, minlength=len(scores)) / count
    deviation = np.sqrt(np.bincount(row, weights=(inside - mean[row]) ** 2, minlength=len(scores)) / count)
    scale = (1.0 / np.maximum(deviation, 1e-9)).astype(np.float32)
    return (scores - mean.astype(np.float32)[:, None]) * scale[:, None]


def _summed(scorers: Sequence[Scorer], pairs: Interactions, weights: Float64, choice: Mask) -> Scorer:
    known, change = pairs.matrix(), _activity(pairs)

    def score(listeners: Int32) -> Float32:
        scores, _ = _scores(scorers, listeners, known[listeners].nonzero(), choice)
        total = np.zeros(scores[0].shape, dtype=np.float32)
        for each, plain, slope in zip(scores, *weights, strict=True):
            total += (plain + slope * change[listeners, None]).astype(np.float32) * each
        return total

    return score


def _mask(tracks: Int32, count: int) -> Mask:
    found = np.zeros(count, dtype=bool)
    found[tracks] = True
    return found


def _activity(pairs: Interactions) -> Float64:
    """Each listener's log1p(tracks), standardised over those with any and cut at ±1."""
    logs = np.log1p(np.bincount(pairs.listeners, minlength=len(pairs.listener_ids)))
    active = logs[logs > 0]
    return np.asarray(np.clip((logs - active.mean()) / max(float(active.std()), 0.1), -1.0, 1.0))
