"""Factors and clusters of an archive that no single machine reads: `python -m training.spark_job FOLDER`.

Archive, Spark master and bounds of the clusters' number come from the settings. Everything is read and written by the
executors, so FOLDER and the features' Parquet lie on a file system that all of them share.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from backend.files import write_whole
from backend.settings import Settings
from training import wiring
from training.content.clusters import FILE, live_clusters, to_file
from training.content.spark_clusters import spark_levels
from training.engines.spark import SparkTrainer
from training.engines.spark_session import spark_session
from training.engines.trainer import AlsSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Write listener_factors and track_factors, and clusters.json where features are given, into the folder."""
    parser = argparse.ArgumentParser(prog="spark_job", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write; must not hold factors yet")
    parser.add_argument("--features", help="URL of a Parquet table of tracks with the nine audio features")
    parser.add_argument("--seed", type=int, default=0)
    for name, default in asdict(AlsSettings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    told = parser.parse_args(arguments)
    settings = Settings()
    als = AlsSettings(**{name: getattr(told, name) for name in asdict(AlsSettings())})
    with spark_session(settings.spark_master) as session:
        told.folder.mkdir(parents=True, exist_ok=True)
        SparkTrainer(session).fit_archive(
            settings.archive, told.folder, settings=als, seed=told.seed, withheld=wiring.withheld(settings)
        )
        if told.features is None:
            return
        found = spark_levels(session.read.parquet(told.features), wiring.bounds(settings), seed=told.seed)
        if found is not None:
            clusters = live_clusters(found, range(len(found.top.centroids)))
            write_whole(told.folder / FILE, to_file(clusters))


if __name__ == "__main__":
    main()
