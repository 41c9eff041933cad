"""Learns how the server weighs its candidate sources, by how much is known of a listener."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from backend.domain.recommendations import CandidateSource
from backend.ports.models import FusionLevel
from training.data.dataset import Int32
from training.data.split import Split
from training.evaluation import metrics
from training.evaluation.metrics import Float64
from training.serving.lists import ORDER, Knowledge, newest, reciprocal_ranks, scores, weights_array, weights_by_source

DEFAULT: Mapping[CandidateSource, float] = {
    CandidateSource.FACTORS: 0.6,
    CandidateSource.CONTENT: 0.25,
    CandidateSource.TREND: 0.15,
}
"""Weights where nothing could be learned."""

LEVELS: Sequence[tuple[int, int | None]] = ((1, 3), (5, 10), (20, None))
"""From how many tracks on a level holds, and how many of their newest tracks its listeners are cut to for learning."""

LEAST_LISTENERS = 50
"""A level with fewer held-out listeners takes the defaults."""
MOST_LISTENERS = 1_000
BATCH_CELLS = 5_000_000
"""Listeners times tracks scored at once: 40 MB for each source."""
LIST_LENGTH = 20
LEAST_WEIGHT = 0.001
"""Of each source: where the best one knows nothing of a listener, the others must still make an answer. So small that
it hardly moves a track: reciprocal ranks differ by a five hundredth from one of the first places to the next."""

STEPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedLevel:
    """`ndcg`: NDCG@20 of each source alone, of the defaults, and of "learned" on listeners it was not learned from."""

    level: FusionLevel
    listeners: int
    ndcg: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examples:
    """By listener: the sources' parts (candidates, sources), the candidates that were played, the number to find."""

    parts: list[Float64]
    played: list[NDArray[np.bool_]]
    counts: NDArray[np.int64]


def learn(known: Knowledge, split: Split, *, seed: int) -> list[LearnedLevel]:
    """One level after another, fewest tracks first; `known` must come from `split.train`. [] where nobody can be asked.

    The weights are those of a grid with the best NDCG@20. They are chosen on one half of the listeners and judged on
    the other, and the other way round; where that is behind the best single source, the source alone holds.
    """
    learned = []
    for tracks, cut in LEVELS:
        listeners = _asked(split, tracks, seed)
        if len(listeners) >= LEAST_LISTENERS:
            examples = _examples(known, split, listeners, cut)
            learned.append(_level(tracks, examples, seed))
    return learned


def to_file(learned: Sequence[LearnedLevel]) -> bytes:
    """As the version folder keeps it."""
    levels = [
        {
            "tracks": each.level.tracks,
            "weights": {source.value: round(weight, 6) for source, weight in each.level.weights.items()},
            "listeners": each.listeners,
            "ndcg@20": {name: round(value, 6) for name, value in each.ndcg.items()},
        }
        for each in learned
    ]
    return json.dumps({"levels": levels}, indent=1).encode()


def _asked(split: Split, tracks: int, seed: int) -> Int32:
    known = np.bincount(split.train.listeners, minlength=len(split.train.listener_ids))
    asked = np.unique(split.test.listeners)
    fitting = np.random.default_rng(seed).permutation(asked[known[asked] >= tracks])
    return np.sort(fitting[:MOST_LISTENERS])


def _examples(known: Knowledge, split: Split, listeners: Int32, cut: int | None) -> _Examples:
    profiles = split.train if cut is None else newest(split.train, count=cut)
    heard, relevant = split.train.matrix(), split.test.matrix()
    parts, played = list[Float64](), list[NDArray[np.bool_]]()
    size = max(BATCH_CELLS // len(split.train.track_ids), 1)
    for start in range(0, len(listeners), size):
        batch = listeners[start : start + size]
        ranks = reciprocal_ranks(scores(known, profiles, batch), heard[batch])
        wanted = relevant[batch].toarray() > 0
        for row in range(len(batch)):
            candidates = np.flatnonzero(ranks[:, row].any(axis=0))
            parts.append(ranks[:, row, candidates].T)
            played.append(wanted[row, candidates])
    return _Examples(parts=parts, played=played, counts=np.diff(relevant[listeners].indptr).astype(np.int64))


def _level(tracks: int, examples: _Examples, seed: int) -> LearnedLevel:
    grid = np.array([*_grid(), weights_array(DEFAULT)])
    table = np.array([_ndcg(examples, weights) for weights in grid])
    half = np.random.default_rng(seed).permutation(table.shape[1]) < table.shape[1] // 2
    crossed = np.empty(table.shape[1])
    for mine in (half, ~half):
        crossed[~mine] = table[table[:, mine].mean(axis=1).argmax(), ~mine]
    means = table.mean(axis=1)
    alone = {source: float(means[(grid == np.eye(len(ORDER))[at]).all(axis=1)][0]) for at, source in enumerate(ORDER)}
    best = max(ORDER, key=lambda source: alone[source])
    ndcg = {**{source.value: value for source, value in alone.items()}, "default": float(means[-1])}
    ndcg["learned"] = float(crossed.mean())
    chosen = grid[means.argmax()] if ndcg["learned"] >= alone[best] else weights_array({best: 1.0})
    level = FusionLevel(tracks=tracks, weights=weights_by_source(np.maximum(chosen, LEAST_WEIGHT).tolist()))
    return LearnedLevel(level=level, listeners=table.shape[1], ndcg=ndcg)


def _grid() -> list[Float64]:
    """All weights in steps of 1 / STEPS that sum to 1, the single sources first.

    Of weights that are equally good the first are taken, so a source that was silent on the held-out plays gets weight
    only where it makes room for a ratio of the others that the steps do not have without it.
    """
    steps = [weights for weights in product(range(STEPS + 1), repeat=len(ORDER)) if sum(weights) == STEPS]
    return [np.array(weights) / STEPS for weights in sorted(steps, key=max, reverse=True)]


def _ndcg(examples: _Examples, weights: Float64) -> Float64:
    """NDCG@20 of each listener."""
    hits = np.zeros((len(examples.parts), LIST_LENGTH), dtype=bool)
    for row, (parts, played) in enumerate(zip(examples.parts, examples.played, strict=True)):
        fused = parts @ weights
        best = np.argsort(-fused, kind="stable")[:LIST_LENGTH]
        hits[row, : len(best)] = played[best] & (fused[best] > 0)
    return metrics.accuracy(hits, examples.counts)["ndcg"]
