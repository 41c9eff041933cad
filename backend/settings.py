"""Every setting, its default and its purpose. Flag > environment (SEGUE_…) > segue.toml > running stack > default.

The URL's scheme picks the technology, so the same code runs on one machine and on clusters.
"""

import os
import unicodedata
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from backend.files import noted

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
        return noted(home / ENDPOINTS_FILE)


class _FileSource(TomlConfigSettingsSource):
    """What segue.toml says, in which passwords are refused: such files are shown, copied and kept in repositories."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        try:
            super().__init__(settings_cls)
        except UnicodeDecodeError as error:
            raise TOMLDecodeError(f"TOML is in UTF-8, and this is not: {error}") from error

    def __call__(self) -> dict[str, Any]:
        told = super().__call__()
        text = "must not stand in segue.toml: name a file with {name}_file, or set SEGUE_{variable}"
        wrong = [
            InitErrorDetails(
                type=PydanticCustomError("password_in_file", text, {"name": name, "variable": name.upper()}),
                loc=(name,),
                input="",
            )
            for name in ("identity_secret", "kafka_password", "store_password")
            if name in told
        ]
        if wrong:
            raise ValidationError.from_exception_data("Settings", wrong)
        return told


class Settings(BaseSettings):
    """The settings of one Segue."""

    model_config = SettingsConfigDict(
        env_prefix="SEGUE_", toml_file="segue.toml", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(Path(".segue"), description="Folder for state, logs, tokens and the embedded parts' data.")
    cache: Path = Field(
        default_factory=cache_folder,
        description="Folder for what can be made again: Java archives, exported encoder, embeddings of known texts "
        "(default: ~/.cache/segue).",
    )
    disk_reserve_megabytes: int = Field(
        1_000,
        ge=0,
        description="No plays, feedback or catalogue are taken while a disk of the embedded parts has less than this "
        "left (where nothing is set, at most a tenth of the disk); 0: taken until it is full.",
    )
    identity_secret: SecretStr | None = Field(
        None,
        description="What listeners' ids are kept by in the store: at least 32 characters of chance, the same for "
        "every server, in the environment only (SEGUE_IDENTITY_SECRET).",
    )
    identity_secret_file: Path | None = Field(
        None,
        description="Or the file that holds it and nothing else (default: home/identity/secret, made where it is "
        "missing).",
    )
    erasure_hours: int = Field(
        24,
        ge=1,
        le=8_784,
        description="Within so many hours an erased listener is gone from log, archive, tables and models.",
    )
    retention_events_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="How long the log keeps plays and feedback; 0: for ever, because everything else is computed from "
        "them and can be again.",
    )
    retention_archive_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="How long the play archive keeps a day; 0: for ever, because models learn from old plays, too, and "
        "training_listener_plays bounds how many.",
    )
    retention_letters_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="How long dead letters are kept, in their topic and in the store: long enough to find out what was "
        "wrong, no longer, as they hold what was sent; 0: for ever.",
    )
    retention_listener_days: int = Field(
        400,
        ge=0,
        le=36_500,
        description="How long what each listener did on a day is kept (listener_activity, in its topic and in the "
        "store): a year and a month, so that a month can be compared with that of a year before; 0: for ever.",
    )
    retention_tables_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="How long the other tables keep rows of a window; 0: for ever, because they tell of artists and "
        "tracks, and of listeners only how many.",
    )
    retention_extracts_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="How long an extract of `segue export` is kept where it was written: a copy that nobody refreshes "
        "is soon wrong, and whom it holds may have been erased; 0: for ever.",
    )
    retention_receipts_days: int = Field(
        1096,
        ge=0,
        le=36_500,
        description="How long receipts of erasures, which name nobody, are kept: three years, the usual time for "
        "claims; 0: for ever.",
    )
    tenant: str = Field(
        "segue",
        pattern="^[a-z][a-z0-9-]{0,30}$",
        description="Starts the name of every topic, database, index and folder, so that tenants share clusters.",
    )
    kafka_servers: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma-separated.")
    kafka_partitions: int = Field(4, ge=1, description="Partitions of topics that Segue creates.")
    kafka_replication: int = Field(1, ge=1, description="Replicas of topics that Segue creates; 3 on a cluster.")
    kafka_security_protocol: Literal["plaintext", "sasl_plaintext", "sasl_ssl", "ssl"] = Field(
        "plaintext", description="How Kafka is entered: sasl_… with a login, …ssl encrypted."
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="How the login is shown to Kafka."
    )
    kafka_user: str = Field(
        "", pattern=r'^[^"\\$]*$', description="Who logs in at Kafka, needed with sasl_plaintext and sasl_ssl."
    )
    kafka_password: SecretStr | None = Field(
        None, description="That user's password, in the environment only (SEGUE_KAFKA_PASSWORD)."
    )
    kafka_password_file: Path | None = Field(
        None, description="Or the file that holds it and nothing else, for Flink's sake not even a line end."
    )
    kafka_ca_file: Path | None = Field(
        None, description="PEM file that the brokers' certificates are signed by (default: what the machine trusts)."
    )
    flink_kafka_password_file: Path | None = Field(
        None,
        description="Where Flink's machines hold the password's file, which they read themselves (default: where "
        "kafka_password_file says).",
    )
    flink_kafka_ca_file: Path | None = Field(
        None, description="Where Flink's machines hold the PEM file (default: where kafka_ca_file says)."
    )
    store_url: str = Field(
        "mongodb://127.0.0.1:27017",
        repr=False,
        description="MongoDB URL. With a login it names the user: mongodb://USER@host:port/?authSource=admin.",
    )
    store_password: SecretStr | None = Field(
        None, description="The password of the user in store_url, in the environment only (SEGUE_STORE_PASSWORD)."
    )
    store_password_file: Path | None = Field(None, description="Or the file that holds it and nothing else.")
    flink_url: str = Field("http://127.0.0.1:8081", description="Flink REST address of a session cluster.")
    flink_sql_url: str = Field(
        "http://127.0.0.1:8083", description="REST address of the Flink SQL gateway through which jobs are submitted."
    )
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
    server_workers: int = Field(
        2,
        ge=1,
        description="Calls of one service worked on at once (ingestion: four times as many); three times as many more "
        "wait in line, others are refused at once.",
    )
    server_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Server processes on the one port, best one a core; each has the model and connections of its own.",
    )
    server_reflection: bool = Field(False, description="Serve gRPC reflection.")
    tls_certificate: Path | None = Field(None, description="PEM chain; needed to listen beyond loopback.")
    tls_key: Path | None = Field(None, description="PEM key of the certificate.")
    token: SecretStr | None = Field(None, description="The client's token (default: read from home/tokens).")
    rate_per_token: float = Field(
        5_000,
        ge=0,
        le=1_000_000,
        description="Calls a second that one token may make at each server, ten seconds' worth at once; 0: no bound.",
    )
    rate_per_listener: float = Field(
        10,
        ge=0,
        le=1_000_000,
        description="The same for all tokens together that are bound to one listener.",
    )
    oidc_issuer: str = Field(
        "",
        description="Signed tokens (JWT) of this issuer are taken, too: its address as claim iss has it, https://… "
        "(default: none are).",
    )
    oidc_audience: str = Field(
        "", description="What these tokens' claim aud must name: this service, at the issuer; needed with oidc_issuer."
    )
    oidc_keys_url: str = Field(
        "",
        description="The issuer's public keys (JWKS), https://… or file:///… (default: where "
        "oidc_issuer/.well-known/openid-configuration says).",
    )
    oidc_algorithms: str = Field(
        "RS256,ES256",
        description="Signatures that are taken: some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, "
        "EdDSA.",
    )
    oidc_leeway_seconds: int = Field(
        30, ge=0, le=300, description="How far the issuer's clock may be from this machine's."
    )
    oidc_listener_claim: str = Field(
        "sub",
        description="The claim with the listener's id: the token reads and writes this listener's data alone. One "
        "within others is named by its path, such as realm_access.roles.",
    )
    oidc_scopes_claim: str = Field(
        "scope", description="The claim with what the token may do, words in a text or a list: scope, roles, …"
    )
    oidc_scopes: str = Field(
        "",
        description="Which of these words carry which scopes: WORD=SCOPE+SCOPE, comma-separated, such as "
        "music-app=recommend+ingest (default: segue:recommend carries recommend, and so on for each scope).",
    )
    oidc_unbound_scope: str = Field(
        "",
        description="The word with which a token speaks for every listener, as an app's own server does (default: each "
        "speaks for the listener in oidc_listener_claim).",
    )
    dashboard_address: str = Field("127.0.0.1:8501", description="Where the dashboard listens, on loopback.")

    sink_metrics_address: str = Field(
        "127.0.0.1:9464",
        description='Where, on loopback, the sink answers GET /metrics (Prometheus) to whoever asks; "" for nowhere.',
    )

    parallelism: int = Field(2, ge=1, description="Parallelism of the Flink jobs.")
    flink_heap_megabytes: int = Field(
        1536,
        ge=256,
        description="Memory of the embedded Flink's tasks, their state on the heap included; with rocksdb two "
        "thirds are RocksDB's.",
    )
    flink_state: Literal["heap", "rocksdb"] = Field(
        "heap",
        description="Where the live job keeps its state: heap is fast, and all of it must fit; rocksdb is slower, and "
        "what does not fit lies on disk. `segue jobs upgrade` moves a running job from one to the other.",
    )
    refresh_seconds: int = Field(2, ge=1, le=60, description="Open hours are refreshed at least this often.")
    checkpoint_seconds: int = Field(10, ge=1, description="Time between Flink checkpoints; the archive grows at each.")
    lateness_minutes: int = Field(10, ge=0, description="How long an hour's window waits for late plays.")
    idle_seconds: int = Field(
        60, ge=1, description="Silence of a topic's partition after which windows no longer wait for it."
    )
    state_days: int = Field(35, ge=1, description="How long jobs remember event ids and open hours.")
    topic_feeds: bool = Field(
        False, description="Write what happens in each topic to a Kafka topic of its own, by a job of its own."
    )
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
    clusters: int = Field(
        12, ge=2, le=16, description="Topics (clusters of tracks by sound) at most; fewer for a small catalogue."
    )
    clusters_least: int = Field(
        6, ge=2, le=16, description="Topics at least; between the two the silhouette says how many."
    )
    clusters_within: int = Field(6, ge=1, le=12, description="Topics within each topic at most; 1: none.")
    training_day_plays: int = Field(
        500, ge=0, description="More positive plays on one day: training leaves the listener out; 0: never."
    )
    training_day_repeats: int = Field(
        100, ge=0, description="More plays of one track on one day: training leaves the listener out; 0: never."
    )
    training_left_out_listeners: Path | None = Field(
        None, description="File with one listener id a line, the apps' own, whom training leaves out."
    )
    training_listener_plays: int = Field(
        20_000, ge=0, description="Newest plays of each listener that training reads; 0: all."
    )
    training_track_plays: int = Field(
        1_000_000, ge=0, description="Newest plays of each track that training reads; 0: all."
    )
    mlflow_url: str = Field("", description="MLflow tracking server that trainings are logged to (empty: none).")

    @field_validator("*")
    @classmethod
    def _is_one_line(cls, value: Any) -> Any:
        """Texts and paths reach SQL, properties files and addresses; such characters would begin something else."""
        if isinstance(value, str | Path) and any(unicodedata.category(sign) in ("Cc", "Cs") for sign in str(value)):
            raise ValueError("must hold no control characters, such as a line end")
        return value

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
        return init_settings, env_settings, _FileSource(settings_cls), _StackSource(settings_cls)

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


def holds_secret(name: str) -> bool:
    """Whether a setting's value is shown to nobody: a secret, or an address that may hold a password."""
    field = Settings.model_fields.get(name)
    return field is not None and (not field.repr or SecretStr in (field.annotation, *get_args(field.annotation)))
