"""Learns how the candidate sources are weighed, by how much is known of a listener."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from backend.ranking.fuse import ranks_of
from backend.ranking.library import Library
from backend.ranking.lists import CandidateList
from backend.ranking.sources import DEFAULT_WEIGHTS, NAMES
from backend.ranking.weights import FusionLevel, FusionWeights
from training.data.dataset import Int32
from training.data.split import Split
from training.evaluation import metrics
from training.evaluation.metrics import Float64
from training.ranking.tastes import Tastes

LEVELS: Sequence[tuple[int, int | None]] = ((1, 3), (5, 10), (20, None))
"""From how many tracks on a level holds, and how many of their newest tracks its listeners are cut to for learning."""

LEAST_LISTENERS = 50
"""A level with fewer held-out listeners takes the defaults."""
MOST_LISTENERS = 1_000
LIST_LENGTH = 20
LEAST_WEIGHT = 0.001
"""Of each source: where the best one knows nothing of a listener, the others must still make an answer. So small that
it hardly moves a track: reciprocal ranks differ by a five hundredth from one of the first places to the next."""

STEPS = 5
DIGITS = 6
"""Of a weight, as the version keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFusion:
    """Weights from all listeners, and for each half of them those learned from the other half.

    `notes` tell of each level how many listeners it was learned from, and the NDCG@20 of each source alone, of the
    defaults, and of "learned" on listeners it was not learned from. `half` (listeners,) says who is in the second half.
    """

    weights: FusionWeights
    notes: Sequence[Mapping[str, object]]
    half: NDArray[np.bool_]
    from_others: tuple[FusionWeights, FusionWeights]

    def unseen_by(self, listener: int) -> FusionWeights:
        """Weights that no play of this listener had a part in, to judge by."""
        return self.from_others[int(self.half[listener])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whom to ask: `listeners` by number, their `tastes`, and the `split` whose test holds what they played then.

    `lists` keeps what a library answered for the whole tastes, by listener.
    """

    split: Split
    tastes: Tastes
    listeners: Int32
    lists: Mapping[int, Mapping[str, CandidateList]]


def ask(library: Library, split: Split, tastes: Tastes, listeners: Int32) -> Question:
    """Every listener's lists."""
    lists = {listener: library.lists(tastes.of(listener)) for listener in listeners.tolist()}
    return Question(split=split, tastes=tastes, listeners=listeners, lists=lists)


def learn(library: Library, asked: Question, *, seed: int) -> LearnedFusion:
    """One level after another, fewest tracks first; `library` must know no play of `asked.split.test`.

    A level's weights are those of a grid with the best NDCG@20 of the fused lists, before diversity. They are chosen on
    one half of its listeners and judged on the other, and the other way round; where that is behind the best single
    source, the source alone holds. Listeners below the first level get the weights of the last.
    """
    half = np.random.default_rng(seed).permutation(len(asked.split.train.listener_ids)) % 2 == 1
    known = np.bincount(asked.split.train.listeners, minlength=len(half))
    levels, notes = list[FusionLevel](), list[Mapping[str, object]]()
    others: tuple[list[FusionLevel], list[FusionLevel]] = ([], [])
    for tracks, cut in LEVELS:
        listeners = np.random.default_rng(seed).permutation(asked.listeners[known[asked.listeners] >= tracks])
        listeners = np.sort(listeners[:MOST_LISTENERS])
        if len(listeners) < LEAST_LISTENERS:
            continue
        table = _table(library, asked, listeners, cut)
        weights, ndcg = _chosen(table, seed)
        levels.append(FusionLevel(tracks=tracks, weights=weights))
        notes.append(
            {"listeners": len(listeners), "ndcg@20": {name: round(value, DIGITS) for name, value in ndcg.items()}}
        )
        for mine in (False, True):
            others[mine].append(FusionLevel(tracks=tracks, weights=_chosen(table[:, half[listeners] != mine], seed)[0]))
    return LearnedFusion(
        weights=_weights(levels), notes=notes, half=half, from_others=(_weights(others[False]), _weights(others[True]))
    )


def _weights(levels: Sequence[FusionLevel]) -> FusionWeights:
    return FusionWeights(levels=tuple(levels), below=levels[-1].weights) if levels else FusionWeights()


def _table(library: Library, asked: Question, listeners: Int32, cut: int | None) -> Float64:
    """NDCG@20 of each weighting of the grid for each listener: (grid, listeners)."""
    relevant = asked.split.test.matrix()
    track_ids = asked.split.test.track_ids
    grid, table = _grid(), np.empty((len(_grid()), len(listeners)))
    for column, listener in enumerate(listeners.tolist()):
        played = {track_ids[track] for track in relevant[listener].indices.tolist()}
        taste = asked.tastes.of(listener, newest=cut)
        lists = asked.lists[listener] if cut is None else library.lists(taste)
        ranks = ranks_of({name: found.ranks() for name, found in lists.items()}, exclude=taste.unwanted)
        scores = grid[:, [NAMES.index(source) for source in ranks.sources]] @ ranks.parts().T
        best = _first(scores)
        found = np.array([track_id in played for track_id in ranks.track_ids], dtype=bool)
        hits = np.zeros((len(grid), LIST_LENGTH), dtype=bool)
        hits[:, : best.shape[1]] = found[best] & (np.take_along_axis(scores, best, axis=1) > 0)
        table[:, column] = metrics.accuracy(hits, np.full(len(grid), len(played)))["ndcg"]
    return table


def _first(scores: Float64) -> NDArray[np.int64]:
    """Places of the `LIST_LENGTH` best of each row, best first; of equals the smaller place."""
    # Far less than ranks can differ by, so that it settles ties and nothing else.
    settled = np.arange(scores.shape[1]) * 1e-13 - scores
    if scores.shape[1] <= LIST_LENGTH:
        return np.asarray(np.argsort(settled, axis=1))
    near = np.argpartition(settled, LIST_LENGTH, axis=1)[:, :LIST_LENGTH]
    order = np.argsort(np.take_along_axis(settled, near, axis=1), axis=1)
    return np.asarray(np.take_along_axis(near, order, axis=1))


def _chosen(table: Float64, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """The best weights by the listeners of `table`, and NDCG@20 by name."""
    grid = _grid()
    half = np.random.default_rng(seed).permutation(table.shape[1]) < table.shape[1] // 2
    crossed = np.empty(table.shape[1])
    for mine in (half, ~half):
        crossed[~mine] = table[table[:, mine].mean(axis=1).argmax(), ~mine]
    means = table.mean(axis=1)
    alone = {
        name: float(means[(grid == row).all(axis=1)][0]) for name, row in zip(NAMES, np.eye(len(NAMES)), strict=True)
    }
    best = max(NAMES, key=lambda name: alone[name])
    ndcg = {**alone, "default": float(means[-1]), "learned": float(crossed.mean())}
    chosen = grid[means.argmax()] if ndcg["learned"] >= alone[best] else np.array([name == best for name in NAMES])
    raised = np.maximum(chosen, LEAST_WEIGHT)
    scaled = (raised / raised.sum()).round(DIGITS).tolist()
    return dict(zip(NAMES, scaled, strict=True)), ndcg


def _grid() -> Float64:
    """All weights in steps of 1 / STEPS that sum to 1, the single sources first; the defaults last.

    Of weights that are equally good the first are taken, so a source that was silent on the held-out plays gets weight
    only where it makes room for a ratio of the others that the steps do not have without it.
    """
    steps = [weights for weights in product(range(STEPS + 1), repeat=len(NAMES)) if sum(weights) == STEPS]
    rows = [np.array(weights) / STEPS for weights in sorted(steps, key=max, reverse=True)]
    return np.array([*rows, [DEFAULT_WEIGHTS.get(name, 0.0) for name in NAMES]])
