"""RecommendService through a real server: every path of an answer."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from segue.v1 import catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2

from backend.domain.live_tables import TRACK_POPULARITY
from backend.domain.tracks import Track
from backend.ports.store import TableRow
from tests.rpc.conftest import VERSION, World, catalogue, publish_model
from tests.rpc.test_ingest import play, stamp

HYBRID = recommend_pb2.ANSWER_PATH_HYBRID
COLD_START = recommend_pb2.ANSWER_PATH_COLD_START
DEGRADED = recommend_pb2.ANSWER_PATH_DEGRADED
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_popular(world: World, *track_ids: str) -> None:
    """Popularity rows, the first track with the most listeners."""
    rows = [
        TableRow(
            table=TRACK_POPULARITY.name,
            key=f"24h|{track_id}",
            columns={
                "span": "24h",
                "track_id": track_id,
                "artist_id": "a0",
                "window_end": NOON,
                "rank": rank,
                "plays": 101 - rank,
                "listeners": 51 - rank,
            },
        )
        for rank, track_id in enumerate(track_ids, 1)
    ]
    world.store.write(rows, {})


def listen(world: World, listener: str, *track_ids: str, milliseconds: int = 200_000) -> None:
    """The listener plays these tracks of 200 s, through the door."""
    now = datetime.now(UTC)
    plays = [
        play(track_id, listener, played_at=stamp(now - timedelta(minutes=5 * age)), milliseconds_played=milliseconds)
        for age, track_id in enumerate(track_ids, 1)
    ]
    world.ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=plays))


def answer(world: World, listener: str = "ann", **fields: object) -> recommend_pb2.RecommendResponse:
    """What is next for the listener."""
    response: recommend_pb2.RecommendResponse = world.recommend.Recommend(
        recommend_pb2.RecommendRequest(listener_id=listener, **fields)
    )
    return response


def jazz_share(response: recommend_pb2.RecommendResponse, first: int = 10) -> float:
    """How many of the first tracks are jazz."""
    return sum(track.title.startswith("jazz") for track in response.tracks[:first]) / first


def test_five_plays_are_enough_for_a_hybrid_answer(world: World) -> None:
    """A listener nobody knew plays jazz and gets jazz, with the version that made it."""
    make_popular(world, "t1", "t3", "t5")
    listen(world, "new", "t0", "t2", "t4", "t6", "t8")
    response = answer(world, "new")
    assert (HYBRID, VERSION) == (response.path, response.model_version)
    assert jazz_share(response) >= 0.9
    assert not {"t0", "t2", "t4", "t6", "t8"} & {track.track_id for track in response.tracks}


def test_what_was_skipped_says_nothing_of_taste_and_does_not_come_back_at_once(world: World) -> None:
    """Five skips leave a listener unknown; with five whole plays of techno beside them it is techno that comes."""
    make_popular(world, "t0", "t3")
    skipped = ("t0", "t2", "t4", "t6", "t8")
    listen(world, "picky", *skipped, milliseconds=29_000)
    response = answer(world, "picky")
    assert (COLD_START, ["t3"]) == (response.path, [track.track_id for track in response.tracks])
    listen(world, "picky", "t1", "t5", "t7", "t9", "t11")
    response = answer(world, "picky")
    assert HYBRID == response.path
    assert jazz_share(response) <= 0.1
    assert not {*skipped} & {track.track_id for track in response.tracks}


def test_every_recommendation_says_why(world: World) -> None:
    """Shares sum to 1, strongest first; the names come from the catalogue."""
    make_popular(world, "t10")
    listen(world, "ann", "t0", "t2")
    response = answer(world)
    sources = {reason.source for track in response.tracks for reason in track.reasons}
    assert {
        recommend_pb2.CANDIDATE_SOURCE_FACTORS,
        recommend_pb2.CANDIDATE_SOURCE_CONTENT,
        recommend_pb2.CANDIDATE_SOURCE_TREND,
    } == sources
    for track in response.tracks:
        shares = [reason.share for reason in track.reasons]
        assert pytest.approx(1.0) == sum(shares)
        assert sorted(shares, reverse=True) == shares
        assert all(reason.text for reason in track.reasons)
        assert [f"Artist {one[1:]}" for one in track.artist_ids] == list(track.artist_names)
    texts = {reason.text for track in response.tracks for reason in track.reasons}
    assert texts & {"near jazz 0, which you played", "near jazz 2, which you played"}


def test_an_unknown_listener_gets_what_is_popular(world: World) -> None:
    """In its order, as a cold start."""
    make_popular(world, "t7", "t3", "t11")
    response = answer(world, "stranger")
    assert COLD_START == response.path
    assert ["t7", "t3", "t11"] == [track.track_id for track in response.tracks]
    assert "popular: 50 listeners in 24 hours" == response.tracks[0].reasons[0].text


def test_a_model_published_while_serving_answers_without_a_restart(cold_world: World) -> None:
    """Before it, answers are cold and name no version, and search says what to do."""
    make_popular(cold_world, "t7", "t3")
    listen(cold_world, "ann", "t7")
    response = answer(cold_world)
    assert (COLD_START, "", ["t3"]) == (
        response.path,
        response.model_version,
        [track.track_id for track in response.tracks],
    )
    with pytest.raises(grpc.RpcError) as caught:
        cold_world.recommend.SearchTracks(recommend_pb2.SearchTracksRequest(query="jazz"))
    assert grpc.StatusCode.NOT_FOUND == caught.value.code()
    assert "segue train" in caught.value.details()

    cold_world.models.hand_in(publish_model(cold_world.vectors, catalogue()[0]))
    until(lambda: answer(cold_world).model_version == VERSION)
    assert HYBRID == answer(cold_world).path


def until(condition: Callable[[], bool]) -> None:
    """Wait for at most ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_hidden_never_comes_back(world: World) -> None:
    """From the next call on, whatever the source."""
    make_popular(world, "t10", "t12")
    listen(world, "ann", "t0", "t2")
    hidden = play_pb2.Feedback(
        listener_id="ann", track_id="t10", kind=play_pb2.FEEDBACK_KIND_HIDE, given_at=stamp(datetime.now(UTC))
    )
    assert "t10" in {track.track_id for track in answer(world, page_size=200).tracks}
    world.ingest.RecordFeedback(ingest_pb2.RecordFeedbackRequest(feedback=[hidden]))
    assert "t10" not in {track.track_id for track in answer(world, page_size=200).tracks}


def test_what_the_app_excludes_does_not_come(world: World) -> None:
    """The rest does."""
    listen(world, "ann", "t0")
    without = answer(world, page_size=200, exclude_track_ids=["t2", "t4"])
    assert {f"t{number}" for number in range(60)} - {"t0", "t2", "t4"} == {track.track_id for track in without.tracks}


def test_pages_of_an_answer_agree(world: World) -> None:
    """One recommendation id, every track once, also when plays come in between."""
    listen(world, "ann", "t0")
    pages = [answer(world, page_size=25)]
    while pages[-1].next_page_token:
        listen(world, "ann", f"t{20 + len(pages)}")
        pages.append(answer(world, page_size=25, page_token=pages[-1].next_page_token))
    tracks = [track.track_id for page in pages for track in page.tracks]
    assert 3 == len(pages)
    assert 59 == len(tracks) == len(set(tracks))
    assert {pages[0].recommendation_id} == {page.recommendation_id for page in pages}


@pytest.mark.parametrize("token", ["nonsense", "W10", "AAAA"])
def test_a_bad_page_token_is_refused(world: World, token: str) -> None:
    """As is another listener's."""
    listen(world, "ann", "t0")
    other = answer(world, page_size=5).next_page_token
    for listener, sent in (("ann", token), ("bob", other)):
        with pytest.raises(grpc.RpcError) as caught:
            answer(world, listener, page_token=sent)
        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


def test_no_more_than_two_tracks_of_an_artist_among_the_first_twenty(world: World) -> None:
    """As long as there are others."""
    listen(world, "ann", "t0", "t1")
    artists = [track.artist_ids[0] for track in answer(world, page_size=20).tracks]
    assert 20 == len(artists)
    assert max(artists.count(artist) for artist in artists) <= 2


def test_a_vector_index_that_is_down_is_answered_without(world: World) -> None:
    """Trends stand in, and the answer says that it is degraded; afterwards it is whole again."""
    make_popular(world, "t7", "t3")
    listen(world, "ann", "t0")
    world.vectors.down = True
    response = answer(world)
    assert (DEGRADED, ["t7", "t3"]) == (response.path, [track.track_id for track in response.tracks])


def test_a_store_that_is_down_is_answered_from_what_is_known(world: World) -> None:
    """The last trends and the cached catalogue stand in."""
    make_popular(world, "t7", "t3")
    assert COLD_START == answer(world).path
    world.store.down = True
    response = answer(world)
    world.store.down = False
    assert (DEGRADED, ["t7", "t3"]) == (response.path, [track.track_id for track in response.tracks])


def test_a_version_that_is_refused_marks_the_answer(world: World) -> None:
    """The one before goes on answering."""
    listen(world, "ann", "t0")
    world.models.hand_in(replace(world.models.load(VERSION), version="broken"))
    world.models.altered = True
    until(lambda: answer(world).path == DEGRADED)
    assert VERSION == answer(world).model_version


def test_similar_tracks_are_of_a_kind(world: World) -> None:
    """By listening and by words, never the track itself."""
    response = world.recommend.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id="t0", page_size=10))
    assert {"jazz"} == {track.title.split()[0] for track in response.tracks}
    assert "t0" not in {track.track_id for track in response.tracks}
    assert (10, VERSION, True) == (len(response.tracks), response.model_version, bool(response.next_page_token))


def test_a_track_newer_than_the_model_is_near_by_its_words(world: World) -> None:
    """Its text is embedded on the spot."""
    world.store.put_tracks([Track(track_id="new", title="techno dreams", artist_ids=("a1",))])
    response = world.recommend.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id="new", page_size=5))
    assert {"techno"} == {track.title.split()[0] for track in response.tracks}


def test_a_new_track_of_a_known_artist_reaches_their_listeners_before_its_first_play(world: World) -> None:
    """Put through the door after the version was trained; a listener of the other kind does not get it first."""
    listen(world, "ann", "t0", "t2", "t4")
    listen(world, "bob", "t1", "t3", "t5")
    world.ingest.UpsertTracks(
        ingest_pb2.UpsertTracksRequest(
            tracks=[catalogue_pb2.Track(track_id="new", title="untitled", artist_ids=["a0"])]
        )
    )
    until(lambda: bool(ranks_of_new(world, "ann")))
    ranks = ranks_of_new(world, "ann")
    assert {"new, by its artist and its words near your taste": 1} == ranks
    assert all(rank > 20 for rank in ranks_of_new(world, "bob").values())


def ranks_of_new(world: World, listener: str) -> dict[str, int]:
    """Why the listener gets the track "new", with its rank in that source."""
    tracks = answer(world, listener, page_size=100).tracks
    return {reason.text: reason.rank for track in tracks if track.track_id == "new" for reason in track.reasons}


def test_an_unknown_track_is_not_found(world: World) -> None:
    """The message names it."""
    with pytest.raises(grpc.RpcError) as caught:
        world.recommend.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id="nobody"))
    assert (grpc.StatusCode.NOT_FOUND, "there is no track 'nobody'") == (caught.value.code(), caught.value.details())


def test_words_find_tracks(world: World) -> None:
    """Tracks whose text is near, with pages that agree."""
    first = world.recommend.SearchTracks(recommend_pb2.SearchTracksRequest(query="techno", page_size=20))
    second = world.recommend.SearchTracks(
        recommend_pb2.SearchTracksRequest(query="techno", page_size=20, page_token=first.next_page_token)
    )
    assert {"techno"} == {track.title.split()[0] for track in first.tracks}
    assert 40 == len({track.track_id for track in (*first.tracks, *second.tracks)})


def test_popular_tracks_have_most_listeners_first(world: World) -> None:
    """The latest counts, in pages."""
    make_popular(world, "t7", "t3", "t1")
    first = world.recommend.PopularTracks(recommend_pb2.PopularTracksRequest(page_size=2))
    second = world.recommend.PopularTracks(
        recommend_pb2.PopularTracksRequest(page_size=2, page_token=first.next_page_token)
    )
    assert ["t7", "t3", "t1"] == [track.track_id for track in (*first.tracks, *second.tracks)]
    assert "" == second.next_page_token
