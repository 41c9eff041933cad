"""Clusters of tracks, and clusters within those, on Spark MLlib: as `content.clusters` finds them, of more tracks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa

from training.content.clusters import (
    FEATURES,
    LEAST_DEVIATION,
    LEAST_TRACKS,
    SAMPLE,
    SWEEPS,
    Bounds,
    Float64,
    Grouping,
    Levels,
    chosen,
)

SPACE = "point"
"""The column of standardised features."""
_RAW, _SCALED, _CLUSTER = "raw", "scaled", "cluster"


def find_levels_on(session: Any, table: Float64, bounds: Bounds, seed: int) -> Levels | None:
    """As `clusters.find_levels`, of the rows of `table` (tracks, 9)."""
    columns = dict(zip(FEATURES, np.ascontiguousarray(table.T), strict=True))
    return spark_levels(session.createDataFrame(pa.table(columns)), bounds, seed=seed)


def spark_levels(tracks: Any, bounds: Bounds, *, seed: int) -> Levels | None:
    """Both levels of the frame `tracks`, which has the columns FEATURES; bounds and result as in `find_levels`.

    Rows with a feature that is missing or no finite number are left out. None with fewer than LEAST_TRACKS rows.
    """
    from pyspark.sql import functions as sql  # noqa: PLC0415  # see spark_session

    columns = [sql.col(name).cast("double").alias(name) for name in FEATURES]
    finite = [sql.abs(sql.col(name)) < float("inf") for name in FEATURES]
    whole = tracks.select(*columns).where(reduce(and_, finite))
    with _kept(whole) as rows:
        count = rows.count()
        if count < LEAST_TRACKS:
            return None
        points, means, deviations = _standardised(rows, count)
        with _kept(points) as standard:
            top, model = _grouped(standard, bounds.above(count), count, seed)
            order = np.argsort(-np.array(model.summary.clusterSizes), kind="stable").tolist()
            within = [_within(model, standard, number, bounds, seed) for number in order]
    return Levels(means=means, deviations=deviations, top=top, within=within)


def _standardised(rows: Any, count: int) -> tuple[Any, Float64, Float64]:
    """The features in one column SPACE, with the means and deviations that they were standardised by.

    MLlib divides by the deviation of a sample; that of all, floored, is what the others of us divide by.
    """
    from pyspark.ml.feature import ElementwiseProduct, StandardScaler, VectorAssembler  # noqa: PLC0415
    from pyspark.ml.linalg import Vectors  # noqa: PLC0415

    assembled = VectorAssembler(inputCols=list(FEATURES), outputCol=_RAW).transform(rows)
    scaler = StandardScaler(inputCol=_RAW, outputCol=_SCALED, withMean=True, withStd=True).fit(assembled)
    sampled = scaler.std.toArray()
    deviations = np.maximum(sampled * np.sqrt((count - 1) / count), LEAST_DEVIATION)
    floored = ElementwiseProduct(
        scalingVec=Vectors.dense((sampled / deviations).tolist()), inputCol=_SCALED, outputCol=SPACE
    )
    return floored.transform(scaler.transform(assembled)).select(SPACE), scaler.mean.toArray(), deviations


def _within(model: Any, standard: Any, number: int, bounds: Bounds, seed: int) -> Grouping | None:
    """The clusters in one cluster of the model; None where it stays whole."""
    from pyspark.sql import functions as sql  # noqa: PLC0415

    with _kept(model.transform(standard).where(sql.col(_CLUSTER) == number).select(SPACE)) as members:
        count = members.count()
        counts = bounds.inside(count)
        grouping = _grouped(members, counts, count, seed)[0] if counts else None
    return grouping if grouping is not None and len(grouping.centroids) > 1 else None


def _grouped(points: Any, counts: range, rows: int, seed: int) -> tuple[Grouping, Any]:
    """The clusters of the number among `counts` that the silhouette chooses, the largest first; and their model."""
    from pyspark.ml.clustering import KMeans  # noqa: PLC0415
    from pyspark.ml.evaluation import ClusteringEvaluator  # noqa: PLC0415

    judge = ClusteringEvaluator(featuresCol=SPACE, predictionCol=_CLUSTER)  # squared distances, its default
    some = points if rows <= SAMPLE else points.sample(SAMPLE / rows, seed=seed)

    def fitted(frame: Any, count: int) -> Any:
        return KMeans(k=count, seed=seed, maxIter=SWEEPS, featuresCol=SPACE, predictionCol=_CLUSTER).fit(frame)

    scores: dict[int, float] = {}
    models: dict[int, Any] = {}
    for count in counts:
        model = fitted(some, count)
        found = len(model.clusterCenters())  # fewer where fewer points differ
        models[found] = model
        scores[found] = judge.evaluate(model.transform(some)) if found > 1 else 0.0
    best = chosen(scores)
    model = models[best] if some is points else fitted(points, best)
    order = np.argsort(-np.array(model.summary.clusterSizes), kind="stable")
    return Grouping(centroids=np.array(model.clusterCenters())[order], scores=scores), model


@contextmanager
def _kept(frame: Any) -> Iterator[Any]:
    kept = frame.persist()
    try:
        yield kept
    finally:
        kept.unpersist()
