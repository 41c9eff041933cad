"""Drift is nothing where nothing moved, and names what did."""

from dataclasses import replace

import numpy as np
import pytest

from training.content.clusters import FEATURES
from training.data.dataset import PlayColumns
from training.data.exclusions import DAY_MILLISECONDS
from training.judging import drift

IDS = [f"t{number:02d}" for number in range(50)]
TABLE = np.random.default_rng(1).normal(size=(50, 9))
TABLE[:, 1] = np.arange(50)


def plays(weights: np.ndarray, *, seed: int, count: int = 8000, track_ids: list[str] = IDS) -> PlayColumns:
    """So many plays of 200 listeners over ten days, tracks drawn by weight."""
    rng = np.random.default_rng(seed)
    return PlayColumns(
        listener_ids=[f"l{number:03d}" for number in range(200)],
        track_ids=track_ids,
        listeners=rng.integers(0, 200, count).astype(np.int32),
        tracks=rng.choice(50, count, p=weights / weights.sum()).astype(np.int32),
        counts=np.ones(count, dtype=np.float32),
        played_at=np.sort(rng.integers(0, 10 * DAY_MILLISECONDS, count)).astype(np.int64),
    )


EVEN = np.ones(50)
THEN, DECILES = drift.profile(plays(EVEN, seed=0), IDS, TABLE)


def measured(now: PlayColumns) -> drift.Drift:
    """Against THEN, by way of the files that a version keeps."""
    deciles = drift.read_deciles(drift.deciles_to_file(DECILES), IDS)
    then = drift.read_profile(THEN.to_file())
    return drift.drift(now, IDS, TABLE, version="v1", then=then, deciles=deciles)


def test_index_is_the_textbook_sum() -> None:
    """(0.4 - 0.5) ln(0.4 / 0.5) + (0.6 - 0.5) ln(0.6 / 0.5), and finite for an empty bin."""
    expected = -0.1 * np.log(0.8) + 0.1 * np.log(1.2)
    assert expected == pytest.approx(drift.index((0.5, 0.5), np.array([0.4, 0.6])))
    assert np.isfinite(drift.index((0.0, 1.0), np.array([1.0, 0.0])))


def test_the_same_plays_have_not_moved() -> None:
    """Exactly 0 on the training window itself, next to 0 on another draw."""
    same = measured(plays(EVEN, seed=0))
    assert {*FEATURES, "popularity", "activity"} == set(same.psi)
    assert all(value == pytest.approx(0) for value in same.psi.values())
    again = measured(plays(EVEN, seed=1))
    assert (0.0, ()) == (again.new_track_share, again.shifted)
    assert max(again.psi.values()) < 0.05


def test_a_taste_for_energy_shows_in_energy() -> None:
    """Plays move to tracks with a high second feature: that one is named, unrelated ones are not."""
    moved = measured(plays(np.where(TABLE[:, 1] > 25, 4.0, 1.0), seed=2))
    assert "energy" in moved.shifted
    assert moved.psi["energy"] == max(moved.psi[name] for name in FEATURES)
    assert moved.psi["activity"] < drift.MOVED


def test_twice_as_many_plays_a_listener_show_in_activity() -> None:
    """And nowhere else."""
    assert ("activity",) == measured(plays(EVEN, seed=3, count=16_000)).shifted


def test_tracks_that_training_did_not_know_are_a_share() -> None:
    """Ten of fifty ids are new: about a fifth of the plays."""
    now = plays(EVEN, seed=4, track_ids=[*IDS[:40], *(f"u{number}" for number in range(10))])
    assert 0.2 == pytest.approx(measured(now).new_track_share or 0, abs=0.02)


def test_too_few_plays_say_nothing() -> None:
    """Nor does an empty window."""
    few = plays(EVEN, seed=5, count=drift.LEAST_PLAYS - 1)
    assert (drift.LEAST_PLAYS - 1, {}, None) == (measured(few).plays, measured(few).psi, measured(few).new_track_share)
    nothing = replace(
        few, listeners=few.listeners[:0], tracks=few.tracks[:0], counts=few.counts[:0], played_at=few.played_at[:0]
    )
    assert ("", "", {}) == (measured(nothing).first_play, measured(nothing).last_play, measured(nothing).psi)


def test_tracks_without_features_leave_the_rest_to_measure() -> None:
    """A catalogue without audio features still has popularity and activity."""
    then, deciles = drift.profile(plays(EVEN, seed=0), [], np.zeros((0, 9)))
    found = drift.drift(
        plays(EVEN, seed=1),
        [],
        np.zeros((0, 9)),
        version="v1",
        then=then,
        deciles=dict(zip(IDS, deciles.tolist(), strict=True)),
    )
    assert {"popularity", "activity"} == set(found.psi)
