"""From settings to the values that streaming's steps take. Entry points call these; nothing else here sees settings."""

from collections.abc import Mapping
from dataclasses import fields

from backend.settings import Settings
from streaming.cluster import Cluster
from streaming.site import Site
from streaming.spec import JobSpec


def job_spec(settings: Settings) -> JobSpec:
    """What these settings tell a job."""
    return JobSpec(**{one.name: getattr(settings, one.name) for one in fields(JobSpec)})


def cluster(settings: Settings, *, environment: Mapping[str, str] | None = None) -> Cluster:
    """The cluster at `flink_url`; `environment` is added to this process's for Flink's SQL client."""
    return Cluster(settings.flink_url, environment or {})


def site(settings: Settings, *, environment: Mapping[str, str] | None = None) -> Site:
    """That cluster, this home, and the plans in the cache."""
    return Site(
        cluster=cluster(settings, environment=environment),
        home=settings.home,
        plans=settings.cache.absolute() / "plans",
    )
