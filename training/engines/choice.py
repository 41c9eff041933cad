"""The engine that the settings name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from training.engines.local import LocalTrainer
from training.engines.spark import SparkTrainer
from training.engines.spark_session import spark_session
from training.engines.trainer import Trainer


@contextmanager
def chosen_trainer(engine: str, *, spark_master: str, threads: int | None) -> Iterator[Trainer]:
    """`engine` "local" with `threads` (default: every core), or "spark" for as long as the block runs.

    Raises Unavailable where Spark does not start.
    """
    if engine == "local":
        yield LocalTrainer(threads=threads or os.cpu_count() or 1)
        return
    with spark_session(spark_master) as session:
        yield SparkTrainer(session)
