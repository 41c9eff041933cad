"""Two server processes on one Kafka and one store: either answers for the other, and for one that was killed."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from segue.v1 import (
    catalogue_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    play_pb2,
    privacy_pb2,
    privacy_pb2_grpc,
    recommend_pb2,
    recommend_pb2_grpc,
)

from backend import wiring
from backend.domain.live_tables import TRACK_POPULARITY
from backend.ports.store import TableRow
from backend.services.answers import WRITE_SECONDS
from backend.settings import Settings
from client.channel import connect
from stack.ports import free_port
from tests.rpc.test_ingest import ACCEPTED, DUPLICATE, play
from tests.rpc.test_process import is_serving, started

TRACKS = [f"t{number}" for number in range(12)]


class Replica:
    """A server process under a tenant that no sink carries: what it knows of others, the log's tail told it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.channel: grpc.Channel

    @contextmanager
    def running(self) -> Iterator["Replica"]:
        """Until the end of the block, where it is killed: it gets no chance to hand anything over."""
        settings = self._settings
        address = f"127.0.0.1:{free_port(set(), random.SystemRandom())}"
        with started(
            settings.home,
            SEGUE_TENANT=settings.tenant,
            SEGUE_KAFKA_SERVERS=settings.kafka_servers,
            SEGUE_STORE_URL=settings.store_url,
            SEGUE_SERVER_ADDRESS=address,
        ):
            assert is_serving(address, 60)
            token = (settings.tokens / "operator.token").read_text().strip()
            with connect(address, token) as self.channel:
                yield self

    def send(self, sent: play_pb2.Play) -> int:
        """The outcome of one play."""
        request = ingest_pb2.RecordPlaysRequest(plays=[sent])
        outcome: int = ingest_pb2_grpc.IngestServiceStub(self.channel).RecordPlays(request).results[0].outcome
        return outcome

    def shown(self, page_token: str = "") -> recommend_pb2.RecommendResponse:
        """Five tracks for ann."""
        request = recommend_pb2.RecommendRequest(listener_id="ann", page_size=5, page_token=page_token)
        answer: recommend_pb2.RecommendResponse = recommend_pb2_grpc.RecommendServiceStub(self.channel).Recommend(
            request
        )
        return answer


@pytest.fixture
def own_settings(settings: Settings, tmp_path: Path) -> Settings:
    """The stack's parts under a tenant and a home of this test's own; every track is popular, the first one most."""
    own = settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}", "home": tmp_path})
    columns = {"span": "24h", "artist_id": "a", "window_end": datetime.now(UTC), "plays": 9, "listeners": 9}
    store = wiring.store(own)
    store.write(
        [
            TableRow(table=TRACK_POPULARITY.name, key=f"24h|{one}", columns={**columns, "track_id": one, "rank": rank})
            for rank, one in enumerate(TRACKS, 1)
        ],
        {},
    )
    store.close()
    return own


def ids(answer: recommend_pb2.RecommendResponse) -> list[str]:
    """The tracks of a page."""
    return [track.track_id for track in answer.tracks]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_either_server_answers_for_the_other(own_settings: Settings) -> None:
    """Pages go on at B, also after A was killed; what A took in B does not recommend, and whom A erased it forgets."""
    replica = Replica(own_settings)
    with Replica(own_settings).running() as b:
        with replica.running() as a:
            ingest = ingest_pb2_grpc.IngestServiceStub(a.channel)
            artist = catalogue_pb2.Artist(artist_id="a", name="A")
            tracks = [catalogue_pb2.Track(track_id=one, title=one, artist_ids=["a"]) for one in TRACKS]
            ingest.UpsertArtists(ingest_pb2.UpsertArtistsRequest(artists=[artist]))
            ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=tracks))
            until(lambda: ids(b.shown()) == ids(a.shown()) == TRACKS[:5])
            assert ACCEPTED == a.send(play("t0", "ann"))
            until(lambda: ids(b.shown()) == TRACKS[1:6])
            first = a.shown()
            # Answers are written a moment after they are given (ADR 22): those of a server's last moment die with it.
            time.sleep(6 * WRITE_SECONDS)
        second = b.shown(first.next_page_token)
        assert (TRACKS[1:6], TRACKS[6:11]) == (ids(first), ids(second))
        with replica.running() as again:
            third = again.shown(second.next_page_token)
            assert (TRACKS[11:], first.recommendation_id) == (ids(third), third.recommendation_id)
            # What was taken in within the last minute, a server that says it serves knows as well.
            assert TRACKS[1:6] == ids(again.shown())
            pause = 0.01

            def told_in_time() -> bool:
                """Whether a play that one server took in was known to the other after `pause`: each is sent once."""
                nonlocal pause
                sent, pause = play("t1", "bob"), 2 * pause
                assert ACCEPTED == again.send(sent)
                time.sleep(pause)
                return b.send(sent) == DUPLICATE

            until(told_in_time)
            # Whom one erased the other answers as somebody new, soon and not only when the minute is over.
            erased = privacy_pb2.EraseListenerRequest(listener_id="ann")
            privacy_pb2_grpc.PrivacyServiceStub(again.channel).EraseListener(erased)
            until(lambda: ids(b.shown()) == TRACKS[:5], seconds=5)
