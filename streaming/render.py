"""From SQL files and settings to the statements a Flink SQL client runs.

`tables/NAME.sql` holds the DDL of one table (and views that belong to it), `jobs/NAME.sql` the views and the one INSERT
that fill the table of that name. The inserts of a job become one statement set, so that they share one scan and one
deduplication. `${names}` in the files are settings; nothing else is substituted.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from backend.settings import Settings

_HERE = Path(__file__).parent

LIVE_TABLES: Sequence[str] = ("artist_engagement", "track_popularity", "trends", "anomalies", "play_archive")
"""What the job `live_tables` fills; trends reads a view of track_popularity, hence the order."""


def job_name(settings: Settings) -> str:
    """The job's name on the cluster."""
    return f"{settings.tenant}.live_tables"


# Streaming plans order a RANGE frame by a time attribute only; batch plans of Flink 2.3 compile one over numbers only
# (over TIMESTAMP the generated comparator casts TimestampData to Long).
_STREAMING_FRAME = {"hour_order": "hour_time", "seven_days": "INTERVAL '7' DAY"}
_BATCH_FRAME = {"hour_order": "hour_number", "seven_days": "168"}


def variables(settings: Settings, *, batch: bool = False) -> dict[str, str]:
    """Every `${name}` the SQL files may hold; those from settings are quoted for use inside '…'."""
    values = {
        "tenant": settings.tenant,
        "kafka_servers": settings.kafka_servers,
        "archive": settings.archive,
        "refresh_seconds": settings.refresh_seconds,
        "lateness_minutes": settings.lateness_minutes,
        "trend_ranks": settings.trend_ranks,
        "trend_listeners": settings.trend_listeners,
        "anomaly_hours": settings.anomaly_hours,
        "anomaly_plays": settings.anomaly_plays,
        "anomaly_z": settings.anomaly_z,
        "farm_plays_per_listener": settings.farm_plays_per_listener,
    }
    quoted = {name: str(value).replace("'", "''") for name, value in values.items()}
    return quoted | (_BATCH_FRAME if batch else _STREAMING_FRAME)


def job_settings(settings: Settings, *, checkpoints: str, recover_from: str | None = None) -> dict[str, str]:
    """Flink options of the job; why each stands here is told in docs/adr/0004-streaming-sql.md."""
    options = {
        "pipeline.name": job_name(settings),
        "parallelism.default": str(settings.parallelism),
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
        "table.exec.state.ttl": f"{settings.state_days} d",
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "table.exec.sink.upsert-materialize": "NONE",
        "execution.checkpointing.interval": f"{settings.checkpoint_seconds} s",
        "execution.checkpointing.dir": checkpoints,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    }
    if recover_from:
        options["execution.state-recovery.path"] = recover_from
    return options


def statements(sql: str) -> list[str]:
    """The statements of a file without comments, in order, each without its semicolon. Literals hold no `;` or `--`."""
    bare = re.sub(r"--[^\n]*", "", sql)
    return [statement.strip() for statement in bare.split(";") if statement.strip()]


def with_connector(ddl: str, options: Mapping[str, str]) -> str:
    """A CREATE TABLE statement with its WITH clause replaced, for example by files for a batch run."""
    clause = ",\n".join(f"  '{key}' = '{value}'" for key, value in options.items())
    replaced, count = re.subn(r"WITH\s*\(.*\)\s*$", lambda _: f"WITH (\n{clause}\n)", ddl, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"no WITH clause in: {ddl[:60]}…")
    return replaced


def job_statements(
    settings: Settings,
    tables: Sequence[str] = LIVE_TABLES,
    *,
    connectors: Mapping[str, Mapping[str, str]] | None = None,
    batch: bool = False,
) -> tuple[list[str], list[str]]:
    """The definitions (tables and views, in order) and the inserts of a job that fills `tables`.

    `connectors` replaces the WITH options of the tables it names; where they stand is all that differs between the
    embedded stack, a cluster and a batch run.
    """
    names = variables(settings, batch=batch)
    definitions: list[str] = []
    inserts: list[str] = []
    for table in ("plays", *tables):
        for statement in statements(Template((_HERE / "tables" / f"{table}.sql").read_text()).substitute(names)):
            options = (connectors or {}).get(table)
            is_table = statement.startswith("CREATE TABLE")
            definitions.append(with_connector(statement, options) if options and is_table else statement)
    for table in tables:
        for statement in statements(Template((_HERE / "jobs" / f"{table}.sql").read_text()).substitute(names)):
            (inserts if statement.startswith("INSERT INTO") else definitions).append(statement)
    return definitions, inserts


def digest(settings: Settings) -> str:
    """Twelve hex digits of what the job computes: state of a job with another digest cannot be gone on from.

    Where things stand (addresses, folders) is left out: moving a broker to another port changes nothing.
    """
    elsewhere = settings.model_copy(update={"kafka_servers": "", "archive_url": "file:///"})
    definitions, inserts = job_statements(elsewhere)
    return hashlib.sha256("\n".join(definitions + inserts).encode()).hexdigest()[:12]


def script(settings: Settings, *, checkpoints: str, recover_from: str | None = None) -> str:
    """The whole job as a file for Flink's SQL client: options, definitions, one statement set."""
    options = job_settings(settings, checkpoints=checkpoints, recover_from=recover_from)
    definitions, inserts = job_statements(settings)
    lines = [f"SET '{key}' = '{value}';" for key, value in options.items()]
    lines += [f"{definition};" for definition in definitions]
    lines.append("EXECUTE STATEMENT SET BEGIN")
    lines += [f"{insert};" for insert in inserts]
    lines.append("END;")
    return "\n".join(lines) + "\n"
