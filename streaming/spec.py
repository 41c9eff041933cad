"""What a Flink job of Segue's is told: whose it is, where its tables stand, and the numbers it counts by."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from streaming.live_jobs import LiveJob

Choice = int | float | str
"""What an operator chooses for a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One job as far as settings decide it; fields are named as the settings that they come from.

    `job` says which of the live jobs it is. `archive` and `checkpoints` are URLs, `kafka_login` is how
    Kafka is entered (kafka_login.py). `flink_state` is where the job's state is kept, "heap" or "rocksdb". Then come
    numbers: they, `flink_state`, the tenant and the SQL files are what tells one job from another (`render.digest`).
    """

    job: LiveJob
    tenant: str
    kafka_servers: str
    kafka_login: tuple[tuple[str, str], ...] = ()
    archive: str
    checkpoints: str
    flink_state: str
    parallelism: int
    refresh_seconds: int
    checkpoint_seconds: int
    lateness_minutes: int
    idle_seconds: int
    state_days: int
    chart_step_hours: int
    session_minutes: int
    popularity_ranks: int
    popularity_listeners: int
    trend_ranks: int
    trend_listeners: int
    anomaly_hours: int
    anomaly_plays: int
    anomaly_z: float
    farm_plays_per_listener: float

    @property
    def name(self) -> str:
        """The job's name on the cluster."""
        return self.job.on_cluster(self.tenant)

    @property
    def subtasks(self) -> int:
        """How many of each operator of this job run beside each other."""
        return self.job.subtasks(self.parallelism)

    @property
    def interval_seconds(self) -> int:
        """The time between two checkpoints of this job."""
        return self.job.checkpoint_seconds(self.checkpoint_seconds)

    def of(self, job: LiveJob) -> Self:
        """The same settings for another of the live jobs."""
        return replace(self, job=job)

    @property
    def choices(self) -> Mapping[str, Choice]:
        """`flink_state` and every number: thresholds, spans, parallelism; never an address or a folder."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value for name, value in values.items() if isinstance(value, int | float) or name == "flink_state"
        }

    def with_choices(self, choices: Mapping[str, Choice]) -> Self:
        """The same with these of its choices; names that are none of its own are passed over."""
        own: dict[str, Any] = {name: value for name, value in choices.items() if name in self.choices}
        return replace(self, **own)

    def anywhere(self) -> Self:
        """The same without where things stand and how they are entered: a broker on another port changes no SQL."""
        return replace(self, kafka_servers="", kafka_login=(), archive="file:///", checkpoints="")
