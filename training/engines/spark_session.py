"""Spark sessions for training: started when wanted, quiet, reachable from this machine only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from backend.domain.errors import Unavailable

DRIVER_MEMORY = "4g"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearAlgebra:
    """The Java classes that Spark's dense algebra runs on here: JNI… is a system library, Vector… and F2j… are Java."""

    blas: str
    lapack: str


@contextmanager
def spark_session(master: str) -> Iterator[Any]:
    """A session of its own on `master`, ended with its JVM's work; raises Unavailable where it does not start."""
    # PySpark takes a second to import and is wanted by few trainings.
    from pyspark.errors import PySparkRuntimeError  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    builder = (
        SparkSession.builder.master(master)
        .appName("segue-training")
        .config("spark.driver.memory", DRIVER_MEMORY)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", str(2 * (os.cpu_count() or 1)))
    )
    if master.startswith("local"):
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    try:
        session = builder.getOrCreate()
    except (PySparkRuntimeError, OSError) as error:
        raise Unavailable(
            f"Spark does not start on {master}: {error}; check spark_master, and Java 17 with `segue doctor`"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


def linear_algebra(session: Any) -> LinearAlgebra:
    """What the session's JVM has really loaded: the native libraries where they are found, else Java."""
    return LinearAlgebra(
        blas=_loaded(session, "dev.ludovic.netlib.blas", "BLAS"),
        lapack=_loaded(session, "dev.ludovic.netlib.lapack", "LAPACK"),
    )


def _loaded(session: Any, package: str, name: str) -> str:
    from py4j.protocol import Py4JJavaError  # noqa: PLC0415

    java = session.sparkContext._jvm
    try:
        instance = getattr(java, f"{package}.Native{name}").getInstance()
    except Py4JJavaError:
        # "Unable to load native implementation": MLlib then takes the Java one, too.
        instance = getattr(java, f"{package}.Java{name}").getInstance()
    return str(instance.getClass().getSimpleName())
