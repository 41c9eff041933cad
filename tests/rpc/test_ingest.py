"""IngestService through a real server: every outcome of every element."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from segue.v1 import catalogue_pb2, ingest_pb2, play_pb2

from backend.domain.plays import Play, Timing
from backend.ports.event_log import Topic
from backend.ports.records import feedback_from_value, play_from_value, track_from_value
from tests.rpc.conftest import World

ACCEPTED = ingest_pb2.INGEST_OUTCOME_ACCEPTED
DUPLICATE = ingest_pb2.INGEST_OUTCOME_DUPLICATE
REJECTED = ingest_pb2.INGEST_OUTCOME_REJECTED
UNCONFIRMED = ingest_pb2.INGEST_OUTCOME_UNCONFIRMED


def stamp(moment: datetime) -> Timestamp:
    """The message of a moment."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def play(track: str = "t1", listener: str = "ann", **fields: Any) -> play_pb2.Play:
    """A play of an hour ago, of the whole track."""
    fields.setdefault("played_at", stamp(datetime.now(UTC) - timedelta(hours=1)))
    fields.setdefault("event_id", str(uuid.uuid4()))
    fields.setdefault("milliseconds_played", 200_000)
    return play_pb2.Play(listener_id=listener, track_id=track, **fields)


def send(world: World, *plays: play_pb2.Play) -> list[ingest_pb2.IngestResult]:
    """Send plays; their results."""
    return list(world.ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=plays)).results)


def logged_plays(world: World) -> list[Play]:
    """The plays in the log."""
    found = [play_from_value(value) for value in world.log.values(Topic.PLAYS)]
    return [one for one in found if one is not None]


def test_an_accepted_play_is_in_the_log_with_what_the_catalogue_knows(world: World) -> None:
    """Artist and length are filled in, the training right follows the source."""
    sent = play(source=play_pb2.SOURCE_SPOTIFY, context=play_pb2.PlayContext(surface="radio", device="web"))
    (result,) = send(world, sent)
    assert (ACCEPTED, sent.event_id) == (result.outcome, result.id)
    (logged,) = logged_plays(world)
    assert ("a1", 200_000, False, "radio") == (
        logged.artist_id,
        logged.track_milliseconds,
        logged.allow_training,
        logged.surface,
    )


@pytest.mark.parametrize(
    ("said", "age", "expected"),
    [
        (play_pb2.TIMING_UNSPECIFIED, timedelta(hours=1), Timing.LIVE),
        (play_pb2.TIMING_LIVE, timedelta(hours=23), Timing.LIVE),
        (play_pb2.TIMING_HISTORY, timedelta(hours=1), Timing.HISTORY),
        (play_pb2.TIMING_UNSPECIFIED, timedelta(days=2), Timing.HISTORY),
        (play_pb2.TIMING_LIVE, timedelta(days=700), Timing.HISTORY),
    ],
)
def test_a_play_is_live_or_history(
    world: World, said: play_pb2.Timing.ValueType, age: timedelta, expected: Timing
) -> None:
    """As its sender says, but what is told more than a day after it was heard is history."""
    (result,) = send(world, play(timing=said, played_at=stamp(datetime.now(UTC) - age)))
    assert (ACCEPTED, [expected]) == (result.outcome, [one.timing for one in logged_plays(world)])


def test_a_timing_that_the_contract_lacks_is_rejected(world: World) -> None:
    """Its field is named."""
    (result,) = send(world, play(timing=7))
    assert (REJECTED, "plays[0].timing") == (result.outcome, result.violations[0].field)


def test_the_server_makes_a_missing_event_id(world: World) -> None:
    """And returns the one it logged."""
    (result,) = send(world, play(event_id=""))
    assert [str(uuid.UUID(result.id))] == [one.event_id for one in logged_plays(world)]


def test_one_bad_play_costs_only_itself(world: World) -> None:
    """Each of the others is accepted; each rejection names its field."""
    results = send(
        world,
        play(),
        play(track="nobody"),
        play(listener=""),
        play(played_at=stamp(datetime.now(UTC) + timedelta(hours=2))),
        play(event_id="not-a-uuid"),
        play(played_at=Timestamp(seconds=10**15)),
        play(),
    )
    assert [ACCEPTED, *[REJECTED] * 5, ACCEPTED] == [result.outcome for result in results]
    fields = [result.violations[0].field for result in results[1:6]]
    expected = ["plays[1].track_id", "plays[2].listener_id", "plays[3].played_at", "plays[4].event_id"]
    assert [*expected, "plays[5].played_at"] == fields
    assert "unknown track 'nobody': send it with UpsertTracks first" == results[1].violations[0].description
    assert 2 == len(logged_plays(world))


def test_the_same_event_id_again_is_a_duplicate(world: World) -> None:
    """In a later call, in the same batch, and in capitals; nothing is written twice."""
    sent = play()
    shouted = play(event_id=sent.event_id.upper())
    assert [ACCEPTED, DUPLICATE] == [result.outcome for result in send(world, sent, sent)]
    assert [DUPLICATE, DUPLICATE] == [result.outcome for result in send(world, sent, shouted)]
    assert 1 == len(logged_plays(world))


def test_what_the_log_does_not_confirm_can_be_sent_again(world: World) -> None:
    """Unconfirmed is no duplicate the second time."""
    sent = play()
    world.log.down = True
    assert [UNCONFIRMED, UNCONFIRMED] == [result.outcome for result in send(world, sent, sent)]
    world.log.down = False
    assert [ACCEPTED] == [result.outcome for result in send(world, sent)]


def test_too_many_plays_are_refused_as_a_whole(world: World) -> None:
    """1,001 plays name the field; 1,000 pass."""
    with pytest.raises(grpc.RpcError) as caught:
        send(world, *(play() for _ in range(1001)))
    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
    assert ["plays"] == [violation.field for violation in violations(caught.value)]
    assert {ACCEPTED} == {result.outcome for result in send(world, *(play() for _ in range(1000)))}


def test_a_store_that_is_down_refuses_the_call_of_which_nothing_is_known(world: World) -> None:
    """Unavailable, with when to try again; nothing is written."""
    world.store.down = True
    with pytest.raises(grpc.RpcError) as caught:
        send(world, play())
    world.store.down = False
    assert grpc.StatusCode.UNAVAILABLE == caught.value.code()
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status.details)
    assert [] == logged_plays(world)


def test_a_store_that_is_down_does_not_stop_what_is_known(world: World) -> None:
    """Plays of known tracks are taken; the others may be sent again, and are taken when the store is back."""
    send(world, play("t1"))
    world.store.down = True
    plays = [play("t1"), play("t2", event_id=""), play("t1", played_at=stamp(datetime.now(UTC) + timedelta(hours=2)))]
    results = send(world, *plays)
    artist, track = catalogue_pb2.Artist(artist_id="n", name="N"), catalogue_pb2.Track(track_id="n", title="N")
    track.artist_ids.append("n")
    other = catalogue_pb2.Track(track_id="o", title="O", artist_ids=["who"])
    artists = world.ingest.UpsertArtists(ingest_pb2.UpsertArtistsRequest(artists=[artist])).results
    tracks = world.ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=[track, other])).results
    of_new = send(world, play("n"))
    world.store.down = False
    assert [ACCEPTED, UNCONFIRMED, REJECTED] == [result.outcome for result in results]
    assert uuid.UUID(results[1].id)
    assert [ACCEPTED] == [result.outcome for result in artists]
    assert [ACCEPTED, UNCONFIRMED] == [result.outcome for result in tracks]
    assert [ACCEPTED] == [result.outcome for result in of_new]
    assert ["t1", "t1", "n"] == [one.track_id for one in sorted(logged_plays(world), key=lambda one: one.artist_id)]


def test_feedback_is_logged_with_its_artist(world: World) -> None:
    """A kind that is not named is rejected."""
    moment = stamp(datetime.now(UTC))
    words = [
        play_pb2.Feedback(listener_id="ann", track_id="t3", kind=kind, given_at=moment)
        for kind in (play_pb2.FEEDBACK_KIND_LIKE, play_pb2.FEEDBACK_KIND_UNSPECIFIED)
    ]
    results = world.ingest.RecordFeedback(ingest_pb2.RecordFeedbackRequest(feedback=words)).results
    assert [ACCEPTED, REJECTED] == [result.outcome for result in results]
    assert "feedback[1].kind" == results[1].violations[0].field
    (logged,) = [feedback_from_value(value) for value in world.log.values(Topic.FEEDBACK)]
    assert ("a3", "like") == (logged.artist_id, logged.kind)


def test_a_new_track_can_be_played_at_once(world: World) -> None:
    """Artists first, then tracks; the log holds both."""
    artist = catalogue_pb2.Artist(artist_id="new", name="New")
    track = catalogue_pb2.Track(track_id="fresh", title="Fresh", artist_ids=["new"])
    assert [REJECTED] == [
        result.outcome for result in world.ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=[track])).results
    ]
    for call in (
        world.ingest.UpsertArtists(ingest_pb2.UpsertArtistsRequest(artists=[artist])),
        world.ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=[track])),
    ):
        assert [ACCEPTED] == [result.outcome for result in call.results]
    assert [ACCEPTED] == [result.outcome for result in send(world, play("fresh"))]
    assert ["Fresh"] == [track_from_value(value).title for value in world.log.values(Topic.TRACKS)]


def test_a_track_of_an_unknown_artist_names_the_artist(world: World) -> None:
    """The others of the batch are taken."""
    tracks = [
        catalogue_pb2.Track(track_id="x", title="X", artist_ids=["a1", "who"]),
        catalogue_pb2.Track(track_id="y", title="Y", artist_ids=["a1"]),
        catalogue_pb2.Track(track_id="z", title="", artist_ids=["a1"], tags=["ok", ""]),
    ]
    results = world.ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=tracks)).results
    assert [REJECTED, ACCEPTED, REJECTED] == [result.outcome for result in results]
    assert ("tracks[0].artist_ids[1]", "unknown artist 'who': send it with UpsertArtists first") == (
        results[0].violations[0].field,
        results[0].violations[0].description,
    )
    assert ["tracks[2].title", "tracks[2].tags[1]"] == [violation.field for violation in results[2].violations]


def test_a_listeners_plays_share_a_partition_and_none_a_key(world: World) -> None:
    """So they keep their order, and each can be taken away by itself. The log never sees the app's own id."""
    send(world, *(play(listener="bob") for _ in range(20)))
    records = [record for partition in world.log.partitions_of[Topic.PLAYS] for record in partition]
    assert 1 == len({record.partition for record in records})
    assert 20 == len({record.key for record in records})
    assert {world.store.identities.pseudonym_of["bob"]} == {
        json.loads(record.value or b"")["listener_id"] for record in records
    }
    assert not any(b"bob" in (record.value or b"") + (record.key or b"") for record in records)


def violations(error: grpc.RpcError) -> list[Any]:
    """The field violations in an error's details."""
    status = rpc_status.from_call(error)
    assert status is not None
    bad_request = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(bad_request)
    return list(bad_request.field_violations)
