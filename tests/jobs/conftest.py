"""Real Flink in batch mode over literal plays: the SQL files of the live job, only the connectors exchanged."""

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.ports.records import play_record
from backend.settings import Settings
from streaming import render

RunJob = Callable[[Iterable[bytes]], dict[str, list[dict[str, object]]]]


@pytest.fixture(scope="session")
def run_job(tmp_path_factory: pytest.TempPathFactory) -> RunJob:
    """Run every live table over the given records of topic `plays`; the rows of each table."""
    # PyFlink's own switch for doing without Beam, which Segue leaves out (pyproject.toml, override-dependencies).
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - PyFlink spells it so
    from pyflink.table import EnvironmentSettings, TableEnvironment

    from cli.stack import jars

    jars.fetch(jars.missing(["flink"]))
    connectors_path = ";".join(path.as_uri() for path in jars.paths("flink"))

    def run(values: Iterable[bytes]) -> dict[str, list[dict[str, object]]]:
        folder = tmp_path_factory.mktemp("job")
        (folder / "plays.json").write_bytes(b"\n".join(values) + b"\n")
        files = {"connector": "filesystem", "format": "json", "json.timestamp-format.standard": "ISO-8601"}
        source = {"connector": "filesystem", "format": "json", "json.ignore-parse-errors": "true"}
        connectors = {
            "plays": {**source, "path": str(folder / "plays.json")},
            **{table: {**files, "path": str(folder / table)} for table in render.LIVE_TABLES},
        }
        environment = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
        for key, value in {
            "pipeline.jars": connectors_path,
            "parallelism.default": "1",
            "table.local-time-zone": "UTC",
        }.items():
            environment.get_config().set(key, value)
        definitions, inserts = render.job_statements(
            Settings(anomaly_hours=24, trend_listeners=2), connectors=connectors, batch=True
        )
        for definition in definitions:
            environment.execute_sql(definition)
        together = environment.create_statement_set()
        for insert in inserts:
            together.add_insert_sql(insert)
        together.execute().wait()
        return {table: _rows(folder / table) for table in render.LIVE_TABLES}

    return run


def _rows(folder: Path) -> list[dict[str, object]]:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


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
