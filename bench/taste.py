"""A synthetic set of listeners and tracks whose right answers are known to be of low rank."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Interactions
from training.data.split import Split, random_split

TASTES = 40
PAIRS_PER_LISTENER, LISTENERS_PER_TRACK = 50, 2
HELD_OUT = 0.1
JUDGED = 20_000
"""Listeners that a fit is judged by: the difference of two fits of a split has a standard error of a quarter percent.

With 3,000 it was .6 %, more than the half percent that `segue bench training` calls equal."""

_REPEATS = 0.3
_ARRAYS = ("listeners", "tracks", "plays")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many pairs, listeners and tracks."""

    pairs: int
    listeners: int
    tracks: int

    @staticmethod
    def of(pairs: int) -> "Shape":
        """So many that a listener has 50 tracks on average, and there are half as many tracks as listeners."""
        listeners = max(pairs // PAIRS_PER_LISTENER, 2 * TASTES)
        return Shape(pairs=pairs, listeners=listeners, tracks=listeners // LISTENERS_PER_TRACK)


def shaped(shape: Shape, *, seed: int) -> Interactions:
    """Exactly `shape.pairs` pairs: Zipf tracks, log-normal listener activity, and `TASTES` planted tastes.

    A play is drawn by listener (activity log-normal, deviation 1), taste (a Dirichlet mixture of the listener's), and
    track of that taste (popularity ∝ (rank + 20)^-0.9 times a log-normal affinity, deviation 2.2): the probability of a
    pair is a matrix of rank `TASTES`. Plays of a pair are the draws that met it.
    Raises ValueError where the shape is too dense.
    """
    if shape.pairs * 4 > shape.listeners * shape.tracks:
        raise ValueError(f"{shape.pairs} pairs fill more than a quarter of the matrix: ask for more pairs in all")
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0.0, 1.0, shape.listeners)
    popularity = rng.permutation((np.arange(shape.tracks) + 20.0) ** -0.9)
    affinity = rng.lognormal(0.0, 2.2, (TASTES, shape.tracks))
    by_taste = np.cumsum(popularity * affinity, axis=1)
    by_taste /= by_taste[:, -1:]
    mixtures = np.cumsum(rng.dirichlet(np.full(TASTES, 0.08), shape.listeners), axis=1)
    share = activity / activity.sum()
    keys, plays = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    while len(keys) < shape.pairs:
        draws = int((shape.pairs - len(keys)) * (1 + _REPEATS)) + 1000
        new = _draw(draws, share, mixtures, by_taste, rng)
        found, place = np.unique(np.concatenate([keys, new]), return_inverse=True)
        plays = np.bincount(place, weights=np.concatenate([plays, np.ones(draws)]))
        keys = found
    kept = np.sort(rng.permutation(len(keys))[: shape.pairs])
    listeners, tracks = np.divmod(keys[kept], shape.tracks)
    return Interactions(
        listener_ids=_ids("listener", shape.listeners),
        track_ids=_ids("track", shape.tracks),
        listeners=listeners.astype(np.int32),
        tracks=tracks.astype(np.int32),
        plays=plays[kept].astype(np.float32),
        last_played_at=np.zeros(shape.pairs, dtype=np.int64),
    )


def judged_split(pairs: Interactions, *, seed: int) -> Split:
    """A tenth of each listener's tracks held out; the test is cut down to `JUDGED` listeners by lot."""
    split = random_split(pairs, held_out=HELD_OUT, seed=seed)
    able = np.unique(split.test.listeners)
    drawn = np.random.default_rng(seed).permutation(able)[:JUDGED]
    return replace(split, test=split.test.where(np.isin(split.test.listeners, drawn)))


def save(split: Split, file: Path) -> None:
    """For another process; `load` is the inverse."""
    parts = {"train": split.train, "test": split.test}
    arrays = {f"{part}_{name}": getattr(pairs, name) for part, pairs in parts.items() for name in _ARRAYS}
    sizes = np.array([len(split.train.listener_ids), len(split.train.track_ids)])
    np.savez(file, sizes=sizes, **arrays)


def load(file: Path) -> Split:
    """A split that `save` wrote."""
    with np.load(file, allow_pickle=False) as arrays:
        listeners, tracks = arrays["sizes"].tolist()
        train, test = (
            Interactions(
                listener_ids=_ids("listener", listeners),
                track_ids=_ids("track", tracks),
                listeners=arrays[f"{part}_listeners"],
                tracks=arrays[f"{part}_tracks"],
                plays=arrays[f"{part}_plays"],
                last_played_at=np.zeros(len(arrays[f"{part}_plays"]), dtype=np.int64),
            )
            for part in ("train", "test")
        )
    return Split(train=train, test=test)


def _ids(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number:08}" for number in range(count)]


def _draw(
    count: int,
    share: NDArray[np.float64],
    mixtures: NDArray[np.float64],
    by_taste: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    listeners = np.searchsorted(np.cumsum(share), rng.random(count)).clip(0, len(share) - 1)
    # Rows of cumulative sums, each lifted by its number, are one sorted line: one search for all.
    line = (mixtures + np.arange(len(mixtures))[:, None]).ravel()
    tastes = (np.searchsorted(line, listeners + rng.random(count)) - listeners * TASTES).clip(0, TASTES - 1)
    line = (by_taste + np.arange(TASTES)[:, None]).ravel()
    tracks = np.searchsorted(line, tastes + rng.random(count)) - tastes * by_taste.shape[1]
    keys: NDArray[np.int64] = listeners * by_taste.shape[1] + tracks.clip(0, by_taste.shape[1] - 1)
    return keys
