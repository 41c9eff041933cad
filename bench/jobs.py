"""Runs bounded jobs on a Flink cluster and takes their seconds, and what each vertex did, from its REST address."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backend.domain.errors import SegueError
from bench import bounded
from bench.topics import Topics
from streaming import gateway, render
from streaming.cluster import Cluster, root_cause
from streaming.spec import JobSpec

LONGEST_SECONDS = 1800.0
"""How long one job may run."""

_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """One vertex of a job graph; times are sums over its subtasks, in milliseconds."""

    name: str
    parallelism: int
    busy_ms: float
    back_pressured_ms: float
    idle_ms: float
    records_in: int
    records_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job that ended well: seconds from RUNNING to FINISHED, by Flink's own clock, and its vertices."""

    seconds: float
    vertices: tuple[Vertex, ...]


class JobBench:
    """Runs jobs of `spec` one after another on the cluster; what they write beside topics lies in `folder`."""

    def __init__(self, cluster: Cluster, spec: JobSpec, topics: Topics, *, folder: Path) -> None:
        self._cluster = cluster
        self._spec = spec
        self._topics = topics
        self._folder = folder.absolute()
        self._count = 0

    def run(self, make: bounded.Make, *, keep: str = "") -> Finished:
        """Run the job to its end and take away what it wrote; its result topics stay where `keep` names their prefix.

        Raises SegueError where the job fails or does not end, Unavailable where the cluster does not answer.
        """
        self._count += 1
        prefix = keep or f"bench-{self._count}"
        folder = self._folder / prefix
        spec = replace(self._spec, archive=(folder / "archive").as_uri())
        job = make(spec, prefix)
        self._topics.make(job.topics)
        try:
            options = bounded.options(spec, name=prefix, checkpoints=(folder / "checkpoints").as_uri())
            job_id = gateway.run(self._cluster, render.script(options, job.definitions, job.inserts))
            return self._await(job_id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if not keep:
                self._topics.delete(job.topics)

    def _await(self, job_id: str) -> Finished:
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            found = self._cluster.request(f"/jobs/{job_id}")
            if found["state"] == "FINISHED":
                return finished(found)
            if found["state"] not in ("INITIALIZING", "CREATED", "RUNNING", "RECONCILING"):
                why = self._cluster.request(f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
                cause = root_cause(str(why[0]["stacktrace"])) if why else "Flink does not say why"
                raise SegueError(f"the measured job is {found['state']}: {cause}; see its vertices' logs")
            time.sleep(_LOOK_SECONDS)
        raise SegueError(f"the measured job did not end within {LONGEST_SECONDS:.0f} s; use fewer --plays")


def finished(job: Mapping[str, Any]) -> Finished:
    """Flink's answer to /jobs/ID for a finished job."""
    stamps = job["timestamps"]
    return Finished(
        seconds=(stamps["FINISHED"] - stamps["RUNNING"]) / 1000,
        vertices=tuple(_vertex(one) for one in job["vertices"]),
    )


def _vertex(one: Mapping[str, Any]) -> Vertex:
    metrics = one["metrics"]
    return Vertex(
        name=one["name"],
        parallelism=one["parallelism"],
        busy_ms=_number(metrics["accumulated-busy-time"]),
        back_pressured_ms=_number(metrics["accumulated-backpressured-time"]),
        idle_ms=_number(metrics["accumulated-idle-time"]),
        records_in=metrics["read-records"],
        records_out=metrics["write-records"],
    )


def _number(value: object) -> float:
    """Flink writes what it did not measure as "NaN"."""
    return float(value) if isinstance(value, int | float) else 0.0
