"""Clusters find the groups that are there, as many as there are, and the groups within them."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from backend.domain.clusters import TrackClusters
from training.content import clusters
from training.content.clusters import Bounds, Levels, feature_table, find_levels, live_clusters, nearest, silhouette
from training.simulate import simulate

CENTRES = np.array([[0.1] * 7 + [80.0, -20.0], [0.5] * 7 + [120.0, -10.0], [0.9] * 7 + [160.0, -5.0]])


def table(sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """So many tracks around each of CENTRES."""
    rng = np.random.default_rng(seed)
    spread = np.array([0.02] * 7 + [2.0, 0.5])
    return np.concatenate(
        [centre + rng.normal(size=(size, 9)) * spread for centre, size in zip(CENTRES, sizes, strict=False)]
    )


def fitted(points: np.ndarray, *, least: int = 2, most: int = 6, within: int = 1, seed: int = 0) -> Levels:
    """Clusters that must be there."""
    found = find_levels(points, Bounds(least=least, most=most, within=within), seed=seed)
    assert found is not None
    return found


def live(found: Levels) -> TrackClusters:
    """As the streaming job takes them, in their order."""
    return live_clusters(found, range(len(found.top.centroids)))


def centres_of(found: TrackClusters) -> np.ndarray:
    """Centroids in the features' own units."""
    return np.asarray(np.array(found.centroids) * np.array(found.deviations) + np.array(found.means))


def test_planted_groups_are_found_largest_first() -> None:
    """Three groups of sizes 30, 90 and 60 among bounds of 2 to 6: so many by silhouette, at the planted places."""
    found = live(fitted(table((30, 90, 60))))
    np.testing.assert_allclose(CENTRES[[1, 2, 0]], centres_of(found), rtol=0.05, atol=0.05)
    assert ("danceability", "energy", "valence") == found.features[:3]
    assert ("speechiness", "tempo", "loudness") == found.features[6:]


def test_the_silhouette_chooses_within_the_bounds() -> None:
    """Every number that was tried has its score; three is best, and where four are wanted there are four."""
    found = fitted(table((50, 50, 50)))
    assert [2, 3, 4, 5, 6] == list(found.top.scores)
    assert 3 == max(found.top.scores, key=lambda count: found.top.scores[count])
    assert 4 == len(fitted(table((50, 50, 50)), least=4).top.centroids)
    assert [3] == list(fitted(table((50, 50, 50)), least=3, most=3).top.scores)


def test_the_silhouette_is_scikit_learns() -> None:
    """Over squared distances, a cluster of one included, from sums only."""
    rng = np.random.default_rng(2)
    points, places = rng.normal(size=(80, 9)), rng.integers(0, 4, 80)
    places[places == 3], places[7] = 2, 3
    assert silhouette_score(points, places, metric="sqeuclidean") == pytest.approx(silhouette(points, places, 4))
    assert 0.0 == silhouette(points, np.zeros(80, dtype=np.int64), 1)


def test_a_group_of_groups_is_taken_apart_and_a_whole_one_is_not() -> None:
    """Two groups far apart, of which one is two groups near each other; the other has too few tracks to be parted."""
    rng = np.random.default_rng(1)
    places = np.array([[0.1] * 9, [0.2] * 9, [0.9] * 9])
    points = places[np.repeat([0, 1, 2], (60, 60, 39))] + rng.normal(size=(159, 9)) * 0.005
    found = fitted(points, most=2, within=4)
    parted, whole = found.within
    assert whole is None
    assert parted is not None
    assert 2 == len(parted.centroids)
    near = nearest(found.points(points[:120]), parted.centroids)
    assert [60, 60] == sorted(np.bincount(near).tolist())
    assert near[0] != near[119]


def test_of_many_tracks_a_sample_chooses_and_all_are_clustered(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sample of 90 of 900 the number is the same, and the centres are those of all."""
    points = table((300, 300, 300))
    expected = fitted(points)
    monkeypatch.setattr(clusters, "SAMPLE", 90)
    found = fitted(points)
    assert len(expected.top.centroids) == len(found.top.centroids)
    assert expected.top.scores != found.top.scores
    np.testing.assert_allclose(centres_of(live(expected)), centres_of(live(found)), atol=1e-9)


def test_same_seed_gives_the_same_bytes() -> None:
    """And the file comes back as it was, with the version's name."""
    found = live(fitted(table((50, 50, 50))))
    assert clusters.to_file(found) == clusters.to_file(live(fitted(table((50, 50, 50)))))
    assert replace(found, version="v7") == clusters.from_file(clusters.to_file(found), "v7")


def test_a_number_without_a_cluster_is_near_no_track() -> None:
    """Three clusters under 4, 0 and 2: five centroids, and the tracks are at those three only."""
    points = table((50, 40, 30))
    found = fitted(points)
    told = clusters.from_file(clusters.to_file(live_clusters(found, [4, 0, 2])), "v")
    assert 5 == len(told.centroids)
    expected = np.array([4, 0, 2])[nearest(found.points(points), found.top.centroids)]
    assert expected.tolist() == nearest(found.points(points), np.array(told.centroids)).tolist()


def test_no_more_clusters_than_a_twentieth_of_the_tracks() -> None:
    """Forty tracks make two, thirty-nine none."""
    assert 2 == len(fitted(table((40,)), least=6, most=12).top.centroids)
    assert find_levels(table((39,)), Bounds(least=6, most=12, within=6), seed=0) is None


def test_features_that_hardly_vary_do_not_decide() -> None:
    """One constant column and one with noise far below hearing leave the planted groups alone."""
    points = table((40, 40, 40))
    points[:, 0] = 0.3
    points[:, 1] = 0.4 + np.random.default_rng(1).normal(size=120) * 1e-9
    found = live(fitted(points))
    assert [80, 120, 160] == sorted(np.round(centres_of(found)[:, 7], -1).tolist())


def test_all_tracks_alike_are_one_place() -> None:
    """No distance to draw a second centre by: still finite, no error."""
    found = fitted(np.tile(CENTRES[0], (60, 1)), within=4)
    assert np.isfinite(found.top.centroids).all()
    assert ({1: 0.0}, [None]) == (found.top.scores, list(found.within))


def test_clusters_of_the_simulator_follow_its_genres() -> None:
    """Classical and metal tracks never share a cluster's majority: the features mean something."""
    simulation = simulate(
        3, now=datetime(2026, 11, 21, 10, tzinfo=UTC), artists=60, tracks=600, listeners=50, days=3, plays=1000
    )
    sounds = {track.track_id: track.audio_features for track in simulation.tracks if track.audio_features}
    ids, points = feature_table(sounds)
    found = fitted(points, least=6, most=8)
    places = nearest(found.points(points), found.top.centroids)
    genre = {track.track_id: track.tags[1] for track in simulation.tracks}
    names = np.array([genre[track_id] for track_id in ids])
    loud, calm = set(places[names == "metal"].tolist()), places[names == "classical"]
    assert np.isin(calm, list(loud)).mean() < 0.05
