"""Every setting, its default and its purpose. Flag > environment (SEGUE_…) > segue.toml > running stack > default.

The URL's scheme picks the technology, so the same code runs on one machine and on clusters.
"""

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

ENDPOINTS_FILE = "endpoints.json"
"""Where a running embedded stack writes the URLs of its parts, inside `home`."""


def cache_folder() -> Path:
    """What can be fetched or computed again: $SEGUE_CACHE, else $XDG_CACHE_HOME/segue, else ~/.cache/segue."""
    if own := os.environ.get("SEGUE_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segue"


class _StackSource(PydanticBaseSettingsSource):
    """URLs of the embedded stack that runs (or last ran) in `home`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        home = Path(self.current_state.get("home") or Settings.model_fields["home"].default)
        file = home / ENDPOINTS_FILE
        return json.loads(file.read_text()) if file.exists() else {}


class Settings(BaseSettings):
    """The settings of one Segue."""

    model_config = SettingsConfigDict(env_prefix="SEGUE_", toml_file="segue.toml", extra="forbid", frozen=True)

    home: Path = Field(Path(".segue"), description="Folder for state, logs, tokens and the embedded parts' data.")
    cache: Path = Field(
        default_factory=cache_folder,
        description="Folder for what can be made again: Java archives, exported encoder, embeddings of known texts "
        "(default: ~/.cache/segue).",
    )
    tenant: str = Field(
        "segue",
        pattern="^[a-z][a-z0-9-]{0,30}$",
        description="Starts the name of every topic, database, index and folder, so that tenants share clusters.",
    )
    kafka_servers: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma-separated.")
    kafka_partitions: int = Field(4, ge=1, description="Partitions of topics that Segue creates.")
    kafka_replication: int = Field(1, ge=1, description="Replicas of topics that Segue creates; 3 on a cluster.")
    store_url: str = Field("mongodb://127.0.0.1:27017", description="MongoDB URL.")
    flink_url: str = Field("http://127.0.0.1:8081", description="Flink REST address of a session cluster.")
    vectors_url: str = Field(
        "", description="Vector index: file:///folder (default: home/vectors) or pinecone://index."
    )
    models_url: str = Field(
        "",
        description="Published models: file:///folder (default: home/models) or s3://bucket/folder. What leads "
        "to s3:// comes from the environment, as for every client of it: AWS_ENDPOINT_URL, AWS_REGION, "
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (or ~/.aws, or the machine's role).",
    )
    archive_url: str = Field(
        "",
        description="Play archive: file:///folder (default: home/archive) or s3://bucket/folder, which Flink must be "
        "able to write to (docs/architecture.md).",
    )
    checkpoints_url: str = Field(
        "", description="Flink checkpoints: file:///folder (default: home/checkpoints), s3://…"
    )
    encoder_folder: Path | None = Field(None, description="Exported text encoder (default: cache/encoder).")
    pinecone_api_key: SecretStr | None = Field(None, description="Needed with pinecone://.")

    server_address: str = Field("127.0.0.1:50051", description="Where the gRPC server listens, and where clients look.")
    server_workers: int = Field(16, ge=1, description="RPC threads; one more call may wait, others are shed.")
    server_reflection: bool = Field(False, description="Serve gRPC reflection.")
    tls_certificate: Path | None = Field(None, description="PEM chain; needed to listen beyond loopback.")
    tls_key: Path | None = Field(None, description="PEM key of the certificate.")
    token: SecretStr | None = Field(None, description="The client's token (default: read from home/tokens).")
    dashboard_address: str = Field("127.0.0.1:8501", description="Where the dashboard listens, on loopback.")

    sink_metrics_address: str = Field(
        "127.0.0.1:9464",
        description='Where, on loopback, the sink answers GET /metrics (Prometheus) to whoever asks; "" for nowhere.',
    )

    parallelism: int = Field(2, ge=1, description="Parallelism of the Flink jobs.")
    flink_heap_megabytes: int = Field(
        1536, ge=256, description="Heap of the embedded Flink's tasks; jobs keep their state on it."
    )
    refresh_seconds: int = Field(5, ge=1, le=60, description="Open hours are refreshed at least this often.")
    checkpoint_seconds: int = Field(10, ge=1, description="Time between Flink checkpoints; the archive grows at each.")
    lateness_minutes: int = Field(10, ge=0, description="How long an hour's window waits for late plays.")
    idle_seconds: int = Field(
        60, ge=1, description="Silence of a topic's partition after which windows no longer wait for it."
    )
    state_days: int = Field(35, ge=1, description="How long jobs remember event ids and open hours.")
    chart_step_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24] = Field(
        3, description="Hours between one 24-hour chart (and trend list) and the next; each costs work for every track."
    )
    session_minutes: int = Field(30, ge=1, description="Silence that ends a listener's session.")
    popularity_ranks: int = Field(500, ge=1, description="Places of the popularity charts.")
    popularity_listeners: int = Field(2, ge=1, description="Distinct listeners before an item enters a chart.")
    trend_ranks: int = Field(20, ge=1, description="Tracks ranked in each hour's trends.")
    trend_listeners: int = Field(5, ge=1, description="Distinct listeners in 24 h before a track can be a trend.")
    anomaly_hours: int = Field(24, ge=1, description="Hours of an artist's past before its hours are judged.")
    anomaly_plays: int = Field(30, ge=1, description="Plays (or expected plays) in an hour before it can be odd.")
    anomaly_z: float = Field(6.0, gt=0, description="Standard deviations from the baseline that make an hour odd.")
    farm_plays_per_listener: float = Field(
        10.0, gt=1, description="Plays per listener and hour from which a surge is a stream farm."
    )
    keep_models: int = Field(5, ge=2, description="Published model versions kept by `segue models prune`.")
    training_engine: Literal["local", "spark"] = Field(
        "local", description="What learns the factors: this process, or Spark (MLlib) at spark_master."
    )
    spark_master: str = Field("local[*]", description="Spark master for training_engine = spark: local[*], spark://…")
    training_warm_start: bool = Field(
        False, description="Begin a training from the factors that serve: faster, no longer from the archive alone."
    )
    training_label_weight: float = Field(
        1.0, ge=0, description="How much a track's tags and artists tell of it beside its listeners; 0: nothing."
    )
    clusters: int = Field(12, ge=2, le=16, description="Clusters of tracks by sound; fewer for a small catalogue.")
    training_day_plays: int = Field(
        500, ge=0, description="More positive plays on one day: training leaves the listener out; 0: never."
    )
    training_day_repeats: int = Field(
        100, ge=0, description="More plays of one track on one day: training leaves the listener out; 0: never."
    )
    training_left_out_listeners: Path | None = Field(
        None, description="File with one listener id a line whom training leaves out."
    )
    training_listener_plays: int = Field(
        20_000, ge=0, description="Newest plays of each listener that training reads; 0: all."
    )
    training_track_plays: int = Field(
        1_000_000, ge=0, description="Newest plays of each track that training reads; 0: all."
    )
    mlflow_url: str = Field("", description="MLflow tracking server that trainings are logged to (empty: none).")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flag > environment > segue.toml > running stack."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls), _StackSource(settings_cls)

    @property
    def vectors(self) -> str:
        """The vector index's URL, the default filled in."""
        return self.vectors_url or (self.home / "vectors").absolute().as_uri()

    @property
    def models(self) -> str:
        """The model repository's URL, the default filled in."""
        return self.models_url or (self.home / "models").absolute().as_uri()

    @property
    def archive(self) -> str:
        """The play archive's URL, the default filled in."""
        return self.archive_url or (self.home / "archive").absolute().as_uri()

    @property
    def checkpoints(self) -> str:
        """Where Flink keeps its checkpoints, the default filled in."""
        return self.checkpoints_url or (self.home / "checkpoints").absolute().as_uri()

    @property
    def encoder(self) -> Path:
        """The exported text encoder's folder, the default filled in."""
        return self.encoder_folder or self.cache / "encoder"

    @property
    def tokens(self) -> Path:
        """The folder of token files."""
        return self.home / "tokens"
