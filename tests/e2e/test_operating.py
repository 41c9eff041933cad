"""Operating the live job on the real stack: upgraded with a savepoint, days computed again, nothing counted twice."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import grpc
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from backend.settings import Settings
from cli import reach
from importers import send as ingest_client
from stack import plan
from stack.stack import Stack
from streaming import backfill, render, wiring
from streaming.cluster import Job
from tests.quiet import await_, settle
from training.simulate import Simulation, simulate

pytestmark = pytest.mark.timeout(1500)
NOW = datetime.now(UTC)
TODAY = NOW.date()
Rows = dict[str, dict[str, dict[str, Any]]]
"""By table and key."""


@pytest.fixture(scope="module")
def store(settings: Settings, stack: Stack) -> Iterator[Database[dict[str, Any]]]:
    """The tenant's database, seen directly."""
    with MongoClient[dict[str, Any]](settings.store_url, tz_aware=True) as client:
        yield client[settings.tenant]


@pytest.fixture(scope="module")
def channel(settings: Settings, stack: Stack) -> Iterator[grpc.Channel]:
    """An operator's channel to the stack's server."""
    with reach.channel(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """Five days that ended an hour ago."""
    return simulate(29, now=NOW - timedelta(hours=1), artists=60, tracks=200, listeners=80, days=5, plays=2_500)


@pytest.fixture(scope="module")
def rested(settings: Settings, channel: grpc.Channel, simulation: Simulation, store: Database[dict[str, Any]]) -> int:
    """Plays sent, all but the last fifty, and counted; how many plays the archive holds."""
    ingest_client.send(channel, artists=simulation.artists, tracks=simulation.tracks)
    settle(settings)  # what earlier tests sent
    before = len(_archived(settings))
    ingest_client.send(channel, plays=simulation.plays[:-50])
    plays = before + len(simulation.plays) - 50
    await_(lambda: len(_archived(settings)) >= plays, "the archive holds every play")
    settle(settings)
    return plays


def test_an_upgrade_goes_on_from_a_savepoint(
    settings: Settings, channel: grpc.Channel, simulation: Simulation, store: Database[dict[str, Any]], rested: int
) -> None:
    """Another threshold: another job, from the savepoint, alone on the cluster, and each play counted once."""
    before, counted = _job(settings), _plays_counted(store)
    done = _segue(settings, "jobs", "upgrade", SEGUE_ANOMALY_Z="6.5")
    assert before.id == done["before"]
    assert before.id != done["job"]
    assert "/savepoint-" in done["went_on_from"]
    assert counted == _plays_counted(store)
    ingest_client.send(channel, plays=simulation.plays[-50:])
    await_(lambda: len(_archived(settings)) >= rested + 50, "the new job archives what came after it")
    settle(settings)
    archived = _archived(settings)
    assert (rested + 50, rested + 50) == (len(archived), len(set(archived)))
    assert counted + 50 == _plays_counted(store)
    assert done["job"] == _job(settings).id
    assert done["job"] == _segue(settings, "jobs", "upgrade", SEGUE_ANOMALY_Z="6.5")["job"]


def test_a_backfill_brings_deleted_rows_back(settings: Settings, store: Database[dict[str, Any]], rested: int) -> None:
    """Days that the store lost come back as they were, and the days around them stay as they are."""
    first, end = TODAY - timedelta(days=4), TODAY - timedelta(days=1)
    settle(settings)
    before = _rows(store)
    lost = {
        "window_start": {
            "$gte": datetime(first.year, first.month, first.day, tzinfo=UTC),
            "$lt": datetime(end.year, end.month, end.day, tzinfo=UTC),
        }
    }
    deleted = {table: store[table].delete_many(lost).deleted_count for table in before}
    assert deleted["artist_engagement"] > 100
    done = _segue(settings, "backfill", "--from", first.isoformat(), "--to", end.isoformat())
    assert backfill.tables() == done["tables"]
    settle(settings)
    _same(before, _rows(store))


def test_jobs_are_listed(settings: Settings, rested: int) -> None:
    """The live job runs and has a checkpoint."""
    (live,) = [job for job in _segue(settings, "jobs", "list") if job["name"] == render.job_name(settings.tenant)]
    assert "RUNNING" == live["state"]
    assert live["checkpoint"]["bytes"] > 0


def test_a_savepoint_is_kept_apart_from_the_checkpoints(settings: Settings, rested: int) -> None:
    """It is complete, and not where the keeper looks."""
    before = _job(settings)
    url = _segue(settings, "jobs", "savepoint")["savepoint"]
    folder = Path(url.removeprefix("file://"))
    assert (folder / "_metadata").is_file()
    assert render.job_name(settings.tenant) not in folder.parts
    assert before.id == _job(settings).id


def test_a_replay_of_the_whole_log_comes_to_the_same_rows(
    settings: Settings, store: Database[dict[str, Any]], rested: int
) -> None:
    """Twice from offset 0: every row is written again, and is what it was; no play more in the archive."""
    settle(settings)
    before, archived = _rows(store), set(_archived(settings))
    for _ in range(2):
        began = datetime.now(UTC)
        done = _segue(settings, "jobs", "upgrade", "--replay", SEGUE_ANOMALY_Z="6.5")
        assert done["went_on_from"] is None
        await_(lambda began=began: _written_since(store, began), "every row is written again")
        settle(settings)
        _same(before, _rows(store))
    assert archived == set(_archived(settings))


def _same(before: Rows, after: Rows) -> None:
    for table, rows in before.items():
        assert rows.keys() == after[table].keys(), table
        for key, row in rows.items():
            for name, value in row.items():
                # Sums of floats may be made in another order.
                close = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                assert close == after[table][key].get(name), (table, key, name)


def _written_since(store: Database[dict[str, Any]], moment: datetime) -> bool:
    """Whether no row of the windowed tables is older than this; anomalies found with an earlier threshold stay."""
    tables = [table for table in backfill.tables() if table != "anomalies"]
    return not any(store[table].count_documents({"written_at": {"$lt": moment}}) for table in tables)


def _segue(settings: Settings, *words: str, **env: str) -> Any:
    """What the `segue` command printed with --json, run as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words, "--json"],
        env={**os.environ, **plan.child_environment(settings), **env},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def _job(settings: Settings) -> Job:
    (alive,) = [job for job in wiring.cluster(settings).jobs(render.job_name(settings.tenant)) if job.is_alive]
    return alive


def _rows(store: Database[dict[str, Any]]) -> Rows:
    tables: Mapping[str, Any] = {table: store[table].find() for table in backfill.tables()}
    return {
        table: {row["_id"]: {name: row[name] for name in row.keys() - {"written_at"}} for row in found}
        for table, found in tables.items()
    }


def _plays_counted(store: Database[dict[str, Any]]) -> int:
    """Plays in the hours of artist_engagement."""
    return sum(row["plays"] for row in store["artist_engagement"].find() if row.get("span", "hour") == "hour")


def _archived(settings: Settings) -> list[str]:
    folder = Path(settings.archive.removeprefix("file://"))
    files = [str(path) for path in folder.glob("day=*/part-*")]
    if not files:
        return []
    rows = duckdb.connect().execute("SELECT event_id FROM read_parquet(?)", [files]).fetchall()
    return [event_id for (event_id,) in rows]
