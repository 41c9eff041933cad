"""Records of a buggy producer on the real stack: each costs itself only, and the live jobs go on."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from backend import wiring as backend_wiring
from backend.domain.feedback import FeedbackKind
from backend.domain.tracks import Track
from backend.ports.event_log import Record, Topic
from backend.ports.records import feedback_record, play_record, track_record
from backend.settings import Settings
from stack import plan
from streaming import lineage, wiring
from streaming.cluster import Job
from streaming.live_jobs import ARCHIVE, LIVE_JOBS, TABLES
from tests.unit.test_listeners import play, word
from tests.unit.test_poison import SOUND

LONG = "x" * 900_000
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def changed(record: Record, **fields: object) -> bytes:
    """The record's value with these fields put into it."""
    return json.dumps(json.loads(record.value) | fields).encode()


PLAY = play_record(play(1, listener="poison"), ingested_at=AT)
POISON: dict[Topic, list[bytes]] = {
    Topic.PLAYS: [
        random.Random(1).randbytes(900_000),
        LONG.encode(),
        b'{"a":' * 1_500 + b"1" + b"}" * 1_500,
        changed(PLAY, event_id={"a": 1}, listener_id=None),
        changed(PLAY, event_id=LONG),
        changed(PLAY, event_id="long-listener", listener_id=LONG),
        changed(PLAY, event_id="long-track", track_id=LONG),
        changed(PLAY, event_id="long-artist", artist_id=LONG),
        PLAY.value.replace(b'"e0001"', b'"\xff"'),
    ],
    Topic.FEEDBACK: [changed(feedback_record(word(FeedbackKind.LIKE)), artist_id=LONG), LONG.encode(), b"{"],
    Topic.TRACKS: [
        track_record(Track(track_id=LONG, title="T", artist_ids=("a",), audio_features=SOUND)).value,
        b'{"a":' * 1_500,
    ],
}
"""Each has a letter: those on the topic plays by Flink, the others by the sink."""


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Database[dict[str, Any]]]:
    """The tenant's database, seen directly."""
    with MongoClient[dict[str, Any]](settings.store_url, tz_aware=True) as client:
        yield client[settings.tenant]


def awaited(what: Callable[[], bool], *, seconds: float = 180) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def test_poison_has_letters_and_the_live_jobs_go_on(settings: Settings, store: Database[dict[str, Any]]) -> None:
    """Records longer than their letter may be, nested deep, of other types, with identifiers as long as the record."""
    restarts = [line["restarts"] for line in status(settings)]
    before = store["dead_letters"].count_documents({"reason": "malformed"})
    poisoned = sum(map(len, POISON.values()))
    log = backend_wiring.event_log(settings)
    for topic, values in POISON.items():
        assert all(log.append(topic, [Record(key=b"poison", value=one) for one in values], timeout_seconds=30))
    assert 0 == log.close(timeout_seconds=5)
    appended = datetime.now(UTC)
    letters = store["dead_letters"]
    assert awaited(lambda: letters.count_documents({"reason": "malformed"}) == before + poisoned)
    assert all(len(json.dumps(one, default=str)) < 8_192 for one in letters.find({"reason": "malformed"}))
    cluster = wiring.cluster(settings)
    names = [job.on_cluster(settings.tenant) for job in LIVE_JOBS]
    for name in names:
        (job,) = [one for one in cluster.jobs(name) if one.is_alive]

        def is_saved(job: Job = job) -> bool:
            health = cluster.health(job)
            return health.checkpoint is not None and health.checkpoint.at > appended

        assert awaited(is_saved)
    told = status(settings)
    assert [(True, name) for name in names] == [(one["is_well"], one["name"]) for one in told], told
    assert restarts == [line["restarts"] for line in told]


def test_tables_that_cannot_take_up_their_state_do_not_stop_the_archive(
    settings: Settings, store: Database[dict[str, Any]]
) -> None:
    """A state that Flink cannot read is the tables' newest: they do not run, and plays are archived all the same.

    Once it is out of the way they go on from the state before, and count what was told meanwhile.
    """
    told = {f"while-away-{nth}" for nth in range(40)}
    cluster, spec = wiring.cluster(settings), wiring.job_spec(settings)
    archive = cluster.running(ARCHIVE.on_cluster(settings.tenant))
    with lineage.submitting(settings.home, TABLES):
        job = cluster.running(spec.name)
        assert archive is not None
        assert job is not None
        state = cluster.health(job).checkpoint
        assert state is not None
        digest = Path(state.url.removeprefix("file://")).parents[1]
        cluster.cancel(job)
        broken = digest / ("0" * 32) / "chk-1" / "_metadata"
        broken.parent.mkdir(parents=True)
        broken.write_bytes(b"no state")
    try:
        log = backend_wiring.event_log(settings)
        plays = [replace(play(1, listener="away"), artist_id="while-away", event_id=one) for one in sorted(told)]
        records = [play_record(one, ingested_at=AT) for one in plays]
        assert all(log.append(Topic.PLAYS, records, timeout_seconds=30))
        assert 0 == log.close(timeout_seconds=5)
        assert awaited(lambda: told <= {*archived(settings, "while-away")})
        assert cluster.running(spec.name) is None
        assert "RUNNING" == next(one.state for one in cluster.every_job() if one.id == archive.id)
    finally:
        shutil.rmtree(broken.parents[1])
    assert awaited(lambda: cluster.running(spec.name) is not None)
    counted = store["artist_engagement"]
    assert awaited(lambda: 40 == sum(one["plays"] for one in counted.find({"artist_id": "while-away", "span": "hour"})))


def archived(settings: Settings, artist: str) -> list[str]:
    """The event ids of the artist's plays in the archive, each time that they stand there."""
    files = [str(path) for path in Path(settings.archive.removeprefix("file://")).glob("day=*/part-*")]
    asked = "SELECT event_id FROM read_parquet(?) WHERE artist_id = ?"
    with duckdb.connect() as connection:
        return [one for (one,) in connection.execute(asked, [files, artist]).fetchall()] if files else []


def status(settings: Settings) -> list[dict[str, Any]]:
    """The lines of the live jobs, as `segue status` tells them."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "status", "--json"],
        env={**os.environ, **plan.child_environment(settings)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    lines: list[dict[str, Any]] = json.loads(done.stdout)["parts"][-len(LIVE_JOBS) :]
    return lines
