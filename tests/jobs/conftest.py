"""Real Flink in batch mode over literal records: the SQL files of the live job, only the connectors exchanged."""

import base64
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.ports.event_log import StoredRecord
from backend.ports.records import play_record
from backend.settings import Settings
from streaming import render, wiring
from tests.recount import Log

SETTINGS = Settings(anomaly_hours=24, trend_listeners=2, popularity_ranks=20)
SPEC = wiring.job_spec(SETTINGS)


APPENDED = "2026-03-01T00:00:00Z"
APPENDED_MS = round(datetime.fromisoformat(APPENDED).timestamp() * 1000)
"""When the log took every record."""


class RunJob(Protocol):
    """Runs the job that fills `tables` over a log; the rows of each table."""

    def __call__(self, log: Log, tables: Sequence[str] = render.LIVE_TABLES) -> dict[str, list[dict[str, Any]]]: ...


@pytest.fixture(scope="session")
def run_job(tmp_path_factory: pytest.TempPathFactory) -> RunJob:
    """Run live tables, by default all, over the given log."""
    # PyFlink's own switch for doing without Beam, which Segue leaves out (pyproject.toml, override-dependencies).
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - PyFlink spells it so
    from pyflink.table import EnvironmentSettings, TableEnvironment

    from stack import jars

    jars.fetch(jars.missing(["flink"]))
    connectors_path = ";".join(path.as_uri() for path in jars.paths("flink"))

    def run(log: Log, tables: Sequence[str] = render.LIVE_TABLES) -> dict[str, list[dict[str, Any]]]:
        folder = tmp_path_factory.mktemp("job")
        _write_sources(folder, log)
        connectors = in_files(folder, (*render.SOURCES, *render.RIGHTS, *render.LIVE_TABLES))
        environment = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
        for key, value in {
            "pipeline.jars": connectors_path,
            "parallelism.default": "1",
            "table.local-time-zone": "UTC",
        }.items():
            environment.get_config().set(key, value)
        definitions, inserts = render.job_statements(SPEC, tables, connectors=connectors, batch=True)
        for definition in definitions:
            environment.execute_sql(definition)
        together = environment.create_statement_set()
        for insert in inserts:
            together.add_insert_sql(insert)
        together.execute().wait()
        return {table: rows_in(folder / table) for table in tables}

    return run


def in_files(folder: Path, tables: Sequence[str]) -> dict[str, dict[str, str]]:
    """The WITH options of tables that stand in files of JSON lines, each in a file or folder of its name."""
    return {
        table: {
            "connector": "filesystem",
            "path": str(folder / table),
            "format": "json",
            "json.timestamp-format.standard": "ISO-8601",
        }
        for table in tables
    }


def _write_sources(folder: Path, log: Log) -> None:
    """The topics as files of JSON lines; what Kafka gives as metadata or key stands beside the record or its fields."""
    sources = {
        "plays": [
            {
                "record": encoded(r.value),
                "source_partition": r.partition,
                "source_offset": r.offset,
                "appended_at": APPENDED,
            }
            for r in log.plays
        ],
        "feedback": [{"record": encoded(r.value), "source_offset": r.offset} for r in log.feedback],
        **{
            name: [{"record_key": (r.key or b"").decode()} | json.loads(r.value or b"") for r in records]
            for name, records in {
                "tracks": log.tracks,
                "track_rights": log.tracks,
                "artist_rights": log.artists,
                "listener_rights": log.rights,
            }.items()
        },
        "clusters": [{"record_key": "current", "version": "v", **log.clusters}] if log.clusters else [],
    }
    for name, rows in sources.items():
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def encoded(value: bytes | None) -> str | None:
    """Bytes as the JSON format has them."""
    return None if value is None else base64.b64encode(value).decode()


def rows_in(folder: Path) -> list[dict[str, Any]]:
    """What Flink has written into a table's folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def in_log(topic: str, values: Sequence[bytes], *, keys: Sequence[str] | None = None) -> list[StoredRecord]:
    """Values as one partition of a topic holds them."""
    named = keys or [""] * len(values)
    return [
        StoredRecord(topic=topic, partition=0, offset=offset, key=key.encode(), value=value, appended_ms=APPENDED_MS)
        for offset, (key, value) in enumerate(zip(named, values, strict=True))
    ]


def play_value(event_id: str, listener: str, artist: str, at: datetime, **fields: object) -> bytes:
    """A record's value for a play of the artist's one track, 180 s of 200 s unless said otherwise."""
    given: dict[str, object] = {
        "event_id": event_id,
        "listener_id": listener,
        "track_id": f"{artist}-track",
        "artist_id": artist,
        "played_at": at,
        "milliseconds_played": 180_000,
        "track_milliseconds": 200_000,
        "source": Source.FIRST_PARTY,
        "allow_training": True,
    }
    return play_record(Play(**given | fields), ingested_at=max(at, datetime(2026, 3, 1, tzinfo=UTC))).value
