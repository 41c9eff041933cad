"""Clusters find the groups that are there, and keep their numbers."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from backend.domain.clusters import TrackClusters
from training.content import clusters
from training.content.clusters import feature_table, fit_clusters
from training.simulate import simulate

CENTRES = np.array([[0.1] * 7 + [80.0, -20.0], [0.5] * 7 + [120.0, -10.0], [0.9] * 7 + [160.0, -5.0]])


def table(sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """So many tracks around each of CENTRES."""
    rng = np.random.default_rng(seed)
    spread = np.array([0.02] * 7 + [2.0, 0.5])
    return np.concatenate(
        [centre + rng.normal(size=(size, 9)) * spread for centre, size in zip(CENTRES, sizes, strict=False)]
    )


def centres_of(found: TrackClusters) -> np.ndarray:
    """Centroids in the features' own units."""
    return np.asarray(np.array(found.centroids) * np.array(found.deviations) + np.array(found.means))


def fitted(points: np.ndarray, *, wanted: int = 3, before: TrackClusters | None = None, seed: int = 0) -> TrackClusters:
    """Clusters that must be there."""
    found = fit_clusters(points, clusters=wanted, seed=seed, before=before)
    assert found is not None
    return found


def test_planted_groups_are_found_largest_first() -> None:
    """Three groups of sizes 30, 90 and 60: numbers by size, centroids at the planted places."""
    found = fitted(table((30, 90, 60)))
    np.testing.assert_allclose(CENTRES[[1, 2, 0]], centres_of(found), rtol=0.05, atol=0.05)
    assert ("danceability", "energy", "valence") == found.features[:3]
    assert ("speechiness", "tempo", "loudness") == found.features[6:]


def test_numbers_stay_when_sizes_change() -> None:
    """The next version's clusters are numbered as those that serve, though another one is the largest now."""
    before = fitted(table((30, 90, 60)))
    after = fitted(table((200, 90, 60), seed=5), before=before)
    np.testing.assert_allclose(centres_of(before), centres_of(after), rtol=0.05, atol=0.05)
    assert centres_of(fitted(table((200, 90, 60), seed=5)))[0, 7] == pytest.approx(80, rel=0.05)


def test_same_seed_gives_the_same_bytes() -> None:
    """And the file comes back as it was, with the version's name."""
    found = fitted(table((50, 50, 50)))
    assert clusters.to_file(found) == clusters.to_file(fitted(table((50, 50, 50))))
    assert replace(found, version="v7") == clusters.from_file(clusters.to_file(found), "v7")


def test_no_more_clusters_than_a_twentieth_of_the_tracks() -> None:
    """Forty tracks make two, thirty-nine none."""
    assert 2 == len(fitted(table((40,)), wanted=12).centroids)
    assert fit_clusters(table((39,)), clusters=12, seed=0, before=None) is None


def test_features_that_hardly_vary_do_not_decide() -> None:
    """One constant column and one with noise far below hearing leave the planted groups alone."""
    points = table((40, 40, 40))
    points[:, 0] = 0.3
    points[:, 1] = 0.4 + np.random.default_rng(1).normal(size=120) * 1e-9
    found = fitted(points)
    assert [80, 120, 160] == sorted(np.round(centres_of(found)[:, 7], -1).tolist())


def test_all_tracks_alike_are_one_place() -> None:
    """No distance to draw a second centre by: still finite, no error."""
    found = fitted(np.tile(CENTRES[0], (60, 1)))
    assert np.isfinite(found.centroids).all()


def test_clusters_of_the_simulator_follow_its_genres() -> None:
    """Classical and metal tracks never share a cluster's majority: the features mean something."""
    simulation = simulate(
        3, now=datetime(2026, 11, 21, 10, tzinfo=UTC), artists=60, tracks=600, listeners=50, days=3, plays=1000
    )
    sounds = {track.track_id: track.audio_features for track in simulation.tracks if track.audio_features}
    ids, points = feature_table(sounds)
    found = fitted(points, wanted=12)
    places = clusters.nearest((points - found.means) / found.deviations, np.array(found.centroids))
    genre = {track.track_id: track.tags[1] for track in simulation.tracks}
    names = np.array([genre[track_id] for track_id in ids])
    loud, calm = set(places[names == "metal"].tolist()), places[names == "classical"]
    assert np.isin(calm, list(loud)).mean() < 0.05
