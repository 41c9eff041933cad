"""Records of a buggy producer on the real stack: each costs itself only, and the live job goes on."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

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
from streaming import render, wiring
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


def test_poison_has_letters_and_the_live_job_goes_on(settings: Settings, store: Database[dict[str, Any]]) -> None:
    """Records longer than their letter may be, nested deep, of other types, with identifiers as long as the record."""
    restarts = status(settings)["restarts"]
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
    (job,) = [one for one in cluster.jobs(render.job_name(settings.tenant)) if one.is_alive]

    def is_saved() -> bool:
        health = cluster.health(job)
        return health.checkpoint is not None and health.checkpoint.at > appended

    assert awaited(is_saved)
    told = status(settings)
    assert (True, render.job_name(settings.tenant)) == (told["is_well"], told["name"]), told["health"]
    assert 0 == told["restarts"] - restarts


def status(settings: Settings) -> dict[str, Any]:
    """The line of the live job, as `segue status` tells it."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "status", "--json"],
        env={**os.environ, **plan.child_environment(settings)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    line: dict[str, Any] = json.loads(done.stdout)["parts"][-1]
    return line
