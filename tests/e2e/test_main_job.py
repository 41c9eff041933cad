"""The main job on the real stack: plays in over gRPC, tables out, held to an independent recount of the log."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import grpc
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from analytics import queries
from backend import wiring
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.plays import Play
from backend.ports.event_log import EventLog, Record, StoredRecord, Topic
from backend.ports.records import feedback_record, heartbeat_record, play_record
from backend.settings import Settings
from cli import reach
from importers import send as ingest_client
from stack.stack import Stack
from streaming.reading import record_schema
from streaming.schema import result_tables
from tests.comparison import same_rows
from tests.quiet import await_
from tests.recount import FEATURES, Log, Recount
from training.simulate import Simulation, simulate

# The first test pays for sending six thousand plays through two kills; a busy machine may take minutes for it.
pytestmark = pytest.mark.timeout(1500)
HOUR = timedelta(hours=1)
LAST = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 2 * HOUR + timedelta(minutes=40)
"""When the told plays end."""
CLOSED = LAST + timedelta(minutes=20)
"""End of the last hour that is closed: a last heartbeat in every partition stands an hour and twenty minutes on."""
CLUSTERS = {
    "model": "current",
    "version": "of-this-test",
    "features": list(FEATURES),
    "means": [0.5] * 7 + [120.0, -8.0],
    "deviations": [0.25] * 7 + [30.0, 4.0],
    "centroids": [[0.0] * 9, [1.0] * 9, [-1.0] * 9, [0.0] * 7 + [2.0, -1.0]],
}


@pytest.fixture(scope="module")
def channel(settings: Settings) -> Iterator[grpc.Channel]:
    """An operator's channel to the stack's server."""
    with reach.channel(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Database[dict[str, Any]]]:
    """The tenant's database, seen directly."""
    with MongoClient[dict[str, Any]](settings.store_url, tz_aware=True) as client:
        yield client[settings.tenant]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """A small service with a spike and a farm."""
    return simulate(11, now=LAST, artists=90, tracks=300, listeners=120, days=9, plays=6_000)


class Teller:
    """Tells plays to the service in the order in which they come, and puts onto the topic what no good client sends."""

    def __init__(self, channel: grpc.Channel, log: EventLog) -> None:
        self._channel = channel
        self._log = log
        self._random = random.Random(5)

    def tell(self, plays: Sequence[Play]) -> None:
        """A tenth comes up to four minutes late, a fiftieth from a clock that is 50 minutes ahead of the server's."""
        told = sorted(plays, key=lambda play: play.played_at + self._delay())
        while told:
            ahead = next((i for i, _ in enumerate(told) if self._random.random() < 0.02), len(told))
            sent = ingest_client.send(self._channel, plays=told[:ahead])
            assert ahead == sent.plays.accepted
            for play in told[ahead : ahead + 1]:
                skewed = replace(play, played_at=play.played_at + timedelta(minutes=50))
                self.append([play_record(skewed, ingested_at=play.played_at)])
            told = told[ahead + 1 :]

    def _delay(self) -> timedelta:
        return timedelta(minutes=self._random.uniform(0, 4)) if self._random.random() < 0.1 else timedelta()

    def append(self, records: Sequence[Record], topic: Topic = Topic.PLAYS) -> None:
        """Put records onto a topic as they are."""
        assert all(self._log.append(topic, records, timeout_seconds=30))


@pytest.fixture(scope="module")
def told(settings: Settings, channel: grpc.Channel, simulation: Simulation, stack: Stack) -> Log:
    """Catalogue, plays and likes sent, Flink killed in between; records sent twice, too late and malformed; the log."""
    ingest_client.send(channel, artists=simulation.artists, tracks=simulation.tracks)
    log = wiring.event_log(settings)
    teller = Teller(channel, log)
    teller.append([Record(key=b"current", value=json.dumps(CLUSTERS).encode())], Topic.CLUSTERS)
    third = len(simulation.plays) // 3
    teller.tell(simulation.plays[:third])
    _kill(stack, "flink-taskmanager")
    teller.tell(simulation.plays[third : 2 * third])
    await_(lambda: _archived(settings) >= third, "the archive goes on after the TaskManager was killed")
    _kill(stack, "flink-jobmanager")
    teller.tell(simulation.plays[2 * third :])
    likes = [
        Feedback(
            event_id=f"like-{nth}",
            listener_id=play.listener_id,
            track_id=play.track_id,
            artist_id=play.artist_id,
            kind=FeedbackKind.LIKE if nth % 8 else FeedbackKind.HIDE,
            given_at=play.played_at,
        )
        for nth, play in enumerate(simulation.plays[:: len(simulation.plays) // 100])
    ]
    teller.append([feedback_record(like) for like in (*likes, *likes[:20])], Topic.FEEDBACK)
    # As who sends a play again: behind the first in the same partition, so that every replay meets that one first.
    again = _whole(log, Topic.PLAYS)[: len(simulation.plays) // 20]
    teller.append([Record(key=b"again-%b" % (r.key or b""), value=r.value, partition=r.partition) for r in again])
    late = [
        replace(p, event_id=f"late-{p.event_id}", played_at=p.played_at - HOUR) for p in simulation.plays[:6000:100]
    ]
    unknown = [
        replace(p, event_id=f"new-{p.event_id}", track_id="nobody-told", artist_id="nobody")
        for p in simulation.plays[-4:]
    ]
    teller.append([play_record(play, ingested_at=LAST) for play in (*late, *unknown)])
    noise = (
        b"not json",
        b"[]",
        b'{"event_id": "lonely"}',
        b'{"played_at_ms": 7, "listener_id": "x"}',
        b"\xff\xfe",
        b"7",
    )
    teller.append([Record(key=b"noise", value=value) for value in noise])
    last = heartbeat_record(CLOSED + HOUR)
    teller.append([replace(last, partition=partition) for partition in range(log.partitions(Topic.PLAYS))])
    (clusters,) = [json.loads(r.value or b"") for r in _whole(log, Topic.CLUSTERS)[-1:]]
    whole = Log(
        plays=_whole(log, Topic.PLAYS),
        feedback=_whole(log, Topic.FEEDBACK),
        tracks=_whole(log, Topic.TRACKS),
        clusters=clusters,
    )
    assert log.close(timeout_seconds=10) == 0
    return whole


def _whole(log: EventLog, topic: Topic) -> list[StoredRecord]:
    """A topic from its start to its end."""
    records: list[StoredRecord] = []
    with log.reader([topic], {}) as reader:
        while batch := reader.poll(max_records=10**6, timeout_seconds=5):
            records += batch
    return records


@pytest.fixture(scope="module")
def recount(settings: Settings, told: Log) -> Recount:
    """What the tables must hold, once Flink has archived every play."""
    expected = Recount(told, CLOSED.replace(tzinfo=None), lateness_minutes=settings.lateness_minutes)
    plays = len(expected.event_ids)
    await_(lambda: _archived(settings) >= plays, "the archive holds every play")
    return expected


def _kill(stack: Stack, part: str) -> None:
    pid = stack.state.part(part).pid
    assert pid
    os.kill(pid, signal.SIGKILL)


def _archived(settings: Settings) -> int:
    folder = settings.archive.removeprefix("file://")
    files = [str(path) for path in Path(folder).glob("day=*/part-*")]
    if not files:
        return 0
    return int(duckdb.sql(f"SELECT count(*) FROM read_parquet({files!r})").fetchall()[0][0])


@pytest.mark.parametrize("table", [table for table in result_tables() if table != "track_clusters"])
def test_table_is_exact_after_kills_lateness_duplicates_and_noise(
    table: str, store: Database[dict[str, Any]], settings: Settings, recount: Recount
) -> None:
    """Every row as the store holds it, against the recount; rows still on their way get the time to arrive."""
    expected, key = recount.tables(settings)[table]
    assert expected
    deadline = time.monotonic() + 300
    while True:
        try:
            same_rows(table, expected, list(store[table].find()), key)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_tracks_are_assigned_to_their_nearest_cluster(
    store: Database[dict[str, Any]], settings: Settings, recount: Recount
) -> None:
    """Each track of the catalogue that has audio features."""
    expected, key = recount.tables(settings)["track_clusters"]
    assert {0, 1, 2, 3} >= {row["cluster"] for row in expected} > {0}
    same_rows("track_clusters", expected, list(store["track_clusters"].find()), key)


def test_service_pages_through_the_whole_table(
    channel: grpc.Channel, settings: Settings, store: Database[dict[str, Any]], recount: Recount
) -> None:
    """What AnalyticsService lists over many pages is what the store holds."""
    frame = queries.artist_engagement(channel, limit=10**6).frame
    hours = [row for row in recount.engagement() if row["span"] == "hour"]
    same_rows(
        "artist_engagement",
        [{name: value for name, value in row.items() if name != "span"} for row in hours],
        [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")],
        ("artist_id", "window_start"),
    )


def test_archive_holds_each_event_once(settings: Settings, recount: Recount) -> None:
    """After both Flink processes were killed: no play lost, none twice."""
    folder = settings.archive.removeprefix("file://")
    ids = [i for (i,) in duckdb.sql(f"SELECT event_id FROM read_parquet('{folder}/day=*/part-*')").fetchall()]
    assert len(ids) == len(set(ids))
    assert recount.event_ids == set(ids)


def test_anomalies_find_what_was_planted(settings: Settings, simulation: Simulation, recount: Recount) -> None:
    """The spike and the farm are named for what they are."""
    rows, _ = recount.tables(settings)["anomalies"]
    truth = simulation.ground_truth
    planted = {(one.artist_id, one.kind.value) for one in (truth.release_spike, truth.stream_farm)}
    assert planted <= {(row["artist_id"], row["kind"]) for row in rows if row["subject"] == "artist"}


def test_new_listener_with_five_plays_is_known_within_seconds(channel: grpc.Channel, simulation: Simulation) -> None:
    """Before a model is published they are answered from trends and content; never with what they just played."""
    by_genre = Counter(genre for _, genre in {(track.artist_ids[0], track.tags[1]) for track in simulation.tracks})
    plays = simulation.newcomer_plays(by_genre.most_common(1)[0][0])
    ingest_client.send(channel, plays=plays)
    heard = {play.track_id for play in plays}

    def known() -> bool:
        answer = queries.recommendations(channel, plays[0].listener_id, count=50)
        return len(answer.tracks) > 0 and not heard & set(answer.tracks["track_id"])

    await_(known, "the answer leaves out what was just played", seconds=30)


def test_records_on_the_topic_are_what_the_dictionary_says(told: Log) -> None:
    """A play's record has the fields that backend/ports/shapes.py names, in order."""
    value = next(
        json.loads(r.value) for r in told.plays if r.value and b'"listener_id"' in r.value and b"track_id" in r.value
    )
    assert [column.name for column in record_schema(Topic.PLAYS).columns] == list(value)
