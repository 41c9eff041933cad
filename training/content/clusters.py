"""Clusters of tracks by how they sound, and clusters within those: k-means over standardised audio features.

scikit-learn's, from k-means++ starts (Arthur and Vassilvitskii 2007), on one thread: several add up in an order that
changes from run to run, and a seed would no longer give the same bytes. How many clusters there are is chosen by the
silhouette (Rousseeuw 1987) over squared distances, as MLlib has it: that one needs sums only, no pairs of tracks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from backend.domain.clusters import TrackClusters
from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures
from backend.ports.records import MOST_FEATURE, clusters_from_value

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

FEATURES = AUDIO_FEATURES
FILE = "clusters.json"
LEAST_TRACKS = 40
"""Fewer tracks with features make no clusters worth a name."""
TRACKS_PER_CLUSTER = 20
STARTS, SWEEPS = 4, 100
SAMPLE = 20_000
"""Of more tracks so many, drawn by the seed, choose how many clusters there are; all of them then make the clusters."""
LEAST_DEVIATION = 1e-3
"""A feature that hardly varies must not be blown up into one that decides."""
NOWHERE = (-MOST_FEATURE,) * len(FEATURES)
"""A centroid for a number that no cluster has: no track is near it (streaming/jobs/track_clusters.sql)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many clusters there may be: `least` to `most`, and up to `within` in each of them (1: none within)."""

    least: int
    most: int
    within: int

    def above(self, tracks: int) -> range:
        """The numbers of clusters to try for so many tracks: each is to have TRACKS_PER_CLUSTER on the average."""
        most = max(2, min(self.most, tracks // TRACKS_PER_CLUSTER))
        return range(min(self.least, most), most + 1)

    def inside(self, tracks: int) -> range:
        """The same for a cluster of so many tracks; empty where it stays whole."""
        return range(2, min(self.within, tracks // TRACKS_PER_CLUSTER) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """`centroids` (clusters, n), largest first, and what was tried: number of clusters → silhouette, -1..1."""

    centroids: Float64
    scores: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Clusters of tracks and the clusters within each, None where one stays whole.

    `means` and `deviations` (n,) take features to the centroids' space, (feature - mean) / deviation.
    """

    means: Float64
    deviations: Float64
    top: Grouping
    within: Sequence[Grouping | None]

    def points(self, table: Float64) -> Float64:
        """Features (tracks, n) in the centroids' space."""
        return np.asarray((table - self.means) / self.deviations)


def feature_table(sounds: Mapping[str, AudioFeatures]) -> tuple[list[str], Float64]:
    """Ids, sorted, and their features (n, 9); tracks with a feature that is no finite number are left out."""
    ids = sorted(sounds)
    table = np.array([[getattr(sounds[track_id], name) for name in FEATURES] for track_id in ids], dtype=np.float64)
    table = table.reshape(len(ids), len(FEATURES))
    whole = np.flatnonzero(np.isfinite(table).all(axis=1))
    return [ids[number] for number in whole.tolist()], table[whole]


def find_levels(table: Float64, bounds: Bounds, *, seed: int) -> Levels | None:
    """Both levels of the rows of `table` (tracks, 9); None below LEAST_TRACKS."""
    if len(table) < LEAST_TRACKS:
        return None
    means = table.mean(axis=0)
    deviations = np.maximum(table.std(axis=0), LEAST_DEVIATION)
    points = (table - means) / deviations
    top = _grouped(points, bounds.above(len(points)), seed)
    places = nearest(points, top.centroids)
    members = [points[places == number] for number in range(len(top.centroids))]
    within = [_grouped(each, counts, seed) if (counts := bounds.inside(len(each))) else None for each in members]
    return Levels(
        means=means,
        deviations=deviations,
        top=top,
        within=[each if each is not None and len(each.centroids) > 1 else None for each in within],
    )


def nearest(points: Float64, centroids: Float64) -> Int64:
    """Number of the nearest centroid of each point; of equals the smaller."""
    return np.asarray(cdist(points, centroids, "sqeuclidean").argmin(axis=1), dtype=np.int64)


def silhouette(points: Float64, places: Int64, count: int) -> float:
    """The mean over the points of (b - a) / max(a, b), -1..1.

    `a` is a point's mean squared distance to the others of its cluster (`places`, of `count`), `b` to those of the next
    one. Alone in its cluster, a point counts 0, and so does all where there is one cluster only.
    """
    sizes = np.bincount(places, minlength=count).astype(np.float64)
    if (sizes > 0).sum() < 2:
        return 0.0
    squares = np.einsum("ij,ij->i", points, points)
    sums = np.zeros((count, points.shape[1]))
    np.add.at(sums, places, points)
    filled = np.maximum(sizes, 1)
    mean_squares = np.bincount(places, weights=squares, minlength=count) / filled
    far = squares[:, None] + mean_squares - 2 * points @ (sums / filled[:, None]).T
    far[:, sizes == 0] = np.inf
    rows, own = np.arange(len(points)), sizes[places]
    a = np.maximum(far[rows, places], 0) * own / np.maximum(own - 1, 1)
    far[rows, places] = np.inf
    b = np.maximum(far.min(axis=1), 0)
    larger = np.maximum(a, b)
    told = np.where((own > 1) & (larger > 0), (b - a) / np.where(larger > 0, larger, 1), 0)
    return float(told.mean())


def chosen(scores: Mapping[int, float]) -> int:
    """The number of clusters with the best silhouette; of equals the smallest."""
    return min(scores, key=lambda count: (-round(scores[count], 6), count))


def live_clusters(levels: Levels, numbers: Sequence[int]) -> TrackClusters:
    """The upper level as the streaming job takes it, cluster i of `levels` under `numbers[i]`. `version` is left empty.

    A number below the largest that no cluster has is NOWHERE.
    """
    centroids = [NOWHERE] * (max(numbers) + 1)
    for number, centroid in zip(numbers, levels.top.centroids.tolist(), strict=True):
        centroids[number] = tuple(centroid)
    return TrackClusters(
        version="",
        features=FEATURES,
        means=tuple(levels.means.tolist()),
        deviations=tuple(levels.deviations.tolist()),
        centroids=tuple(centroids),
    )


def to_file(clusters: TrackClusters) -> bytes:
    """As the version folder keeps them; the version's name is not known before its files are, so it is not in it."""
    return json.dumps(asdict(replace(clusters, version=""))).encode()


def from_file(content: bytes, version: str) -> TrackClusters:
    """The inverse, with the version's name filled in. Raises MalformedRecord."""
    return replace(clusters_from_value(content), version=version)


def _grouped(points: Float64, counts: range, seed: int) -> Grouping:
    """The clusters of the number among `counts` that the silhouette chooses; fewer where fewer points differ."""
    some = points
    if len(points) > SAMPLE:
        some = points[np.sort(np.random.default_rng(seed).permutation(len(points))[:SAMPLE])]
    different = len(np.unique(some, axis=0))
    fits: dict[int, Float64] = {}
    scores: dict[int, float] = {}
    for count in sorted({min(each, different) for each in counts}):
        fits[count] = _centroids(some, count, seed)
        scores[count] = silhouette(some, nearest(some, fits[count]), count)
    best = chosen(scores)
    centroids = fits[best] if some is points else _centroids(points, best, seed)
    sizes = np.bincount(nearest(points, centroids), minlength=len(centroids))
    return Grouping(centroids=centroids[np.argsort(-sizes, kind="stable")], scores=scores)


def _centroids(points: Float64, count: int, seed: int) -> Float64:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - a second and a half, which readers of a version need not wait

    with threadpool_limits(limits=1):
        fitted = KMeans(count, n_init=STARTS, max_iter=SWEEPS, tol=0, random_state=seed).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)
