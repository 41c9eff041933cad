"""Clusters of tracks by how they sound: k-means over standardised audio features.

scikit-learn's, from k-means++ starts (Arthur and Vassilvitskii 2007), on one thread: several add up in an order that
changes from run to run, and a seed would no longer give the same bytes. At a few hundred thousand tracks of nine
features it takes seconds all the same.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from backend.domain.clusters import TrackClusters
from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures
from backend.ports.records import clusters_from_value

Float64 = NDArray[np.float64]

FEATURES = AUDIO_FEATURES
FILE = "clusters.json"
LEAST_TRACKS = 40
"""Fewer tracks with features make no clusters worth a name."""
TRACKS_PER_CLUSTER = 20
STARTS, SWEEPS = 4, 100
LEAST_DEVIATION = 1e-3
"""A feature that hardly varies must not be blown up into one that decides."""


def feature_table(sounds: Mapping[str, AudioFeatures]) -> tuple[list[str], Float64]:
    """Ids, sorted, and their features (n, 9); tracks with a feature that is no finite number are left out."""
    ids = sorted(sounds)
    table = np.array([[getattr(sounds[track_id], name) for name in FEATURES] for track_id in ids], dtype=np.float64)
    table = table.reshape(len(ids), len(FEATURES))
    whole = np.flatnonzero(np.isfinite(table).all(axis=1))
    return [ids[number] for number in whole.tolist()], table[whole]


def fit_clusters(table: Float64, *, clusters: int, seed: int, before: TrackClusters | None) -> TrackClusters | None:
    """Clusters of the rows of `table` (n, 9), at most `clusters` and n / TRACKS_PER_CLUSTER; None below LEAST_TRACKS.

    Numbered as the nearest of `before`, the clusters that serve, where there are as many; else the largest is 0. So a
    cluster's history goes on under its number from one version to the next. `version` is left empty.
    """
    if len(table) < LEAST_TRACKS:
        return None
    count = max(2, min(clusters, len(table) // TRACKS_PER_CLUSTER))
    means = table.mean(axis=0)
    deviations = np.maximum(table.std(axis=0), LEAST_DEVIATION)
    points = (table - means) / deviations
    centroids = _centroids(points, count, seed)
    sizes = np.bincount(nearest(points, centroids), minlength=len(centroids))
    found = TrackClusters(
        version="",
        features=FEATURES,
        means=tuple(means.tolist()),
        deviations=tuple(deviations.tolist()),
        centroids=_rows(centroids[np.argsort(-sizes, kind="stable")]),
    )
    return found if before is None else _numbered_as(found, before)


def nearest(points: Float64, centroids: Float64) -> NDArray[np.int64]:
    """Number of the nearest centroid of each point; of equals the smaller."""
    return np.asarray(cdist(points, centroids, "sqeuclidean").argmin(axis=1), dtype=np.int64)


def to_file(clusters: TrackClusters) -> bytes:
    """As the version folder keeps them; the version's name is not known before its files are, so it is not in it."""
    return json.dumps(asdict(replace(clusters, version=""))).encode()


def from_file(content: bytes, version: str) -> TrackClusters:
    """The inverse, with the version's name filled in. Raises MalformedRecord."""
    return replace(clusters_from_value(content), version=version)


def _centroids(points: Float64, count: int, seed: int) -> Float64:
    """(at most `count`, n): as many as there are different points."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - a second and a half, which readers of a version need not wait

    count = min(count, len(np.unique(points, axis=0)))
    with threadpool_limits(limits=1):
        fitted = KMeans(count, n_init=STARTS, max_iter=SWEEPS, tol=0, random_state=seed).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _numbered_as(found: TrackClusters, before: TrackClusters) -> TrackClusters:
    """The same clusters in the order of `before` that moves the centroids least."""
    if found.features != before.features or len(found.centroids) != len(before.centroids):
        return found
    old = np.array(before.centroids) * np.array(before.deviations) + np.array(before.means)
    new = np.array(found.centroids) * np.array(found.deviations) + np.array(found.means)
    _, order = linear_sum_assignment(cdist(old / np.array(found.deviations), new / np.array(found.deviations)))
    return replace(found, centroids=tuple(found.centroids[number] for number in order.tolist()))


def _rows(matrix: Float64) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
