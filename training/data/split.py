"""Splits: what is learned from, and what is held out to judge it by.

Every split keeps the numbering of listeners and tracks, takes a seed or a moment instead of looking at a clock, and
holds out only pairs that training does not hold (a track the listener already plays is no recommendation).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Interactions, PlayColumns, interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Interactions to learn from and, disjoint from them, those to judge by."""

    train: Interactions
    test: Interactions


def time_split(plays: PlayColumns, *, held_out: float) -> Split:
    """The latest `held_out` share of the plays is the test, all before it is learned from.

    Test pairs already met in training are dropped, and so are those of listeners and tracks that training does not
    know: they have their own measures (cold items, new listeners).
    """
    return split_at(plays, cutoff(plays, held_out=held_out))


def cutoff(plays: PlayColumns, *, held_out: float) -> int:
    """The moment after which the latest `held_out` share of the plays begins (milliseconds since 1970 UTC)."""
    return int(np.quantile(plays.played_at, 1.0 - held_out, method="nearest"))


def split_at(plays: PlayColumns, moment: int) -> Split:
    """As `time_split`; all plays after `moment` (milliseconds since 1970 UTC) are the test."""
    later = plays.played_at > moment
    train = interactions(plays.where(~later))
    test = interactions(plays.where(later))
    known = np.isin(test.listeners, train.listeners) & np.isin(test.tracks, train.tracks)
    return Split(train=train, test=test.where(known & ~np.isin(test.keys(), train.keys())))


def random_split(pairs: Interactions, *, held_out: float, seed: int) -> Split:
    """Of each listener's tracks, the rounded-down `held_out` share by lot."""
    lot = np.random.default_rng(seed).random(len(pairs))
    quota = np.floor(np.bincount(pairs.listeners, minlength=len(pairs.listener_ids)) * held_out)
    test = _rank_within_listener(pairs, lot) < quota[pairs.listeners]
    return Split(train=pairs.where(~test), test=pairs.where(test))


def leave_last(pairs: Interactions) -> Split:
    """Of each listener with two tracks or more, the one played last (of equals, the one with the larger number)."""
    newest_first = _rank_within_listener(pairs, -pairs.last_played_at.astype(np.float64), ties=-pairs.tracks)
    several = np.bincount(pairs.listeners, minlength=len(pairs.listener_ids)) >= 2
    test = (newest_first == 0) & several[pairs.listeners]
    return Split(train=pairs.where(~test), test=pairs.where(test))


def cold_items(pairs: Interactions, *, tracks: NDArray[np.int32]) -> Split:
    """Every interaction with one of `tracks` is the test: to training they are new."""
    test = np.isin(pairs.tracks, tracks)
    return Split(train=pairs.where(~test), test=pairs.where(test))


COLD_LISTENERS = 5
"""Tracks of fewer listeners are not drawn as cold ones: they make no measurable ranking."""


def drawn_tracks(pairs: Interactions, *, seed: int, among: NDArray[np.bool_] | None = None) -> NDArray[np.int32]:
    """A fifth, by lot, of the tracks with `COLD_LISTENERS` or more (`among` narrows the choice), for `cold_items`."""
    fit = np.bincount(pairs.tracks, minlength=len(pairs.track_ids)) >= COLD_LISTENERS
    if among is not None:
        fit &= among
    lot = np.random.default_rng(seed).permutation(np.flatnonzero(fit))
    return np.sort(lot[: len(lot) // 5]).astype(np.int32)


def _rank_within_listener(
    pairs: Interactions, value: NDArray[np.float64], ties: NDArray[np.int32] | None = None
) -> NDArray[np.int64]:
    """Each row's place, from 0, among its listener's rows by increasing `value`."""
    keys = (value, pairs.listeners) if ties is None else (ties, value, pairs.listeners)
    order = np.lexsort(keys)
    counts = np.bincount(pairs.listeners, minlength=len(pairs.listener_ids))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(pairs), dtype=np.int64)
    rank[order] = np.arange(len(pairs)) - starts[pairs.listeners[order]]
    return rank
