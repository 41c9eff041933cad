"""What a Flink job of Segue's is told: whose it is, where its tables stand, and the numbers it counts by."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

Choice = int | float | str
"""What an operator chooses for a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One job as far as settings decide it; fields are named as the settings that they come from.

    `archive` and `checkpoints` are URLs, `kafka_login` is how Kafka is entered (kafka_login.py). `flink_state` is where
    the live job's state is kept, "heap" or "rocksdb". Then come numbers: they, `flink_state`, the tenant and the SQL
    files are what tells one job from another (`render.digest`).
    """

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
