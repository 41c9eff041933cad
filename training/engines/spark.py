"""Implicit ALS on Spark MLlib, for what does not fit one machine; see docs/adr/0007-training-engines.md.

MLlib weighs an unobserved pair by 1 and a row's regularisation by its number of entries. So confidences go in divided
by the unobserved weight, and λ is set for the listener with the median number of tracks: the exponent of
`AlsSettings.frequency_power` is always 1 here, without offset.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.domain.errors import InvalidInput, Violation
from backend.ranking.foldin import FoldIn
from training.data.dataset import Float32, Interactions
from training.data.exclusions import Withheld
from training.engines import spark_archive
from training.engines.trainer import AlsSettings, Earlier, Factors, gram

LISTENER_FACTORS, TRACK_FACTORS = "listener_factors", "track_factors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """The weights of one fit, in the terms of `backend.ranking.foldin.FoldIn`."""

    unobserved_weight: float
    regularization: float

    def fold_in(self, tracks: Float32) -> FoldIn:
        """For the track factors (tracks, dimension)."""
        return FoldIn(
            gram=gram(tracks),
            unobserved_weight=self.unobserved_weight,
            regularization=self.regularization,
            confidence_scale=1.0,
            frequency_offset=0.0,
            frequency_power=1.0,
        )


class SparkTrainer:
    """Implicit ALS by the executors of `session`, whoever started it."""

    name = "spark"

    def __init__(self, session: Any) -> None:
        self._session = session

    @property
    def session(self) -> Any:
        """For other work on the same executors."""
        return self._session

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int, earlier: Earlier | None = None) -> Factors:
        """As the contract says; MLlib cannot begin from `earlier`."""
        if len(pairs) == 0:
            raise nothing_to_learn()
        table = pa.table({"listener": pairs.listeners, "track": pairs.tracks, "plays": pairs.plays})
        with cached(spark_archive.with_confidence(self._session.createDataFrame(table))) as frame:
            penalty = penalty_of(frame, settings)
            model = als(frame, penalty, settings, seed)
            listeners = collected(model.userFactors, len(pairs.listener_ids), settings.dimension)
            tracks = collected(model.itemFactors, len(pairs.track_ids), settings.dimension)
        return Factors(listeners=listeners, tracks=tracks, fold_in=penalty.fold_in(tracks))

    def fit_archive(
        self,
        url: str,
        folder: Path,
        *,
        settings: AlsSettings,
        seed: int,
        withheld: Withheld = spark_archive.NOTHING,
    ) -> FoldIn:
        """Learn from the play archive at `url` and write the factors as Parquet, without a play in this process.

        Counted are the plays of `training.data.archive.read_archive` but those of `withheld`. `folder`/listener_factors
        and …/track_factors get the columns id, number (from 0, in the order of the ids) and features (dimension) of
        every listener and track; the result folds in others. On a cluster, `folder` is on a file system that all
        executors share. Raises InvalidInput where no play may be learned from.
        """
        plays = spark_archive.allowed(self._session.read.parquet(_hadoop(url)), withheld)
        with cached(plays) as plays:
            listeners = spark_archive.numbered(plays, "listener_id")
            tracks = spark_archive.numbered(plays, "track_id")
            with cached(listeners) as listeners, cached(tracks) as tracks:
                counted = spark_archive.counted(plays, listeners, tracks)
                with cached(spark_archive.with_confidence(counted)) as frame:
                    if frame.isEmpty():
                        raise nothing_to_learn()
                    penalty = penalty_of(frame, settings)
                    model = als(frame, penalty, settings, seed)
                    for numbers, factors, name in (
                        (listeners, model.userFactors, LISTENER_FACTORS),
                        (tracks, model.itemFactors, TRACK_FACTORS),
                    ):
                        named = numbers.join(factors.withColumnRenamed("id", "number"), "number")
                        named.select("id", "number", "features").sort("number").write.parquet(str(folder / name))
        return penalty.fold_in(read_factors(folder / TRACK_FACTORS)[1])


def read_factors(folder: Path) -> tuple[list[str], Float32]:
    """Ids in the order of their numbers, and factors (ids, dimension), as `fit_archive` wrote them."""
    table = pq.read_table(folder).sort_by("number")
    return table["id"].to_pylist(), _matrix(table["features"])


def als(frame: Any, penalty: Penalty, settings: AlsSettings, seed: int) -> Any:
    """MLlib's model of `frame` (listener, track, confidence)."""
    from pyspark.ml.recommendation import ALS  # noqa: PLC0415  # see spark_session
    from pyspark.sql import functions as sql  # noqa: PLC0415

    engine = ALS(
        rank=settings.dimension,
        maxIter=settings.sweeps,
        regParam=penalty.regularization / penalty.unobserved_weight,
        implicitPrefs=True,
        alpha=1.0,
        userCol="listener",
        itemCol="track",
        ratingCol="rating",
        seed=seed,
        numUserBlocks=_blocks(frame),
        numItemBlocks=_blocks(frame),
        checkpointInterval=-1,
    )
    rating = sql.col("confidence") / penalty.unobserved_weight
    return engine.fit(frame.select("listener", "track", rating.cast("float").alias("rating")))


def penalty_of(frame: Any, settings: AlsSettings) -> Penalty:
    """The settings' shares as weights for `frame`, as `training.engines.trainer.weights` has them for a matrix.

    MLlib multiplies λ by a row's entries, which differ far more among tracks than among listeners. λ is set for a row
    of as many as the geometric mean of the median listener's tracks and the listeners of an average pair's track; set
    for listeners alone it drives the factors of popular tracks to zero (ADR 7).
    """
    from pyspark.sql import functions as sql  # noqa: PLC0415  # see spark_session

    by_listener = frame.groupBy("listener").agg(sql.sum("confidence").alias("mass"), sql.count("*").alias("tracks"))
    row = by_listener.agg(
        sql.sum("mass").alias("mass"),
        sql.count("*").alias("listeners"),
        sql.median("mass").alias("median_mass"),
        sql.median("tracks").alias("median_tracks"),
    ).first()
    by_track = frame.groupBy("track").agg(sql.count("*").alias("listeners"))
    tracks = by_track.agg(
        sql.count("*").alias("met"), (sql.sum(sql.pow("listeners", 2)) / sql.sum("listeners")).alias("usual_listeners")
    ).first()
    entries = math.sqrt(row["median_tracks"] * tracks["usual_listeners"])
    return Penalty(
        unobserved_weight=settings.unobserved_mass * row["mass"] / (row["listeners"] * tracks["met"]),
        regularization=settings.regularization * row["median_mass"] / entries,
    )


def collected(factors: Any, count: int, dimension: int) -> Float32:
    """MLlib's factors (id, features) as (count, dimension) by id; an id without entries has zeros."""
    table = factors.toArrow()
    matrix = np.zeros((count, dimension), dtype=np.float32)
    matrix[table["id"].to_numpy()] = _matrix(table["features"])
    return matrix


def nothing_to_learn() -> InvalidInput:
    """What an engine says to an empty table."""
    return InvalidInput([Violation("interactions", "there is no play to learn from: ingest plays first")])


class cached:  # noqa: N801  # reads as a verb: with cached(frame) as frame
    """A frame kept by the executors while the block runs."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __enter__(self) -> Any:
        return self._frame.persist()

    def __exit__(self, *_: object) -> None:
        self._frame.unpersist()


def _hadoop(url: str) -> str:
    # Hadoop's client of S3 goes by another scheme than everybody else's.
    return url.replace("s3://", "s3a://", 1) if url.startswith("s3://") else url


def _blocks(frame: Any) -> int:
    # Blocks beyond the cores cost shuffles; MLlib's ten serve a cluster.
    return max(1, math.ceil(int(frame.sparkSession.sparkContext.defaultParallelism)))


def _matrix(features: Any) -> Float32:
    joined = features.combine_chunks()
    flat: Float32 = joined.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    return flat.reshape(len(joined), -1) if len(joined) else flat.reshape(0, 0)
