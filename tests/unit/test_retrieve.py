"""Fold-in and what a profile counts for."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from backend.domain.listeners import Profile, RecentPlay
from backend.ports.models import FoldIn
from backend.services.retrieve import LIKE_PLAYS, SEEDS, counted_plays, fold_in, last_tracks

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def recent(*track_ids: str, allow_training: bool = True) -> tuple[RecentPlay, ...]:
    """Plays, newest first."""
    return tuple(
        RecentPlay(
            event_id=f"{age}-{allow_training}",
            track_id=track_id,
            played_at=NOON - timedelta(minutes=age),
            milliseconds_played=1000,
            allow_training=allow_training,
        )
        for age, track_id in enumerate(track_ids)
    )


@pytest.mark.parametrize(("offset", "power"), [(0.0, 0.0), (2.0, 0.5)])
def test_fold_in_minimises_the_weighted_squares(offset: float, power: float) -> None:
    """Against the normal equations over every pair, written out with one row per track."""
    chance = np.random.default_rng(3)
    every = chance.normal(size=(50, 6))
    plays = np.array([1.0, 4.0, 9.0])
    formula = FoldIn(
        gram=every.T @ every,
        unobserved_weight=0.2,
        regularization=0.05,
        confidence_scale=1.7,
        frequency_offset=offset,
        frequency_power=power,
    )
    confidence = np.zeros(50)
    confidence[:3] = 1.7 * np.log1p(plays)
    weight = 0.2 + confidence
    ridge = 0.05 * (3 + offset) ** power
    rows = np.vstack([np.sqrt(weight)[:, None] * every, np.sqrt(ridge) * np.eye(6)])
    targets = np.concatenate([np.sqrt(weight) * (confidence > 0), np.zeros(6)])
    expected = np.linalg.lstsq(rows, targets, rcond=None)[0]
    found = fold_in(formula, every[:3], plays)
    assert np.float32 == found.dtype
    np.testing.assert_allclose(expected, found, rtol=1e-4, atol=1e-5)


def test_more_plays_pull_nearer() -> None:
    """A track played often scores higher than one played once."""
    every = np.eye(4)
    formula = FoldIn(gram=np.eye(4), unobserved_weight=0.1, regularization=0.1, confidence_scale=1.0)
    listener = fold_in(formula, every[:2], np.array([1.0, 20.0]))
    assert listener[1] > listener[0] > listener[2] == 0


def test_plays_are_counted_and_likes_weigh_as_some() -> None:
    """Without hidden tracks, and without plays that may not be learned from."""
    profile = Profile(
        listener_id="l",
        recent=(*recent("a", "b", "a", "h"), *recent("secret", allow_training=False)),
        liked=frozenset({"b", "liked"}),
        hidden=frozenset({"h"}),
    )
    assert {"a": 2, "b": 1 + LIKE_PLAYS, "liked": LIKE_PLAYS} == counted_plays(profile)


def test_the_last_distinct_tracks_are_the_seeds() -> None:
    """Newest first, at most five; likes stand in where nothing was played."""
    profile = Profile(listener_id="l", recent=recent("a", "b", "a", "c", "d", "e", "f"), hidden=frozenset({"b"}))
    assert ["a", "c", "d", "e", "f"] == last_tracks(profile)
    assert SEEDS == len(last_tracks(profile))
    assert ["x", "y"] == last_tracks(Profile(listener_id="l", liked=frozenset({"y", "x"})))
