"""The play archive as Spark frames: the rows that `data.archive` keeps, numbered and counted by the executors."""

from collections.abc import Collection
from typing import Any

from backend.domain.plays import is_silent, is_skip
from training.data.exclusions import Withheld

NOTHING = Withheld()


def allowed(plays: Any, withheld: Withheld = NOTHING) -> Any:
    """Positive plays with the training right, each event id once, as `data.archive.read_archive` counts.

    Without those of listeners and tracks that are withheld.
    """
    from pyspark.sql import functions as sql  # noqa: PLC0415  # see spark_session

    heard, length = (sql.coalesce(name, sql.lit(0)) for name in ("milliseconds_played", "track_milliseconds"))
    unique = plays.where(sql.col("allow_training")).dropDuplicates(["event_id"])
    positive = unique.where(~is_skip(heard, length) & ~is_silent(heard, length))
    chosen = positive.select("listener_id", "track_id")
    chosen = _without(chosen, "listener_id", withheld.listeners)
    return _without(chosen, "track_id", withheld.tracks | withheld.of_artists)


def _without(plays: Any, column: str, ids: Collection[str]) -> Any:
    if not ids:
        return plays
    named = plays.sparkSession.createDataFrame([(one,) for one in sorted(ids)], f"{column} string")
    return plays.join(named, column, "left_anti")


def numbered(plays: Any, column: str) -> Any:
    """The ids in `column` as (id, number), numbers contiguous int32 from 0 in the order of the ids.

    Ids are sorted by ranges, so that no single task holds all of them; only the ranges' sizes come here.
    """
    from pyspark.sql import Window  # noqa: PLC0415  # see spark_session
    from pyspark.sql import functions as sql  # noqa: PLC0415

    ranges = plays.select(sql.col(column).alias("id")).distinct().repartitionByRange("id")
    # The cut points are drawn from a sample: without this a second pass could draw others.
    ranges = ranges.withColumn("part", sql.spark_partition_id()).localCheckpoint()
    sizes = {row["part"]: row["count"] for row in ranges.groupBy("part").count().collect()}
    before, firsts = 0, {}
    for part in sorted(sizes):
        firsts[part], before = before, before + sizes[part]
    place = sql.row_number().over(Window.partitionBy("part").orderBy("id")) - 1
    if not firsts:
        return ranges.select("id", sql.lit(0).cast("int").alias("number"))
    first = sql.create_map(*(sql.lit(each) for pair in firsts.items() for each in pair))[sql.col("part")]
    return ranges.select("id", (place + first).cast("int").alias("number"))


def counted(plays: Any, listeners: Any, tracks: Any) -> Any:
    """Plays summed by pair as (listener, track, plays), both numbered by `numbered`."""
    from pyspark.sql import functions as sql  # noqa: PLC0415  # see spark_session

    sums = plays.groupBy("listener_id", "track_id").agg(sql.count("*").alias("plays"))
    by_listener = listeners.select(sql.col("id").alias("listener_id"), sql.col("number").alias("listener"))
    by_track = tracks.select(sql.col("id").alias("track_id"), sql.col("number").alias("track"))
    return sums.join(by_listener, "listener_id").join(by_track, "track_id").select("listener", "track", "plays")


def with_confidence(pairs: Any) -> Any:
    """(listener, track, plays) with the confidence log1p(plays) instead of the plays."""
    from pyspark.sql import functions as sql  # noqa: PLC0415  # see spark_session

    return pairs.select("listener", "track", sql.log1p("plays").alias("confidence"))
