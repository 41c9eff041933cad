"""NextTracks, BatchRecommend and SimilarArtists through a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime

import grpc
import pytest
from segue.v1 import ingest_pb2, play_pb2, recommend_pb2, recommend_pb2_grpc

from backend.domain.tracks import Artist
from backend.rpc.auth import Scope
from tests.rpc.conftest import VERSION, World
from tests.rpc.test_ingest import stamp
from tests.rpc.test_options import Filter, Options, ids, listen
from tests.rpc.test_recommend import COLD_START, HYBRID, until
from tests.rpc.wide import RARE, wide


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all."""
    with wide(tmp_path_factory.mktemp("home")) as world:
        yield world


def go_on(world: World, *track_ids: str, **fields: object) -> recommend_pb2.NextTracksResponse:
    """What goes on with a session."""
    request = recommend_pb2.NextTracksRequest(track_ids=track_ids, **fields)
    response: recommend_pb2.NextTracksResponse = world.recommend.NextTracks(request)
    return response


def kinds(response: object) -> list[str]:
    """Of music, in the order of the answer."""
    return [one.title.split()[0] for one in response.tracks]  # type: ignore[attr-defined]


def test_a_session_goes_on_as_it_is(world: World) -> None:
    """Without a listener; none of its tracks comes again, nor does one that nobody knows spoil it."""
    response = go_on(world, "t1", "no-such-track", "t3", "t5")
    assert ({"techno"}, HYBRID, VERSION) == ({*kinds(response)}, response.path, response.model_version)
    assert not {"t1", "t3", "t5"} & {*ids(response)}
    assert ([], True) == ([*response.fallbacks], bool(response.recommendation_id))


def test_the_last_tracks_of_a_session_count_most(world: World) -> None:
    """The same six tracks in the other order go on with the other kind."""
    jazz, techno = ["t0", "t2", "t4"], ["t1", "t3", "t5"]
    assert kinds(go_on(world, *jazz, *techno)).count("techno") > 10
    assert kinds(go_on(world, *techno, *jazz)).count("jazz") > 10


def test_a_listeners_session_leaves_out_what_they_hid_and_heard(world: World) -> None:
    """It is the session that the answer goes by, not their taste; its pages agree."""
    listen(world, "ann", 0, 2, 4, 7)
    hidden = play_pb2.Feedback(
        listener_id="ann", track_id="t9", kind=play_pb2.FEEDBACK_KIND_HIDE, given_at=stamp(datetime.now(UTC))
    )
    world.ingest.RecordFeedback(ingest_pb2.RecordFeedbackRequest(feedback=[hidden]))
    rare = Options(filter=Filter(artist_ids=["rare", "a9"]))
    fields = {"listener_id": "ann", "options": rare, "page_size": 15}
    first = go_on(world, "t1", "t3", **fields)
    second = go_on(world, "t1", "t3", page_token=first.next_page_token, **fields)
    listed = [*ids(first), *ids(second)]
    expected = {*RARE, *(f"t{number}" for number in range(9, 2_000, 200))} - {"t7", "t9"}
    assert (sorted(expected), first.recommendation_id) == (sorted(listed), second.recommendation_id)
    assert {"techno"} == {*kinds(first)}


def test_a_session_that_nobody_knows_is_answered_from_the_charts(world: World) -> None:
    """And so is an empty one of nobody; the answer says so."""
    for session in (["nobody"], []):
        response = go_on(world, *session)
        assert COLD_START == response.path
        assert [recommend_pb2.FALLBACK_REASON_NOTHING_KNOWN] == [one.reason for one in response.fallbacks]


def test_a_batch_answers_each_and_a_broken_id_costs_only_itself(world: World) -> None:
    """In the order of the request, each as Recommend would; the refusal says what an id is like."""
    listen(world, "jazzy", 0, 2, 4)
    listen(world, "techy", 1, 3, 5)
    request = recommend_pb2.BatchRecommendRequest(
        listener_ids=["jazzy", "not an id!", "", "x" * 200, "techy", "stranger"],
        tracks=5,
        options=Options(max_per_artist=1),
    )
    answers = list(world.recommend.BatchRecommend(request))
    assert list(request.listener_ids) == [one.listener_id for one in answers]
    assert [False, True, True, True, False, False] == [one.HasField("refusal") for one in answers]
    assert "letters, digits" in answers[1].refusal
    assert (["jazz"] * 5, ["techno"] * 5) == (kinds(answers[0].answer), kinds(answers[4].answer))
    assert {""} == {one.answer.next_page_token for one in answers}
    alone = world.recommend.Recommend(
        recommend_pb2.RecommendRequest(listener_id="jazzy", page_size=5, options=request.options)
    )
    assert ids(alone) == ids(answers[0].answer)


def test_a_batch_keeps_no_answer(world: World) -> None:
    """Though each has many more tracks than are asked for."""
    listeners = [f"many{one}" for one in range(5)]
    for listener in listeners:
        listen(world, listener, 0, 2)
    answers = world.recommend.BatchRecommend(recommend_pb2.BatchRecommendRequest(listener_ids=listeners, tracks=3))
    answered = {one.answer.recommendation_id for one in answers}
    alone = world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="many0", page_size=3))
    until(lambda: alone.recommendation_id in world.store.answers)
    assert (5, set()) == (len(answered), answered & world.store.answers.keys())


def test_what_is_wrong_with_a_batchs_options_is_said_once(world: World) -> None:
    """Before the first answer."""
    request = recommend_pb2.BatchRecommendRequest(
        listener_ids=["ann", "bob"], options=Options(filter=Filter(topic_ids=["9z"]))
    )
    with pytest.raises(grpc.RpcError) as caught:
        list(world.recommend.BatchRecommend(request))
    assert (grpc.StatusCode.INVALID_ARGUMENT, True) == (caught.value.code(), "9z" in caught.value.details())


def test_a_listeners_token_asks_for_no_batch(world: World) -> None:
    """Not even for their own."""
    token = world.token(Scope.RECOMMEND, listener_id="ann")
    stub = recommend_pb2_grpc.RecommendServiceStub(world.channel(token))
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.BatchRecommend(recommend_pb2.BatchRecommendRequest(listener_ids=["ann"])))
    assert grpc.StatusCode.PERMISSION_DENIED == caught.value.code()


def artists(world: World, artist_id: str, **fields: object) -> recommend_pb2.SimilarArtistsResponse:
    """Artists like one."""
    request = recommend_pb2.SimilarArtistsRequest(artist_id=artist_id, **fields)
    response: recommend_pb2.SimilarArtistsResponse = world.recommend.SimilarArtists(request)
    return response


def test_artists_like_one_are_of_a_kind(world: World) -> None:
    """By what the same listeners play and by words, with names and a pair of tracks for each reason."""
    response = artists(world, "a4", page_size=10)
    assert (10, VERSION) == (len(response.artists), response.model_version)
    for one in response.artists:
        assert int(one.artist_id[1:]) % 2 == 0
        assert f"Artist {one.artist_id}" == one.name
        assert pytest.approx(one.score) == sum(reason.score_part for reason in one.reasons)
        for reason in one.reasons:
            own, theirs = reason.anchor_track_ids
            assert ("a4", one.artist_id) == tuple(f"a{int(track[1:]) % 200}" for track in (own, theirs))
    assert "a4" not in {one.artist_id for one in response.artists}
    scores = [one.score for one in response.artists]
    assert sorted(scores, reverse=True) == scores


def test_artists_come_in_pages(world: World) -> None:
    """Each once."""
    first = artists(world, "a4", page_size=40)
    second = artists(world, "a4", page_size=40, page_token=first.next_page_token)
    listed = [one.artist_id for one in (*first.artists, *second.artists)]
    assert len(listed) == len({*listed}) > 40


def test_an_artist_whom_nobody_knows_is_not_found(world: World) -> None:
    """Nor is one without a track that the model knows; the messages say which."""
    world.store.put_artists([Artist(artist_id="silent", name="Silent")])
    for artist_id, text in (("nobody", "no artist 'nobody'"), ("silent", "knows no track of 'silent'")):
        with pytest.raises(grpc.RpcError) as caught:
            artists(world, artist_id)
        assert (grpc.StatusCode.NOT_FOUND, True) == (caught.value.code(), text in caught.value.details())
