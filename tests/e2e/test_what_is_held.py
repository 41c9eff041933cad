"""An export on the real parts: what an independent reader of the log finds, in time and in bounded memory."""

import io
import json
import resource
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from segue.v1 import ingest_pb2, ingest_pb2_grpc

from backend import wiring
from backend.domain.feedback import FeedbackKind
from backend.ports.event_log import Topic
from backend.ports.records import feedback_record, play_record
from backend.services.assembly import Services
from backend.settings import Settings
from client import privacy
from client.channel import connect
from tests.rpc.test_ingest import play as sent
from tests.unit.test_listeners import play, word

pytestmark = pytest.mark.stack

PLAYS = 100_000
MOST_SECONDS = 60
MOST_MEGABYTES = 200
"""What the process may grow by: librdkafka holds 64 MB fetched ahead, and the store's pages and the zip some more."""


@pytest.fixture
def own(settings: Settings) -> Settings:
    """The stack's settings under a tenant of this test's own, with models of its own."""
    return settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"})


@pytest.fixture
def services(own: Settings) -> Iterator[Services]:
    """The use cases over the real parts, their loops not running."""
    services = wiring.services(own)
    services.event_log.create_topics()
    services.store.migrate()
    yield services
    services.close()


def read_apart(settings: Settings, topic: Topic) -> Iterator[bytes]:
    """Every value in the topic, read by a consumer that knows nothing of Segue."""
    servers = {"bootstrap.servers": settings.kafka_servers, "group.id": uuid.uuid4().hex, "enable.auto.commit": False}
    consumer = Consumer(servers)
    name = f"{settings.tenant}.{topic}"
    partitions = consumer.list_topics(name, timeout=10).topics[name].partitions
    ends = {at: consumer.get_watermark_offsets(TopicPartition(name, at), timeout=10)[1] for at in partitions}
    consumer.assign([TopicPartition(name, at, 0) for at in partitions])
    left = sum(ends.values())
    while left:
        for message in consumer.consume(10_000, 5):
            left -= 1
            yield message.value()
    consumer.close()


def test_a_hundred_thousand_plays_are_given_out(
    own: Settings, services: Services, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each as it stands in the log, of that listener alone; and afterwards they are erased at once."""
    log, now = services.event_log, datetime.now(UTC)
    ids = services.identities.ensured(["ann", "bob"]).found
    for start in range(0, PLAYS, 10_000):
        for listener in ids.values():
            records = [
                play_record(play(start + n, listener=listener), ingested_at=now)
                for n in range(10_000 if listener == ids["ann"] else 1_000)
            ]
            assert all(log.append(Topic.PLAYS, records, timeout_seconds=60))
    liked = replace(word(FeedbackKind.LIKE), listener_id=ids["ann"])
    assert [True] == log.append(Topic.FEEDBACK, [feedback_record(liked)], timeout_seconds=20)
    services.rights.allow_training("ann", allowed=False, timeout_seconds=20)

    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with (tmp_path / "ann.zip").open("wb") as file:
        for chunk in services.exporter.export("ann"):
            file.write(chunk)
    seconds = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for name, figure in (("seconds", seconds), ("megabytes", grown), ("bytes", (tmp_path / "ann.zip").stat().st_size)):
        record_property(name, figure)
    assert seconds < MOST_SECONDS
    assert grown < MOST_MEGABYTES

    with zipfile.ZipFile(tmp_path / "ann.zip") as zipped:
        for topic, count in ((Topic.PLAYS, PLAYS), (Topic.FEEDBACK, 1), (Topic.RIGHTS, 1)):
            given = _by_content(json.loads(line) for line in zipped.open(f"{topic}.jsonl"))
            held = _by_content(
                {**record, "listener_id": "ann"}
                for record in map(json.loads, read_apart(own, topic))
                if record["listener_id"] == ids["ann"]
            )
            assert (count, True) == (len(given), held == given)
        text = b"".join(zipped.read(name) for name in zipped.namelist() if name != "README.md")
    assert not [one for one in (b"bob", *(pseudonym.encode() for pseudonym in ids.values())) if one in text]

    receipt = services.erasures.ask("ann", timeout_seconds=20)
    assert services.identities.pseudonym("ann") is None
    assert [receipt] == list(services.erasures.page(page_size=0, page_token="")[0])
    (news,) = read_apart(own, Topic.ERASURES)
    assert ids["ann"] not in news.decode()


def test_what_the_job_archived_is_given_out_by_the_server(settings: Settings) -> None:
    """Over gRPC, read from the files that Flink wrote: each counted play once, as its columns say."""
    listener, count = f"export-{uuid.uuid4().hex[:8]}", 20
    token = (settings.tokens / "operator.token").read_text().strip()
    with connect(settings.server_address, token) as channel:
        ingest: Any = ingest_pb2_grpc.IngestServiceStub(channel)
        artists = ingest_pb2.UpsertArtistsRequest()
        artists.artists.add(artist_id="export-a", name="A")
        ingest.UpsertArtists(artists)
        catalogue = ingest_pb2.UpsertTracksRequest()
        catalogue.tracks.add(track_id="export-t", title="T", artist_ids=["export-a"], duration_milliseconds=9_000)
        ingest.UpsertTracks(catalogue)
        plays = [sent("export-t", listener, milliseconds_played=8_000) for _ in range(count)]
        results = ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=plays)).results
        assert {ingest_pb2.INGEST_OUTCOME_ACCEPTED} == {one.outcome for one in results}
        deadline, archived = time.monotonic() + 240, []
        while len(archived) < count and time.monotonic() < deadline:
            time.sleep(3)
            with zipfile.ZipFile(io.BytesIO(b"".join(privacy.export(channel, listener)))) as zipped:
                archived = [json.loads(line) for line in zipped.read("archive.jsonl").splitlines()]
                told = [json.loads(line) for line in zipped.read("plays.jsonl").splitlines()]
    assert sorted(one.event_id for one in plays) == sorted(one["event_id"] for one in archived)
    assert len(told) == count
    assert {(listener, "export-t", "export-a", 8_000, 9_000)} == {
        (one["listener_id"], one["track_id"], one["artist_id"], one["milliseconds_played"], one["track_milliseconds"])
        for one in archived
    }


def _by_content(records: Iterator[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(record, sort_keys=True) for record in records)
