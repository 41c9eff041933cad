"""Two servers over the same parts: what one of them took in or answered, the other knows."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from segue.v1 import catalogue_pb2, ingest_pb2, recommend_pb2, recommend_pb2_grpc

from backend.domain.page_tokens import encode_page_token, question_digest
from backend.rpc.auth import Scope
from tests.rpc.conftest import World, running, served
from tests.rpc.test_ingest import ACCEPTED, DUPLICATE, play, send
from tests.rpc.test_recommend import answer, listen, make_popular, until


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[World, World]]:
    """Servers A and B."""
    with running(tmp_path, with_model=True) as a, served(tmp_path, a.log, a.store, a.vectors, a.models) as b:
        yield a, b


def shown(world: World, listener: str = "ann") -> set[str]:
    """Every track that the listener is recommended."""
    return {track.track_id for track in answer(world, listener, page_size=200).tracks}


def test_a_play_that_one_accepted_is_not_recommended_by_the_other(pair: tuple[World, World]) -> None:
    """Although no sink has brought it to the store."""
    a, b = pair
    make_popular(a, "t7", "t3")
    assert {"t7", "t3"} == shown(b)
    listen(a, "ann", "t7")
    until(lambda: "t7" not in shown(b))


def test_an_event_that_one_accepted_is_a_duplicate_to_the_other(pair: tuple[World, World]) -> None:
    """Nothing is written twice."""
    a, b = pair
    sent = play(listener="ann")
    assert [ACCEPTED] == [result.outcome for result in send(a, sent)]
    # B follows the log's tail: when it knows the play it knows the event id.
    until(lambda: "t1" not in shown(b) and bool(shown(b)))
    assert [DUPLICATE] == [result.outcome for result in send(b, sent)]


def test_pages_go_on_at_any_server(pair: tuple[World, World]) -> None:
    """One answer, every track once; also at one that has started since, and when the first is gone."""
    a, b = pair
    listen(a, "ann", "t0")
    first = answer(a, page_size=25)
    a.server.stop()
    second = answer(b, page_size=25, page_token=first.next_page_token)
    tracks = [track.track_id for page in (first, second) for track in page.tracks]
    assert 50 == len(tracks) == len(set(tracks))
    assert first.recommendation_id == second.recommendation_id


def test_anothers_answer_is_not_read_with_its_id(pair: tuple[World, World]) -> None:
    """Neither with bob's own question around ann's answer, nor with ann's page by another token than got it."""
    a, b = pair
    listen(a, "ann", "t0")
    first = answer(a, page_size=5)
    bob = b.token(Scope.RECOMMEND, listener_id="bob")
    question = question_digest("recommend", hashlib.sha256(bob.encode()).hexdigest(), "bob", [])
    forged = encode_page_token((first.recommendation_id, 5), question=question)
    other = b.token(Scope.RECOMMEND)
    for token, listener, page_token in ((bob, "bob", forged), (other, "ann", first.next_page_token)):
        stub = recommend_pb2_grpc.RecommendServiceStub(b.channel(token))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Recommend(recommend_pb2.RecommendRequest(listener_id=listener, page_token=page_token))
        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


def test_a_track_that_one_took_in_can_be_played_and_is_placed_at_the_other(pair: tuple[World, World]) -> None:
    """Before its first play, without reading the catalogue again."""
    a, b = pair
    listen(b, "ann", "t0", "t2", "t4")
    answer(b)
    track = catalogue_pb2.Track(track_id="new", title="untitled", artist_ids=["a0"])
    a.ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=[track]))
    until(lambda: "new" in shown(b))
    assert [ACCEPTED] == [result.outcome for result in send(b, play("new"))]
