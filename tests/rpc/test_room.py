"""A server whose disk is nearly full: nothing new is taken in, and everything else is answered."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from segue.v1 import analytics_pb2, catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2

from backend.ports.event_log import Topic
from backend.room import Room
from cli.main import explain
from importers import send as ingest_client
from tests.rpc.conftest import World, running
from tests.unit.test_listeners import play


@dataclass
class Disk:
    """A folder with a reserve that no disk has, for as long as it is on the list."""

    world: World
    folder: Path
    folders: list[Path] = field(default_factory=list)

    def becomes_full(self) -> None:
        """Return when the server knows."""
        self.folders.append(self.folder)
        assert eventually(lambda: not serves(self.world, "Ingest"))

    def has_room(self) -> None:
        """Return when the server knows."""
        self.folders.clear()
        assert eventually(lambda: serves(self.world, "Ingest"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk of a running server."""
    folders: list[Path] = []
    with running(tmp_path, with_model=True, disks=Room(lambda: folders, reserve=1 << 60, share=1)) as world:
        assert eventually(lambda: serves(world, "Ingest"))
        yield Disk(world, tmp_path, folders)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def serves(world: World, name: str) -> bool:
    """What the health service says of a service."""
    stub: Any = health_pb2_grpc.HealthStub(world.channel())
    answer = stub.Check(health_pb2.HealthCheckRequest(service=f"segue.v1.{name}Service"))
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def message(event_id: str = "") -> play_pb2.Play:
    """A sound play."""
    found = play_pb2.Play(event_id=event_id, listener_id="l", track_id="t1", milliseconds_played=1, source=1)
    found.played_at.GetCurrentTime()
    return found


def test_nothing_is_taken_in_and_the_reason_is_told(disk: Disk) -> None:
    """All four calls: RESOURCE_EXHAUSTED with what is left, reason and time to retry; not a byte in the log."""
    disk.becomes_full()
    before = len(disk.world.log.values(Topic.PLAYS))
    feedback = play_pb2.Feedback(event_id="f", listener_id="l", track_id="t1", kind=1)
    feedback.given_at.GetCurrentTime()
    ingest = disk.world.ingest
    for call, request in (
        (ingest.RecordPlays, ingest_pb2.RecordPlaysRequest(plays=[message("e")])),
        (ingest.RecordFeedback, ingest_pb2.RecordFeedbackRequest(feedback=[feedback])),
        (ingest.UpsertTracks, ingest_pb2.UpsertTracksRequest(tracks=[catalogue_pb2.Track(track_id="n", title="N")])),
        (ingest.UpsertArtists, ingest_pb2.UpsertArtistsRequest(artists=[catalogue_pb2.Artist(artist_id="n")])),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            call(request)
        assert grpc.StatusCode.RESOURCE_EXHAUSTED is refused.value.code()
        assert "MB left, less than the reserve of" in refused.value.details()
        assert str(disk.folder) not in refused.value.details()
        status = rpc_status.from_call(refused.value)
        assert status is not None
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        assert (True, True) == (status.details[0].Unpack(info), status.details[1].Unpack(retry))
        assert ("NO_ROOM", 30) == (info.reason, retry.retry_delay.seconds)
        # gRPC's own retries leave it be.
        assert "-1" == dict(refused.value.trailing_metadata())["grpc-retry-pushback-ms"]
    assert before == len(disk.world.log.values(Topic.PLAYS))


def test_everything_else_is_answered(disk: Disk) -> None:
    """Recommendations and analytics go on, and their health says so."""
    disk.becomes_full()
    assert (True, True) == (serves(disk.world, "Recommend"), serves(disk.world, "Analytics"))
    answer = disk.world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="l"))
    assert answer.recommendation_id
    disk.world.analytics.ListTrends(analytics_pb2.ListTrendsRequest())


def test_plays_are_taken_again_once_there_is_room(disk: Disk) -> None:
    """By itself; a play that was refused is new."""
    again = ingest_pb2.RecordPlaysRequest(plays=[message(str(uuid.UUID(int=1)))])
    disk.becomes_full()
    with pytest.raises(grpc.RpcError):
        disk.world.ingest.RecordPlays(again)
    disk.has_room()
    (result,) = disk.world.ingest.RecordPlays(again).results
    assert ingest_pb2.INGEST_OUTCOME_ACCEPTED == result.outcome


def test_an_import_waits_for_room_and_then_ends_with_the_reason(disk: Disk) -> None:
    """The sender tries again for as long as it tries for anything; what it raises says what is full, and what to do."""
    disk.becomes_full()
    plays = [play(1, listener="import")]
    with pytest.raises(Exception, match="not stored") as failed:
        ingest_client.send(disk.world.channel(), plays=plays, retry_delays=(0.1,))
    told = explain(failed.value)
    assert told is not None
    assert ("disk is nearly full" in told[0], "run the same command again" in told[0], 1) == (True, True, told[1])
