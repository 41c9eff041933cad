"""The engine that the settings name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from backend.settings import Settings
from training.engines.local import LocalTrainer
from training.engines.spark import SparkTrainer
from training.engines.spark_session import spark_session
from training.engines.trainer import Trainer


@contextmanager
def chosen_trainer(settings: Settings, *, threads: int | None) -> Iterator[Trainer]:
    """`training_engine`: the local one with `threads` (default: every core), or Spark for as long as the block runs.

    Raises Unavailable where Spark does not start.
    """
    if settings.training_engine == "local":
        yield LocalTrainer(threads=threads or os.cpu_count() or 1)
        return
    with spark_session(settings.spark_master) as session:
        yield SparkTrainer(session)
