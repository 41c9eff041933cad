"""Learns how the approaches to tracks like one are weighed: what listeners play together is the label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from backend.ranking.fuse import RANK_OFFSET
from backend.ranking.lists import ArraySpace, AskedTrack, Space, Vectors
from backend.ranking.sources import LIKENESSES
from training.data.dataset import Int64, PlayColumns
from training.data.together import together
from training.evaluation.metrics import Float64

LIST_LENGTH = 20
FOUND = 400
"""Tracks asked of each approach, as the server asks."""
MOST_SEEDS = 400
"""Tracks asked about, by lot where there are more."""
MOST_CELLS = 60_000_000
"""Seeds times tracks that are searched: 100 seeds of 600,000 tracks."""
LEAST_SEEDS = 40
"""With fewer, nothing is learned: the approaches weigh the same."""
STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Weights by the approach's source, summing to 1, and for people what they were chosen by.

    `figures` are None where too little was held out to learn from.
    """

    weights: Mapping[str, float]
    figures: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One seed: the union of the lists as reciprocal ranks (tracks, sources), and which of them were played with it."""

    parts: Float64
    together: Float64
    most: int


def learn(spaces: Mapping[str, tuple[Sequence[str], Vectors]], later: PlayColumns, *, seed: int) -> Alike:
    """`spaces` (ids and vectors by name) must know nothing of the plays `later`, whose sittings are the label.

    Weights are those of a grid with the best recall@20 of the fused lists; the hybrid's own figure is of seeds that its
    weights were not learned from, each half judged by the other. Where it is behind the best approach alone, that
    approach gets all the weight that the others can spare.
    """
    names = [name for name, source in LIKENESSES.items() if set(source.spaces) <= set(spaces)]
    asked = _ask(names, spaces, later, seed)
    equal = {name: round(1 / len(names), 6) for name in names}
    if len(asked) < LEAST_SEEDS:
        return Alike(weights=equal, figures={"seeds": len(asked)})
    grid = np.array([each for each in product(range(STEPS + 1), repeat=len(names)) if sum(each) == STEPS]) / STEPS
    recalls = np.array([_recalls(one, grid) for one in asked])
    half = np.random.default_rng(seed).permutation(len(asked)) % 2 == 1
    crossed = np.concatenate(
        [recalls[half][:, recalls[~half].mean(axis=0).argmax()], recalls[~half][:, recalls[half].mean(axis=0).argmax()]]
    )
    means = recalls.mean(axis=0)
    alone = {
        name: float(means[(grid == row).all(axis=1)][0]) for name, row in zip(names, np.eye(len(names)), strict=True)
    }
    best = max(names, key=lambda name: alone[name])
    hybrid = float(crossed.mean())
    row = grid[means.argmax()] if hybrid >= alone[best] else np.array([float(name == best) for name in names])
    # A little of each: where the best one knows nothing of a track, the others must still answer.
    raised = np.maximum(row, 0.001)
    weights = dict(zip(names, (raised / raised.sum()).round(6).tolist(), strict=True))
    recall = {**{name: round(value, 4) for name, value in alone.items()}, "hybrid": round(hybrid, 4)}
    return Alike(weights=weights, figures={"seeds": len(asked), f"recall@{LIST_LENGTH}": recall})


def _ask(
    names: Sequence[str], spaces: Mapping[str, tuple[Sequence[str], Vectors]], later: PlayColumns, seed: int
) -> list[_Asked]:
    """Seeds by lot among the tracks that were played together with others, and what the approaches list for them."""
    partners = _partners(together(later), later.track_ids)
    arrays: dict[str, Space] = {name: ArraySpace(ids, vectors) for name, (ids, vectors) in spaces.items()}
    tracks = max(len(ids) for ids, _ in spaces.values())
    most = min(MOST_SEEDS, max(MOST_CELLS // max(tracks, 1), LEAST_SEEDS))
    chosen = np.random.default_rng(seed).permutation(np.array(sorted(partners)))[:most].tolist()
    found = []
    for track_id in chosen:
        lists = {
            name: LIKENESSES[name]
            .similar(AskedTrack(track_id=track_id, limit=FOUND, spaces=arrays, words=lambda: None))
            .ranks()
            for name in names
        }
        union = sorted({one for ranks in lists.values() for one in ranks})
        if not union:
            continue
        ranks = np.array([[lists[name].get(one, 0) for name in names] for one in union], dtype=np.float64)
        parts = np.where(ranks > 0, 1 / (RANK_OFFSET + ranks), 0.0)
        played = np.array([float(one in partners[track_id]) for one in union])
        found.append(_Asked(parts, played, min(LIST_LENGTH, len(partners[track_id]))))
    return found


def _recalls(asked: _Asked, grid: Float64) -> Float64:
    """Recall@20 of the fused list under each row of weights."""
    scores = grid @ asked.parts.T
    # Which are the first, not in what order: sorting a thousand lists for each of hundreds of seeds took half a minute.
    most = min(LIST_LENGTH, scores.shape[1])
    best = np.argpartition(-scores, most - 1, axis=1)[:, :most]
    # A track without any score stands in no list.
    hits = (asked.together[best] * (np.take_along_axis(scores, best, axis=1) > 0)).sum(axis=1)
    return np.asarray(hits / asked.most, dtype=np.float64)


def _partners(pairs: Int64, track_ids: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one, other in pairs.tolist():
        found.setdefault(track_ids[one], set()).add(track_ids[other])
    return found
