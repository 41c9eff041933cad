"""From SQL files and a job spec to the statements that Flink's SQL gateway runs.

`sources/NAME.sql` and `tables/NAME.sql` hold the DDL of one table that is read or filled, `views/NAME.sql` what several
jobs share (in batch `views/NAME.batch.sql` where there is one), `jobs/NAME.sql` the views and the one INSERT that fill
the table of that name. The inserts of a job become one statement set, so that they share one scan and one
deduplication. `${names}` in the files are fields of the spec, stand for the few places where streaming and batch
differ, or for what is said once for more than these files (`${skip}`); nothing else is substituted.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from backend.domain.clusters import MOST_CLUSTERS
from backend.domain.plays import SKIP_SQL
from backend.domain.tracks import AUDIO_FEATURES
from backend.ports.event_log import FEEDS, LONGEST_ROW
from backend.ports.fields import LONGEST_IDENTIFIER
from backend.ports.records import MOST_FEATURE
from streaming import reading
from streaming.letters import LETTER_BYTES
from streaming.live_jobs import LIVE_JOBS, TOPIC_FEEDS
from streaming.spec import JobSpec

_HERE = Path(__file__).parent

SOURCES: Sequence[str] = ("plays", "feedback", "tracks", "clusters")
"""What the live jobs read."""

FEED_SOURCES: Sequence[str] = ("appended_plays", "placements")
"""What topic feeds are made of."""

RIGHTS: Sequence[str] = ("track_rights", "artist_rights", "listener_rights")
"""What batch jobs read beside it."""

_CREATED = re.compile(r"CREATE (?:TEMPORARY )?(TABLE|VIEW) `?(\w+)`?")
_VIEWS = ("plays", "windows", "sessions")
_BATCH_VIEWS = ("rights", *_VIEWS)

LIVE_TABLES: Sequence[str] = tuple(table for job in LIVE_JOBS for table in job.tables)
"""What the live jobs fill, all together."""

EVERY_TABLE: Sequence[str] = (*LIVE_TABLES, *TOPIC_FEEDS.tables)
"""Those, and what is filled on request."""


# Streaming plans order a RANGE frame by a time attribute only; batch plans of Flink 2.3 compile one over numbers only
# (over TIMESTAMP the generated comparator casts TimestampData to Long).
_STREAMING_FRAME = {
    "hour_order": "hour_time",
    "seven_days": "INTERVAL '7' DAY",
    "four_weeks": "INTERVAL '28' DAY",
    "arrival": "arrival",
    "or_history": "",
    "may_train": "allow_training",
    "with_rights": "",
}
# In batch there is no arrival: the log's order is said outright.
_BATCH_FRAME = {
    "hour_order": "hour_number",
    "seven_days": "168",
    "four_weeks": "672",
    "arrival": "source_offset",
    "or_history": " OR is_history",
    "may_train": "allow_training AND withheld_track IS NULL AND withheld_listener IS NULL AS allow_training",
    "with_rights": """
LEFT JOIN (SELECT track_id AS withheld_track FROM withheld_tracks) ON withheld_track = track_id
LEFT JOIN (SELECT listener_id AS withheld_listener FROM withheld_listeners) ON withheld_listener = listener_id""",
}

_UPSERT_KAFKA = """'connector' = 'upsert-kafka',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'key.format' = 'json',
  'key.json.timestamp-format.standard' = 'ISO-8601',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601',
  'properties.compression.type' = 'lz4',
  'properties.max.request.size' = '${longest_row}',
  'sink.buffer-flush.max-rows' = '20000',
  'sink.buffer-flush.interval' = '${refresh_seconds} s'"""
"""What the WITH clauses of all result tables share. The Kafka connector's client cannot read zstd, hence lz4."""


_MOST_SQUARED = 500_000
"""As far is no cluster's; in 10^-12 and times MOST_CLUSTERS it still fits a BIGINT. No number is not nearer."""

_AXES = range(1, len(AUDIO_FEATURES) + 1)


def _places() -> str:
    """Where the centroids lie on the scale of the features themselves, axis by axis, one centroid behind the other."""
    return ",\n".join(
        "         " + ", ".join(f"centroids[{nth}][{axis}] * deviations[{axis}] + means[{axis}]" for axis in _AXES)
        for nth in range(1, MOST_CLUSTERS + 1)
    )


def _weights() -> str:
    """What a squared difference counts, by axis."""
    return ", ".join(f"1e0 / deviations[{axis}] / deviations[{axis}]" for axis in _AXES)


def _squared_distances() -> str:
    """The numbers of jobs/track_clusters.sql, one for each centroid.

    Each feature is named once a centroid, and rounded down by FLOOR: ROUND goes by way of BigDecimal.
    """

    def number(nth: int) -> str:
        square = " + ".join(
            f"POWER(audio_features.{name} - places[{nth * len(_AXES) + axis}], 2) * weights[{axis}]"
            for axis, name in zip(_AXES, AUDIO_FEATURES, strict=True)
        )
        return f"  CAST(FLOOR(LEAST({_MOST_SQUARED}e0, {square}) * 1e12 + 0.5e0) AS BIGINT) * {MOST_CLUSTERS} + {nth}"

    return ",\n".join(map(number, range(MOST_CLUSTERS)))


def _feature_millionths() -> str:
    """The audio features as whole numbers of 10^-6."""
    return ",\n       ".join(
        f"CAST(FLOOR(audio_features.{name} * 1e6 + 0.5e0) AS BIGINT) AS {name}" for name in AUDIO_FEATURES
    )


def _sounds_sane() -> str:
    """Holds for a track whose features are what a feature may be: a job that rounds what is no number ends for ever."""
    return "\n        AND ".join(
        f"audio_features.{name} BETWEEN -{MOST_FEATURE:.0f} AND {MOST_FEATURE:.0f}" for name in AUDIO_FEATURES
    )


def variables(spec: JobSpec, *, batch: bool = False) -> dict[str, str]:
    """Every `${name}` the SQL files may hold; those of the spec are quoted for use inside '…'."""
    values = {
        "tenant": spec.tenant,
        "kafka_servers": spec.kafka_servers,
        "archive": spec.archive,
        "refresh_seconds": spec.refresh_seconds,
        "lateness_minutes": spec.lateness_minutes,
        "idle_seconds": spec.idle_seconds,
        "state_days": spec.state_days,
        "chart_step_hours": spec.chart_step_hours,
        "session_minutes": spec.session_minutes,
        "popularity_ranks": spec.popularity_ranks,
        "popularity_listeners": spec.popularity_listeners,
        "trend_ranks": spec.trend_ranks,
        "trend_listeners": spec.trend_listeners,
        "anomaly_hours": spec.anomaly_hours,
        "anomaly_plays": spec.anomaly_plays,
        "anomaly_z": spec.anomaly_z,
        "farm_plays_per_listener": spec.farm_plays_per_listener,
    }
    quoted = {name: quoted_text(str(value)) for name, value in values.items()}
    # Beside the servers in every WITH clause. What is filled in is not searched for names again: its `${` stays.
    quoted["kafka_login"] = "".join(
        f",\n  'properties.{name}' = '{quoted_text(value)}'" for name, value in spec.kafka_login
    )
    shared = {
        "skip": SKIP_SQL,
        "most_clusters": str(MOST_CLUSTERS),
        "topic_feeds": ";".join(f"{quoted['tenant']}.{name}" for name in FEEDS),
        "longest_row": str(LONGEST_ROW),
        "letter_bytes": str(LETTER_BYTES),
        "identifier_characters": str(LONGEST_IDENTIFIER),
        "places": _places(),
        "weights": _weights(),
        "squared_distances": _squared_distances(),
        "beyond": str(_MOST_SQUARED * 10**12 * MOST_CLUSTERS),
        "feature_millionths": _feature_millionths(),
        "sounds_sane": _sounds_sane(),
        "upsert_kafka": Template(_UPSERT_KAFKA).substitute(quoted, longest_row=LONGEST_ROW),
    }
    return quoted | shared | reading.SQL | (_BATCH_FRAME if batch else _STREAMING_FRAME)


def planner_options(spec: JobSpec, *, name: str) -> dict[str, str]:
    """Flink options of every job; why each stands here is told in docs/adr/0004-streaming-sql.md."""
    return {
        "pipeline.name": name,
        "parallelism.default": str(spec.subtasks),
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "table.exec.sink.upsert-materialize": "NONE",
    }


_STATE: Mapping[str, Mapping[str, str]] = {
    "heap": {"state.backend.type": "hashmap", "execution.checkpointing.incremental": "false"},
    "rocksdb": {"state.backend.type": "rocksdb", "execution.checkpointing.incremental": "true"},
}


def job_settings(spec: JobSpec, *, checkpoints: str, recover_from: str | None = None) -> dict[str, str]:
    """Flink options of a live job; what its state backends are told, docs/adr/0004-streaming-sql.md explains."""
    options = {
        **planner_options(spec, name=spec.name),
        **_STATE[spec.flink_state],
        "table.exec.state.ttl": f"{spec.state_days} d",
        "execution.checkpointing.interval": f"{spec.interval_seconds} s",
        "execution.checkpointing.dir": checkpoints,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    }
    if recover_from:
        options["execution.state-recovery.path"] = recover_from
    return options


def statements(sql: str) -> list[str]:
    """The statements of a file without comments, in order, each without its semicolon.

    It is taken apart before settings are filled in, which may hold `;` and `--`; literals of our own hold neither.
    """
    bare = re.sub(r"--[^\n]*", "", sql)
    return [statement.strip() for statement in bare.split(";") if statement.strip()]


def quoted_text(text: str) -> str:
    """The text for use inside '…'."""
    return text.replace("'", "''")


def with_connector(ddl: str, options: Mapping[str, str]) -> str:
    """A CREATE TABLE statement with its WITH clause replaced, for example by files for a batch run."""
    clause = ",\n".join(f"  '{key}' = '{quoted_text(value)}'" for key, value in options.items())
    if options.get("connector") == "filesystem":
        ddl = re.sub(r"METADATA FROM '\w+'(?: VIRTUAL)?", "", ddl)  # in a file they are columns like others
    replaced, count = re.subn(r"WITH\s*\(.*\)\s*$", lambda _: f"WITH (\n{clause}\n)", ddl, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"no WITH clause in: {ddl[:60]}…")
    return replaced


def job_statements(
    spec: JobSpec,
    tables: Sequence[str] = LIVE_TABLES,
    *,
    connectors: Mapping[str, Mapping[str, str]] | None = None,
    batch: bool = False,
    charts_until: str = "",
) -> tuple[list[str], list[str]]:
    """The definitions (tables and views, in order) and the inserts of a job that fills `tables`.

    `charts_until` bounds the windows that charts take their latest from. `connectors` replaces the WITH options of the
    tables it names; where they stand is all that differs between the embedded stack, a cluster and a batch run. What no
    insert reads is left out: a change of a view is another job to those only that read it.
    """
    names = {**variables(spec, batch=batch), "charts_until": charts_until}
    definitions: list[str] = []
    inserts: list[str] = []
    sources, views = ((*SOURCES, *RIGHTS), _BATCH_VIEWS) if batch else ((*SOURCES, *FEED_SOURCES), _VIEWS)
    for folder, files in (("sources", sources), ("tables", tables), ("views", views)):
        for name in files:
            file = f"{name}.batch" if batch and (_HERE / folder / f"{name}.batch.sql").exists() else name
            for statement in _statements_of(folder, file, names):
                options = (connectors or {}).get(name)
                is_table = statement.startswith("CREATE TABLE")
                definitions.append(with_connector(statement, options) if options and is_table else statement)
    for table in EVERY_TABLE:
        for statement in _statements_of("jobs", table, names):
            if not statement.startswith("INSERT INTO"):
                definitions.append(statement)
            elif table in tables:
                inserts.append(statement)
    return _needed(definitions, inserts), inserts


def _needed(definitions: Sequence[str], inserts: Sequence[str]) -> list[str]:
    """The definitions that inserts, or views that these read, name; in their order."""
    words = {word for insert in inserts for word in _words(insert)}
    kept: list[str] = []
    for definition in reversed(definitions):  # a view reads what was defined before it
        created = _CREATED.match(definition)
        if created is None or created[2] in words:
            kept.insert(0, definition)
            if created is None or created[1] == "VIEW":
                words |= _words(definition)
    return kept


def _words(statement: str) -> set[str]:
    return set(re.findall(r"\w+", statement))


def _statements_of(folder: str, name: str, names: Mapping[str, str]) -> list[str]:
    return [Template(one).substitute(names) for one in statements((_HERE / folder / f"{name}.sql").read_text())]


def digest(spec: JobSpec) -> str:
    """Twelve hex digits of what the job computes, and of where it keeps its state.

    A job with another digest cannot go on from its checkpoints.
    """
    definitions, inserts = job_statements(spec.anywhere(), spec.job.tables)
    elsewhere = [] if spec.flink_state == "heap" else [spec.flink_state]
    return hashlib.sha256("\n".join(definitions + inserts + elsewhere).encode()).hexdigest()[:12]


def script(
    options: Mapping[str, str],
    definitions: Sequence[str],
    inserts: Sequence[str],
    *,
    begin: str = "EXECUTE STATEMENT SET",
) -> list[str]:
    """A job as the statements of one session: options, definitions, one statement set where there are inserts."""
    said = [f"SET '{key}' = '{quoted_text(value)}'" for key, value in options.items()]
    together = "\n".join([f"{begin} BEGIN", *(f"{insert};" for insert in inserts), "END"])
    return [*said, *definitions, *([together] if inserts else [])]
