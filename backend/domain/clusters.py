"""Clusters of tracks by how they sound."""

from dataclasses import dataclass

MOST_CLUSTERS = 16
"""Clusters that a version has at most: so many centroids streaming/jobs/track_clusters.sql looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackClusters:
    """Where the clusters of one model version lie; a track belongs to the nearest.

    `features` names the axes (fields of AudioFeatures, in their order), n of them; `means` and `deviations` (n,) take a
    track's features to the centroids' space, (feature - mean) / deviation; `centroids` is (clusters, n).
    """

    version: str
    features: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
