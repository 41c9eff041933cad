"""Operating the live jobs on the real stack: upgraded with a savepoint, days computed again, nothing counted twice.

And the proof of erasure: of fifty listeners one is given out and erased, the log is replayed twice, and nothing of them
is left anywhere but the receipt, while the others' data is exact.
"""

import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import grpc
import pytest
from pymongo import MongoClient
from pymongo.database import Database
from segue.v1 import ingest_pb2, ingest_pb2_grpc, play_pb2, recommend_pb2, recommend_pb2_grpc

from backend import wiring as backend_wiring
from backend.ports.event_log import Record, Topic
from backend.settings import Settings
from cli import reach
from importers import send as ingest_client
from stack import plan
from stack.stack import Stack
from streaming import backfill, charts, wiring
from streaming.cluster import Job
from streaming.live_jobs import ARCHIVE, LIVE_JOBS, TABLES, LiveJob
from streaming.schema import result_tables
from tests.comparison import same_rows
from tests.faults.oracle import whole
from tests.quiet import await_, settle
from tests.recount import Log, Recount
from training.simulate import Simulation, simulate

pytestmark = pytest.mark.timeout(1500)
NOW = datetime.now(UTC)
TODAY = NOW.date()
ERASED = "op-sim29-listener-0007"
ENGAGEMENT_KEY = ("artist_id", "span", "window_start")
WITHHELD = ("trends", "topic_hours")
"""Tables of plays that may be used; the charts are others."""
SETTLED_UNTIL = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=1)
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
    """Five days that ended an hour ago, of fifty listeners whom no other test has."""
    made = simulate(29, now=NOW - timedelta(hours=1), artists=60, tracks=200, listeners=60, days=5, plays=2_900)
    told = [replace(play, listener_id=f"op-{play.listener_id}") for play in made.plays]
    others = sorted({play.listener_id for play in told} - {ERASED})[:49]
    # Whoever is erased below has been silent since a day that is settled: others need wait for none.
    told = [play for play in told if play.listener_id in others or play.listener_id == ERASED]
    return replace(made, plays=[play for play in told if play.listener_id != ERASED or play.played_at < SETTLED_UNTIL])


@pytest.fixture(scope="module")
def rested(settings: Settings, channel: grpc.Channel, simulation: Simulation, store: Database[dict[str, Any]]) -> int:
    """Plays sent, all but the last hundred, and counted; how many plays the archive holds."""
    ingest_client.send(channel, artists=simulation.artists, tracks=simulation.tracks)
    settle(settings)  # what earlier tests sent
    before = len(_archived(settings))
    ingest_client.send(channel, plays=simulation.plays[:-100])
    plays = before + len(simulation.plays) - 100
    await_(lambda: len(_archived(settings)) >= plays, "the archive holds every play")
    settle(settings)
    return plays


def test_an_upgrade_goes_on_from_a_savepoint(
    settings: Settings, channel: grpc.Channel, simulation: Simulation, store: Database[dict[str, Any]], rested: int
) -> None:
    """Another threshold: another job, from the savepoint, alone on the cluster, and each play counted once."""
    before, counted = _job(settings), _plays_counted(store)
    archives = _job(settings, ARCHIVE)
    kept, done = _segue(settings, "jobs", "upgrade", SEGUE_ANOMALY_Z="6.5")
    assert (archives.id, archives.id, "segue.archive") == (kept["before"], kept["job"], kept["name"])
    assert before.id == done["before"]
    assert before.id != done["job"]
    assert "/savepoint-" in done["went_on_from"]
    assert counted == _plays_counted(store)
    ingest_client.send(channel, plays=simulation.plays[-100:-50])
    await_(lambda: len(_archived(settings)) >= rested + 50, "the new job archives what came after it")
    settle(settings)
    archived = _archived(settings)
    assert (rested + 50, rested + 50) == (len(archived), len(set(archived)))
    assert counted + 50 == _plays_counted(store)
    assert done["job"] == _job(settings).id
    again = _segue(settings, "jobs", "upgrade", SEGUE_ANOMALY_Z="6.5")
    assert [archives.id, done["job"]] == [one["job"] for one in again]


def test_jobs_are_listed(settings: Settings, rested: int) -> None:
    """The live jobs run and have a checkpoint."""
    listed = {job["name"]: job for job in _segue(settings, "jobs", "list")}
    assert {job.on_cluster(settings.tenant) for job in LIVE_JOBS} == listed.keys()
    for live in listed.values():
        assert "RUNNING" == live["state"]
        assert live["checkpoint"]["bytes"] > 0


def test_a_savepoint_is_kept_apart_from_the_checkpoints(settings: Settings, rested: int) -> None:
    """It is complete, and not where the keeper looks."""
    before = _job(settings)
    for saved in _segue(settings, "jobs", "savepoint"):
        folder = Path(saved["savepoint"].removeprefix("file://"))
        assert (folder / "_metadata").is_file()
        assert saved["name"] not in folder.parts
        shutil.rmtree(folder)  # whoever asked for one deletes it: it holds what the state holds
    assert before.id == _job(settings).id


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Who was erased, by the pseudonym that they had, and by what erasure; `env` is where models were put."""

    pseudonym: str
    erasure_id: str
    env: Mapping[str, str]


@pytest.fixture(scope="module")
def erased(
    settings: Settings,
    channel: grpc.Channel,
    simulation: Simulation,
    rested: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Erased:
    """One listener is given out and erased; what is left of them is worked off at once. Checked on the way."""
    theirs = [play for play in simulation.plays if play.listener_id == ERASED]
    likes = ingest_pb2.RecordFeedbackRequest()
    for play in theirs[:3]:
        for listener in (ERASED, "op-sim29-listener-0008"):
            liked = likes.feedback.add(listener_id=listener, track_id=play.track_id, kind=play_pb2.FEEDBACK_KIND_LIKE)
            liked.given_at.FromDatetime(play.played_at)
    answer = ingest_pb2_grpc.IngestServiceStub(channel).RecordFeedback(likes)
    assert {ingest_pb2.INGEST_OUTCOME_ACCEPTED} == {one.outcome for one in answer.results}
    models = {
        "SEGUE_MODELS_URL": (settings.home / "proof" / "models").as_uri(),
        "SEGUE_VECTORS_URL": (settings.home / "proof" / "vectors").as_uri(),
    }
    learned = _segue(settings, "train", **models)["version"]
    _segue(settings, "export", "hyper", str(settings.home / "proof" / "tables.hyper"))
    with closing(backend_wiring.store(settings)) as opened:
        pseudonym = backend_wiring.identities(settings, opened).pseudonyms([ERASED])[ERASED]
    assert _holding(settings.home, pseudonym)
    given = tmp_path_factory.mktemp("given") / "all.zip"
    _segue(settings, "listener", "export", ERASED, str(given))
    _is_what_the_log_holds(given, settings, pseudonym, plays=len(theirs), likes=3)
    began = datetime.now(UTC)
    asked = _segue(settings, "listener", "erase", ERASED, "--yes")
    await_(lambda: _is_a_stranger(channel), "the answer to an erased listener is a stranger's", seconds=60)
    assert _refuses(settings, "listener", "export", ERASED)
    assert _refuses(settings, "listener", "erase", ERASED, "--yes")
    (receipt,) = [
        one
        for one in _segue(settings, "listener", "erasures", "--run", SEGUE_ANOMALY_Z="6.5", **models)
        if one["erasure_id"] == asked["erasure_id"]
    ]
    assert receipt["done_at"] is not None, receipt
    assert datetime.now(UTC) - began < timedelta(hours=1)
    rows = {part["part"]: part["rows"] for part in receipt["parts"]}
    assert len(theirs) + 3 == rows["log"]
    assert rows["archive"] in (len(theirs), 2 * len(theirs))  # a replay has archived each of them again
    assert [learned] != [one["version"] for one in _segue(settings, "models", "list", **models)]
    return Erased(pseudonym=pseudonym, erasure_id=asked["erasure_id"], env=models)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The rows and the archive's plays before the second replay, when it began, and what `segue` said of it."""

    rows: Rows
    archived: set[str]
    began: datetime
    told: list[dict[str, Any]]


@pytest.fixture(scope="module")
def replayed(
    settings: Settings, channel: grpc.Channel, store: Database[dict[str, Any]], simulation: Simulation, erased: Erased
) -> Replayed:
    """The log replayed twice since the erasure; between the two the last fifty plays come, and are counted live."""
    began = datetime.now(UTC)
    _segue(settings, "jobs", "upgrade", "--replay", SEGUE_ANOMALY_Z="6.5")
    await_(lambda: _engagement_since(store, began), "engagement is written again")
    ingest_client.send(channel, plays=simulation.plays[-50:])
    settle(settings)
    rows, archived, began = _rows(store), set(_archived(settings)), datetime.now(UTC)
    told = _segue(settings, "jobs", "upgrade", "--replay", SEGUE_ANOMALY_Z="6.5")
    await_(lambda: _engagement_since(store, began), "engagement is written again")
    settle(settings)
    return Replayed(rows=rows, archived=archived, began=began, told=told)


def test_a_replay_of_the_whole_log_comes_to_the_same_rows(
    settings: Settings, store: Database[dict[str, Any]], simulation: Simulation, replayed: Replayed
) -> None:
    """From offset 0: rows are written again, and are what they were; no play more in the archive.

    Of the jobs before it no state is left, which would name listeners who were erased since.
    """
    assert [None, None] == [one["went_on_from"] for one in replayed.told]
    assert {one["name"]: {one["job"]} for one in replayed.told} == _states(settings)
    for table in ("artist_engagement", "listener_activity", "topic_hours"):
        assert store[table].count_documents({"written_at": {"$gte": replayed.began}}), table
    _same(replayed.rows, _rows(store))
    assert replayed.archived == set(_archived(settings))
    assert {play.event_id for play in simulation.plays[-50:]} <= replayed.archived


def test_of_an_erased_listener_nothing_is_left_after_two_replays(
    settings: Settings, store: Database[dict[str, Any]], simulation: Simulation, erased: Erased, replayed: Replayed
) -> None:
    """No file of the home, topic, collection, extract or model has id or pseudonym; the other 49 recount exactly."""
    topics = {topic: whole(settings, topic) for topic in (*Topic, *result_tables())}
    for word in (ERASED, erased.pseudonym):
        assert {} == {
            topic: len(found)
            for topic, records in topics.items()
            if (found := [one for one in records if word.encode() in (one.key or b"") + (one.value or b"")])
        }
        naming = [name for name in store.list_collection_names() for row in store[name].find() if word in f"{row!r}"]
        assert [] == naming
        assert word not in _archived(settings, "listener_id")
    told = simulation.plays
    others = {play.event_id for play in told if play.listener_id != ERASED}
    assert 49 == len({play.listener_id for play in told if play.listener_id != ERASED})
    assert others <= set(_archived(settings))
    assert not {play.event_id for play in simulation.plays if play.listener_id == ERASED} & set(_archived(settings))
    recount = Recount(Log(plays=topics[Topic.PLAYS], feedback=topics[Topic.FEEDBACK]))
    assert others <= recount.event_ids
    same_rows("artist_engagement", recount.engagement(), list(store["artist_engagement"].find()), ENGAGEMENT_KEY)
    for word in (ERASED, erased.pseudonym):
        await_(lambda word=word: not _holding(settings.home, word), f"no file holds {word}", seconds=90)


def test_an_erased_id_comes_back_as_a_stranger(
    settings: Settings, channel: grpc.Channel, simulation: Simulation, erased: Erased
) -> None:
    """Under another pseudonym, with nothing but what was told since."""
    again = replace(simulation.plays[-1], listener_id=ERASED, event_id=str(uuid.uuid4()))
    assert 1 == ingest_client.send(channel, plays=[again]).plays.accepted
    with closing(backend_wiring.store(settings)) as opened:
        pseudonym = backend_wiring.identities(settings, opened).pseudonyms([ERASED])[ERASED]
        await_(lambda: pseudonym in opened.profiles([pseudonym]), "their profile is there")
        (profile,) = opened.profiles([pseudonym]).values()
    assert erased.pseudonym != pseudonym
    assert [again.event_id] == [play.event_id for play in profile.recent]
    assert () == profile.words


def test_a_backfill_brings_rows_back_and_takes_away_what_is_no_longer_made(
    settings: Settings, store: Database[dict[str, Any]], rested: int
) -> None:
    """Days that the store lost come back as they were, and the days around them, and later rows, stay throughout.

    A first backfill brings the history that the live job's windows did not wait for: plays of days ago, told at once.
    Before the second every listener takes back the right to be learned from: no trend and no topic of those days is
    left, no chart until their end. They give it again: so all comes back with the third.
    """
    first, end = TODAY - timedelta(days=4), TODAY - timedelta(days=1)
    days = ("--from", first.isoformat(), "--to", end.isoformat())
    few = {"SEGUE_TREND_LISTENERS": "1"}
    settle(settings)
    live = _rows(store)
    done = _segue(settings, "backfill", *days, "--tables", ",".join((*WITHHELD, *charts.charts())), **few)
    assert {*WITHHELD, *charts.charts()} == {*done["tables"]}
    before = _rows(store)
    _same({"artist_engagement": live["artist_engagement"]}, before)
    held = backfill.Days(first, end)
    withheld = {
        table: {key for key, row in before[table].items() if held.holds(row["window_start"])} for table in WITHHELD
    }
    assert len(withheld["trends"]) > 10
    charted, later = _charts(store, end)
    assert len(charted) > 10

    midnights = (datetime.combine(day, time(), UTC) for day in (first, end))
    lost = {"window_start": dict(zip(("$gte", "$lt"), midnights, strict=True))}
    of_all_plays = ("artist_engagement", "listener_activity")
    deleted = {table: store[table].delete_many(lost).deleted_count for table in of_all_plays}
    assert deleted["artist_engagement"] > 100
    _allow_training(settings, allowed=False)
    done = _segue(settings, "backfill", *days, **few)
    assert backfill.tables() == done["tables"]
    after = _rows(store)
    for table, gone in withheld.items():
        assert len(gone) == done["deleted"][table], table
        assert before[table].keys() - gone == after[table].keys(), table
    without, still_later = _charts(store, end)
    assert {} == without
    assert later.keys() <= still_later.keys()
    _same({table: before[table] for table in of_all_plays}, after)

    _allow_training(settings, allowed=True)
    done = _segue(settings, "backfill", *days, "--tables", ",".join((*WITHHELD, *charts.charts())), **few)
    assert not any(done["deleted"].values())
    _same(before, _rows(store))
    again, later = _charts(store, end)
    assert {key: row for key, row in charted.items() if key not in later} == again


def _charts(store: Database[dict[str, Any]], end: date) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows of the charts by table and key: those whose windows had ended when the day began, and the others."""
    midnight = datetime.combine(end, time(), UTC)
    rows = {
        f"{table} {row['_id']}": {name: row[name] for name in row.keys() - {"written_at"}}
        for table in charts.charts()
        for row in store[table].find()
    }
    early = {key: row for key, row in rows.items() if row["window_end"] <= midnight}
    return early, {key: row for key, row in rows.items() if key not in early}


def _allow_training(settings: Settings, *, allowed: bool) -> None:
    """What every listener of the archive says from now on."""
    log = backend_wiring.event_log(settings)
    try:
        records = [
            Record(key=one.encode(), value=json.dumps({"listener_id": one, "allow_training": allowed}).encode())
            for one in sorted(set(_archived(settings, "listener_id")))
        ]
        assert all(log.append(Topic.RIGHTS, records, timeout_seconds=30))
    finally:
        log.close(timeout_seconds=5)


def _same(before: Rows, after: Rows) -> None:
    for table, rows in before.items():
        assert [] == sorted(rows.keys() ^ after[table].keys()), table
        for key, row in rows.items():
            for name, value in row.items():
                # Sums of floats may be made in another order.
                close = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                assert close == after[table][key].get(name), (table, key, name)


def _segue(settings: Settings, *words: str, **env: str) -> Any:
    """What the `segue` command printed with --json, run as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words, "--json"],
        env={**os.environ, **plan.child_environment(settings), "PYTHONFAULTHANDLER": "1", **env},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def _states(settings: Settings) -> dict[str, set[str]]:
    """The jobs of which a state lies on disk, by name and folder, and savepoints between them."""
    root = Path(settings.checkpoints.removeprefix("file://"))
    names = [job.on_cluster(settings.tenant) for job in LIVE_JOBS]
    return {
        name: {folder.name for folder in (root / name).glob("*/*") if any(folder.rglob("_metadata"))} for name in names
    }


def _job(settings: Settings, job: LiveJob = TABLES) -> Job:
    (alive,) = [one for one in wiring.cluster(settings).jobs(job.on_cluster(settings.tenant)) if one.is_alive]
    return alive


def _rows(store: Database[dict[str, Any]]) -> Rows:
    tables: Mapping[str, Any] = {table: store[table].find() for table in _windowed()}
    return {
        table: {row["_id"]: {name: row[name] for name in row.keys() - {"written_at"}} for row in found}
        for table, found in tables.items()
    }


def _windowed() -> list[str]:
    """Tables whose rows stay in their window; of charts the live job may write the next one at any time."""
    return [table for table in backfill.tables() if table not in charts.charts()]


def _plays_counted(store: Database[dict[str, Any]]) -> int:
    """Plays in the hours of artist_engagement."""
    return sum(row["plays"] for row in store["artist_engagement"].find() if row.get("span", "hour") == "hour")


def _archived(settings: Settings, column: str = "event_id") -> list[str]:
    folder = Path(settings.archive.removeprefix("file://"))
    files = [str(path) for path in folder.glob("day=*/part-*")]
    if not files:
        return []
    rows = duckdb.connect().execute(f"SELECT {column} FROM read_parquet(?)", [files]).fetchall()
    return [value for (value,) in rows]


def _engagement_since(store: Database[dict[str, Any]], moment: datetime) -> bool:
    """Whether no row is older than this: the job counts every play here, however late."""
    return not store["artist_engagement"].count_documents({"written_at": {"$lt": moment}})


def _holding(folder: Path, word: str) -> list[str]:
    """Files in which the word stands."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and word.encode() in path.read_bytes():
                found.append(str(path))
        except FileNotFoundError:
            continue  # a part has taken it away meanwhile
    return found


def _is_what_the_log_holds(given: Path, settings: Settings, pseudonym: str, *, plays: int, likes: int) -> None:
    """Plays and feedback of the zip are those that a reader of the raw topics finds, under the app's own id."""
    with zipfile.ZipFile(given) as opened:
        assert "README.md" in opened.namelist()
        for topic, count in ((Topic.PLAYS, plays), (Topic.FEEDBACK, likes)):
            told = [json.loads(line) for line in opened.read(f"{topic}.jsonl").splitlines()]
            named = [one.value for one in whole(settings, topic) if pseudonym.encode() in (one.value or b"")]
            held = [one for value in named if (one := json.loads(value or b""))["listener_id"] == pseudonym]
            assert count == len(held)
            tracks = {one["event_id"]: one["track_id"] for one in held}
            assert tracks == {one["event_id"]: one["track_id"] for one in told}
            assert {ERASED} == {one["listener_id"] for one in told}


def _is_a_stranger(channel: grpc.Channel) -> bool:
    asked = recommend_pb2.RecommendRequest(listener_id=ERASED)
    answer = recommend_pb2_grpc.RecommendServiceStub(channel).Recommend(asked)
    return bool(recommend_pb2.ANSWER_PATH_HYBRID != answer.path)


def _refuses(settings: Settings, *words: str) -> bool:
    """Whether the command says that nothing is held of them, or that they are being erased."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        env={**os.environ, **plan.child_environment(settings)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode != 0 and ("nothing is held" in done.stderr or "runs already" in done.stderr)
