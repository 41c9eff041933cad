"""Clusters of tracks by audio features on Spark MLlib: what `content.clusters` finds, for more tracks than fit it."""

from functools import reduce
from operator import and_
from typing import Any

import numpy as np

from backend.domain.clusters import TrackClusters
from training.content.clusters import FEATURES, LEAST_DEVIATION, LEAST_TRACKS, TRACKS_PER_CLUSTER


def spark_clusters(tracks: Any, *, clusters: int, seed: int) -> TrackClusters | None:
    """K-means of the frame `tracks`, which has the columns FEATURES; sizes, limits and result as in `fit_clusters`.

    Rows with a feature that is missing or no finite number are left out. The largest cluster is 0. None with fewer than
    LEAST_TRACKS rows.
    """
    from pyspark.ml.clustering import KMeans  # noqa: PLC0415  # see spark_session
    from pyspark.ml.feature import VectorAssembler  # noqa: PLC0415
    from pyspark.sql import functions as sql  # noqa: PLC0415

    columns = [sql.col(name).cast("double").alias(name) for name in FEATURES]
    finite = [sql.abs(sql.col(name)) < float("inf") for name in FEATURES]
    kept = tracks.select(*columns).where(reduce(and_, finite)).persist()
    try:
        moments = [each(name) for each in (sql.mean, sql.stddev_pop) for name in FEATURES]
        count, *told = kept.agg(sql.count("*"), *moments).first()
        if count < LEAST_TRACKS:
            return None
        means = np.array(told[: len(FEATURES)])
        deviations = np.maximum(told[len(FEATURES) :], LEAST_DEVIATION)
        places = zip(FEATURES, means.tolist(), deviations.tolist(), strict=True)
        standard = kept.select(*(((sql.col(name) - mean) / deviation).alias(name) for name, mean, deviation in places))
        points = VectorAssembler(inputCols=standard.columns, outputCol="features").transform(standard)
        count = max(2, min(clusters, count // TRACKS_PER_CLUSTER))
        model = KMeans(k=count, seed=seed, maxIter=100).fit(points.select("features"))
        order = np.argsort(-np.array(model.summary.clusterSizes), kind="stable")
        centroids = np.array(model.clusterCenters())[order]
    finally:
        kept.unpersist()
    return TrackClusters(
        version="",
        features=FEATURES,
        means=tuple(means.tolist()),
        deviations=tuple(deviations.tolist()),
        centroids=tuple(tuple(row) for row in centroids.tolist()),
    )
