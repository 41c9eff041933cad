"""TopicService through a real server: topics of both levels, their tracks, and the home page."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from segue.v1 import ingest_pb2, play_pb2, topics_pb2, topics_pb2_grpc

from backend.domain.live_tables import ARTIST_ENGAGEMENT, TRENDS
from backend.domain.topics import Topic
from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures
from backend.ports.store import TableRow
from backend.ranking.stored import lines_bytes
from backend.ranking.topics import TopicTracks, TrackIds
from backend.rpc.auth import Scope
from tests.rpc.conftest import VERSION, World
from tests.rpc.test_ingest import stamp
from tests.rpc.test_recommend import make_popular, until

WITH_TOPICS = "20260302-topics"


def topic(topic_id: str, name: str, tracks: int, *, parent: str = "", cluster: int | None = None) -> Topic:
    """A topic whose every feature is a half."""
    centre = AudioFeatures(**dict.fromkeys(AUDIO_FEATURES, 0.5))
    return Topic(
        topic_id=topic_id, parent_id=parent, cluster=cluster, name=name, tracks=tracks, centre=centre, tags=(name,)
    )


TOPICS = (
    topic("1a", "jazz", 30, cluster=3),
    topic("1b", "early jazz", 10, parent="1a"),
    topic("1c", "late jazz", 20, parent="1a"),
    topic("2a", "techno", 29, cluster=0),
)
"""Even tracks are jazz, early below 20; odd ones are techno, but t59 has no topic."""


def topic_tracks() -> TopicTracks:
    """Tracks of tens were played as many times as their number says, the others never."""
    track_ids = sorted(f"t{number}" for number in range(60))
    numbers = [int(track_id[1:]) for track_id in track_ids]
    places = [-1 if n == 59 else 3 if n % 2 else 1 if n < 20 else 2 for n in numbers]
    return TopicTracks(
        topics=TOPICS,
        track_ids=TrackIds(lines_bytes(track_ids)),
        places=np.array(places, dtype=np.int16),
        plays=np.array([n if n % 10 == 0 else 0 for n in numbers], dtype=np.int32),
    )


def serve_topics(world: World, version: str = WITH_TOPICS) -> None:
    """Publish the version with topics; it answers from now on."""
    model = world.services.model.version
    assert model is not None
    world.models.hand_in(replace(model, version=version, topics=topic_tracks()))
    world.services.model.refresh()


@pytest.fixture
def topical(world: World) -> World:
    """A server whose model version has topics."""
    serve_topics(world)
    return world


def stub(world: World, token: str = "") -> Any:
    """What calls the service."""
    return topics_pb2_grpc.TopicServiceStub(world.channel(token))


def topics(world: World, **fields: object) -> topics_pb2.ListTopicsResponse:
    """A page of topics."""
    response: topics_pb2.ListTopicsResponse = stub(world).ListTopics(topics_pb2.ListTopicsRequest(**fields))
    return response


def tracks(world: World, topic_id: str, **fields: object) -> topics_pb2.ListTopicTracksResponse:
    """A page of a topic's tracks."""
    request = topics_pb2.ListTopicTracksRequest(topic_id=topic_id, **fields)
    response: topics_pb2.ListTopicTracksResponse = stub(world).ListTopicTracks(request)
    return response


def home(world: World, **fields: object) -> topics_pb2.HomeResponse:
    """A page of home."""
    response: topics_pb2.HomeResponse = stub(world).Home(topics_pb2.HomeRequest(**fields))
    return response


def refused(call: Any, request: Message) -> tuple[grpc.StatusCode, str]:
    """How a call fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return caught.value.code(), caught.value.details()


def make_rising(world: World, track_id: str) -> None:
    """One trend of the newest hour."""
    hour = datetime(2026, 3, 1, 11, tzinfo=UTC)
    counts = {"plays": 1, "unique_listeners": 1, "milliseconds_played": 1, "skips": 0, "likes": 0}
    newest = {"artist_id": "a0", "span": "hour", "window_start": hour, "completion_rate": None, "returning_share": None}
    risen = {"plays_24h": 12, "listeners_24h": 5, "baseline_24h": 2.0, "ratio": 6.0, "z_score": 5.0, "rank": 1}
    trend = {"track_id": track_id, "artist_id": "a0", "window_start": hour, **risen}
    world.store.write(
        [
            TableRow(table=ARTIST_ENGAGEMENT.name, key="a0", columns=newest | counts),
            TableRow(table=TRENDS.name, key=track_id, columns=trend),
        ],
        {},
    )


def test_topics_of_both_levels_are_listed(topical: World) -> None:
    """Parents before what is within them, with name, size, tags, centre and the live tables' number."""
    page = topics(topical)
    assert [("1a", ""), ("1b", "1a"), ("1c", "1a"), ("2a", "")] == [
        (one.topic_id, one.parent_topic_id) for one in page.topics
    ]
    first, within = page.topics[:2]
    assert ("jazz", 30, ["jazz"], 3, 0.5) == (
        first.name,
        first.tracks,
        [*first.tags],
        first.cluster,
        first.centre.tempo,
    )
    assert not within.HasField("cluster")
    assert ("", WITH_TOPICS) == (page.next_page_token, page.model_version)


def test_topics_come_in_pages_and_by_parent(topical: World) -> None:
    """Two pages of three and one; two within jazz, none within techno."""
    first = topics(topical, page_size=3)
    second = topics(topical, page_size=3, page_token=first.next_page_token)
    assert ["1a", "1b", "1c", "2a"] == [one.topic_id for one in (*first.topics, *second.topics)]
    assert "" == second.next_page_token
    assert ["1b", "1c"] == [one.topic_id for one in topics(topical, parent_topic_id="1a").topics]
    assert 0 == len(topics(topical, parent_topic_id="2a").topics)


def test_tracks_that_people_play_now_come_first_then_by_plays(topical: World) -> None:
    """Popular ones by rank, those of the past by plays, the rest by id; each with its reason and names, each once."""
    make_popular(topical, "t1", "t8", "t20", "t3")
    page = tracks(topical, "1a", page_size=50)
    listed = [one.track_id for one in page.tracks]
    assert ["t8", "t20", "t50", "t40", "t30", "t10", "t0", "t12"] == listed[:8]
    assert sorted(f"t{number}" for number in range(0, 60, 2)) == sorted(listed)
    assert "popular: 49 listeners in 24 hours" == page.tracks[0].reason
    assert "played 50 times in what the model learned from" == page.tracks[2].reason
    assert "" == page.tracks[6].reason
    assert ("jazz 8", ["a8"], ["Artist 8"]) == (
        page.tracks[0].title,
        [*page.tracks[0].artist_ids],
        [*page.tracks[0].artist_names],
    )
    assert "jazz" == page.topic.name
    assert ["t8", "t10"] == [one.track_id for one in tracks(topical, "1b", page_size=2).tracks]


def test_pages_of_tracks_hold_each_track_once(topical: World) -> None:
    """Pages of one end within the popular ones and behind them; of 29 tracks none is twice, none is missing."""
    make_popular(topical, "t1", "t3", "t5")
    listed, token = [], ""
    while True:
        page = tracks(topical, "2a", page_size=2, page_token=token)
        listed += [one.track_id for one in page.tracks]
        token = page.next_page_token
        if not token:
            break
    assert ["t1", "t3", "t5"] == listed[:3]
    assert sorted(f"t{number}" for number in range(1, 59, 2)) == sorted(listed)


def test_a_page_token_is_of_its_question_and_of_its_version(topical: World) -> None:
    """Another topic's is refused, and one of a version that serves no more says what to do."""
    token = tracks(topical, "1a", page_size=2).next_page_token
    of_other = topics_pb2.ListTopicTracksRequest(topic_id="2a", page_token=token)
    assert grpc.StatusCode.INVALID_ARGUMENT == refused(stub(topical).ListTopicTracks, of_other)[0]
    serve_topics(topical, "20260303-topics")
    late = topics_pb2.ListTopicTracksRequest(topic_id="1a", page_token=token)
    code, details = refused(stub(topical).ListTopicTracks, late)
    assert grpc.StatusCode.INVALID_ARGUMENT == code
    assert "ask again without a token" in details


def test_what_is_no_topic_is_said(topical: World) -> None:
    """An unknown topic, as topic and as parent, and an empty one."""
    for call, request in (
        (stub(topical).ListTopicTracks, topics_pb2.ListTopicTracksRequest(topic_id="9z")),
        (stub(topical).ListTopics, topics_pb2.ListTopicsRequest(parent_topic_id="9z")),
    ):
        code, details = refused(call, request)
        assert grpc.StatusCode.NOT_FOUND == code
        assert "topic '9z'" in details
    empty = refused(stub(topical).ListTopicTracks, topics_pb2.ListTopicTracksRequest())
    assert grpc.StatusCode.INVALID_ARGUMENT == empty[0]


def test_a_version_without_topics_says_so_and_has_a_home_page_all_the_same(world: World) -> None:
    """As versions of old have none; home has what is popular."""
    make_popular(world, "t7", "t3")
    code, details = refused(stub(world).ListTopics, topics_pb2.ListTopicsRequest())
    assert grpc.StatusCode.NOT_FOUND == code
    assert f"model version {VERSION} has no topics" in details
    assert "segue train" in details
    page = home(world)
    assert [topics_pb2.HOME_ROW_KIND_POPULAR] == [row.kind for row in page.rows]
    assert (VERSION, False) == (page.model_version, page.degraded)


def test_before_the_first_training_there_is_a_home_page(cold_world: World) -> None:
    """Without a version; topics are not found, and that says what to do."""
    make_popular(cold_world, "t7")
    assert ([["t7"]], "") == (
        [[one.track_id for one in row.tracks] for row in home(cold_world).rows],
        home(cold_world).model_version,
    )
    code, details = refused(stub(cold_world).ListTopics, topics_pb2.ListTopicsRequest())
    assert (grpc.StatusCode.NOT_FOUND, True) == (code, "segue train" in details)


def test_home_has_rows_of_what_rises_what_is_popular_and_of_each_topic(topical: World) -> None:
    """In this order, so many tracks each, none twice; topics of the upper level only."""
    make_popular(topical, "t1", "t8")
    make_rising(topical, "t9")
    page = home(topical, row_size=3)
    kinds = [topics_pb2.HomeRowKind.Name(row.kind).removeprefix("HOME_ROW_KIND_").lower() for row in page.rows]
    assert ["rising", "popular", "topic", "topic"] == kinds
    assert ["Rising", "Popular", "jazz", "techno"] == [row.title for row in page.rows]
    assert ["", "", "1a", "2a"] == [row.topic_id for row in page.rows]
    assert [["t9"], ["t1", "t8"], ["t50", "t40", "t30"], ["t11", "t13", "t15"]] == [
        [one.track_id for one in row.tracks] for row in page.rows
    ]
    assert "rising: 12 plays in 24 hours, 6.0 times its usual" == page.rows[0].tracks[0].reason
    assert (WITH_TOPICS, False, "") == (page.model_version, page.degraded, page.next_page_token)


def test_home_comes_in_pages_of_rows(topical: World) -> None:
    """Of what rises there is none, so the first page of two has one row."""
    make_popular(topical, "t1")
    first = home(topical, page_size=2)
    second = home(topical, page_size=2, page_token=first.next_page_token)
    assert ["Popular"] == [row.title for row in first.rows]
    assert (["jazz", "techno"], "") == ([row.title for row in second.rows], second.next_page_token)


def test_what_a_listener_hid_is_in_no_row(topical: World) -> None:
    """In theirs; others have it, and so has a page for nobody."""
    make_popular(topical, "t8", "t10")
    hidden = play_pb2.Feedback(
        listener_id="ann", track_id="t8", kind=play_pb2.FEEDBACK_KIND_HIDE, given_at=stamp(datetime.now(UTC))
    )
    topical.ingest.RecordFeedback(ingest_pb2.RecordFeedbackRequest(feedback=[hidden]))

    def shown(**fields: object) -> set[str]:
        return {one.track_id for row in home(topical, row_size=50, **fields).rows for one in row.tracks}

    assert {"t8"} == shown() - shown(listener_id="ann")
    assert shown() == shown(listener_id="bob")


def test_a_listeners_token_asks_for_their_own_home(topical: World) -> None:
    """Not for another's, nor for everybody's; topics are open to it."""
    make_popular(topical, "t8")
    topical.store.identities.ensure(["ann"])
    own = stub(topical, topical.token(Scope.RECOMMEND, listener_id="ann"))
    assert own.Home(topics_pb2.HomeRequest(listener_id="ann")).rows
    assert own.ListTopics(topics_pb2.ListTopicsRequest()).topics
    for request in (topics_pb2.HomeRequest(listener_id="bob"), topics_pb2.HomeRequest()):
        assert grpc.StatusCode.PERMISSION_DENIED == refused(own.Home, request)[0]
    other = stub(topical, topical.token(Scope.INGEST))
    assert grpc.StatusCode.PERMISSION_DENIED == refused(other.ListTopics, topics_pb2.ListTopicsRequest())[0]


def test_health_knows_the_service(topical: World) -> None:
    """Serving as recommendations are."""
    asked = health_pb2_grpc.HealthStub(topical.channel())

    def serves() -> bool:
        told = asked.Check(health_pb2.HealthCheckRequest(service="segue.v1.TopicService"))
        return bool(told.status == health_pb2.HealthCheckResponse.SERVING)

    until(serves)
