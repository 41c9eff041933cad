"""From settings to the values that streaming's steps take. Entry points call these; nothing else here sees settings."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from urllib.parse import urlsplit

from backend import wiring
from backend.listening import is_loopback
from backend.ports.event_log import EventLog
from backend.ports.store import Store
from backend.rewriting import STORE_FILE
from backend.settings import Settings
from streaming import kafka_login
from streaming.cluster import Cluster
from streaming.ground import Ground
from streaming.live_jobs import TABLES, LiveJob
from streaming.site import Site
from streaming.spec import JobSpec


def job_spec(settings: Settings, job: LiveJob = TABLES) -> JobSpec:
    """What these settings tell a job. Raises InvalidInput where Flink could not log in at Kafka with them."""
    names = {one.name for one in fields(JobSpec)} - {"job", "kafka_login"}
    return JobSpec(job=job, kafka_login=_flink_login(settings), **{name: getattr(settings, name) for name in names})


def _flink_login(settings: Settings) -> kafka_login.Properties:
    here, there = settings.kafka_password_file, settings.flink_kafka_password_file
    login = wiring.kafka_login(settings)
    if login.has_user and here is not None and there is None:
        kafka_login.require_no_line_end(here)
        there = here.absolute()
    return kafka_login.properties(login, password_file=there, ca_file=settings.flink_kafka_ca_file)


def cluster(settings: Settings) -> Cluster:
    """The cluster at `flink_url`, and the gateway that submits to it."""
    return Cluster(settings.flink_url, settings.flink_sql_url)


@contextmanager
def ground(settings: Settings) -> Iterator[Ground]:
    """What passes over erasures work on, for as long as the block runs. Raises InvalidInput."""
    file = settings.home / STORE_FILE
    is_here = is_loopback(urlsplit(settings.store_url).hostname or "") and file.exists()
    with log_and_store(settings) as (event_log, store):
        yield Ground(
            event_log=event_log,
            store=store,
            site=site(settings),
            spec=job_spec(settings),
            store_file=file if is_here else None,
        )


def site(settings: Settings) -> Site:
    """That cluster, this home, and the plans in the cache."""
    return Site(
        cluster=cluster(settings),
        home=settings.home,
        plans=settings.cache.absolute() / "plans",
    )


@contextmanager
def log_and_store(settings: Settings) -> Iterator[tuple[EventLog, Store]]:
    """The event log and the store for as long as the block runs. Raises InvalidInput where a login is incomplete."""
    event_log = wiring.event_log(settings)
    try:
        with closing(wiring.store(settings)) as store:
            yield event_log, store
    finally:
        event_log.close(timeout_seconds=5)
