"""The ingest client over a real channel: batches, order, retries with the same ids, and what it reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import grpc
import pytest
from segue.v1 import play_pb2

from backend.domain.errors import Unavailable
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from client.channel import connect
from importers import send as ingest_client
from tests.ingest_server import REJECTED, TOKEN, UNCONFIRMED, ScriptedServer, serving

START = datetime(2026, 3, 1, tzinfo=UTC)
ARTIST = Artist(artist_id="a1", name="Ada", tags=("jazz",), source=Source.SIMULATOR)
TRACK = Track(
    track_id="t1",
    title="One",
    artist_ids=("a1",),
    released_on="2020-01",
    duration_milliseconds=200_000,
    audio_features=AudioFeatures(
        danceability=0.5,
        energy=0.5,
        valence=0.5,
        acousticness=0.5,
        instrumentalness=0.5,
        liveness=0.5,
        speechiness=0.5,
        tempo=120,
        loudness=-7,
    ),
    source=Source.SPOTIFY,
    allow_training=False,
)


@contextmanager
def channel_to(server: ScriptedServer) -> Iterator[grpc.Channel]:
    """A channel as every client opens it."""
    with serving(server) as address, connect(address, TOKEN) as channel:
        yield channel


def plays(count: int, *, apart: timedelta = timedelta(seconds=1)) -> list[Play]:
    """So many plays, one after the other."""
    return [
        Play(
            event_id=f"00000000-0000-4000-8000-{nth:012}",
            listener_id="l1",
            track_id="t1",
            artist_id="a1",
            played_at=START + nth * apart,
            milliseconds_played=1000,
            track_milliseconds=200_000,
            source=Source.LASTFM,
            allow_training=True,
            surface="radio",
        )
        for nth in range(count)
    ]


def test_everything_arrives_in_order_with_the_token() -> None:
    """Artists, then tracks, then plays in batches of a thousand; the report counts each kind."""
    log, moved = ScriptedServer(), []
    with channel_to(log) as channel:
        report = ingest_client.send(
            channel,
            artists=[ARTIST],
            tracks=[TRACK],
            plays=plays(2_500, apart=timedelta(minutes=1)),
            report=lambda kind, count: moved.append((kind, count)),
        )
    assert [1, 1, 1000, 1000, 500] == [len(request) for request in log.requests]
    assert [play.event_id for play in plays(2_500)] == [e.event_id for request in log.requests[2:] for e in request]
    assert (1, 1, 2_500) == (report.artists.accepted, report.tracks.accepted, report.plays.accepted)
    assert [("artists", 1), ("tracks", 1), ("plays", 1000), ("plays", 1000), ("plays", 500)] == moved
    assert {f"Bearer {TOKEN}"} == log.tokens


def test_values_keep_their_fields_on_the_wire() -> None:
    """Source, training right, time and context arrive as they were."""
    log = ScriptedServer()
    with channel_to(log) as channel:
        ingest_client.send(channel, tracks=[TRACK], plays=plays(1))
    track, play = log.stored["t1"], log.stored[plays(1)[0].event_id]
    assert play_pb2.SOURCE_SPOTIFY == track.source
    assert track.HasField("allow_training")
    assert not track.allow_training
    assert 120 == track.audio_features.tempo
    assert play.played_at.ToDatetime(tzinfo=UTC) == START
    assert "radio" == play.context.surface


def test_a_second_run_is_duplicates_only() -> None:
    """Nothing is accepted twice."""
    log = ScriptedServer()
    with channel_to(log) as channel:
        ingest_client.send(channel, plays=plays(10))
        again = ingest_client.send(channel, plays=plays(10))
    assert (0, 10, 0) == (again.plays.accepted, again.plays.duplicate, again.plays.rejected)


def test_rejected_elements_are_named_by_position_and_field_and_cost_nothing_else() -> None:
    """The field is told without its place in the request; the other plays are stored."""
    log = ScriptedServer({}, {3: REJECTED})
    with channel_to(log) as channel:
        report = ingest_client.send(channel, plays=plays(1_010, apart=timedelta(minutes=1)))
    assert 1 == report.rejected
    (rejection,) = report.rejections
    assert (1_003, "track_id", "unknown track") == (rejection.position, rejection.field, rejection.reason)
    assert 1_009 == len(log.stored)


def test_only_the_first_twenty_rejections_are_listed() -> None:
    """All are counted."""
    log = ScriptedServer(dict.fromkeys(range(50), REJECTED))
    with channel_to(log) as channel:
        report = ingest_client.send(channel, plays=plays(60))
    assert (50, 20) == (report.plays.rejected, len(report.rejections))


def test_unconfirmed_plays_are_sent_again_with_the_same_ids() -> None:
    """Only the open ones go again, until they are confirmed."""
    log = ScriptedServer({1: UNCONFIRMED, 2: UNCONFIRMED}, {0: UNCONFIRMED})
    with channel_to(log) as channel:
        report = ingest_client.send(channel, plays=plays(5), retry_delays=(0, 0, 0))
    ids = [play.event_id for play in plays(5)]
    assert [ids, ids[1:3], ids[1:2]] == [[e.event_id for e in request] for request in log.requests]
    assert (5, 0) == (report.plays.accepted, report.plays.duplicate)


@pytest.mark.parametrize("code", [grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_server_that_is_slow_or_shedding_is_asked_again(code: grpc.StatusCode) -> None:
    """The whole request goes again, with the same ids."""
    log = ScriptedServer(code, code)
    with channel_to(log) as channel:
        report = ingest_client.send(channel, plays=plays(3), retry_delays=(0, 0))
    assert 3 == report.plays.accepted
    assert log.requests[0] == log.requests[2]


def test_a_server_that_stays_down_is_told_with_what_to_do() -> None:
    """The error names how many are not stored and that repeating is harmless."""
    log = ScriptedServer(*[grpc.StatusCode.DEADLINE_EXCEEDED] * 3)
    with (
        channel_to(log) as channel,
        pytest.raises(Unavailable, match=r"3 plays are not stored.*nothing is counted twice"),
    ):
        ingest_client.send(channel, plays=plays(3), retry_delays=(0, 0))


def test_a_refused_token_is_not_tried_again() -> None:
    """Other failures end the run at once."""
    log = ScriptedServer(grpc.StatusCode.UNAUTHENTICATED)
    with channel_to(log) as channel, pytest.raises(grpc.RpcError):
        ingest_client.send(channel, plays=plays(3), retry_delays=(0, 0))
    assert 1 == len(log.requests)


def test_plays_close_in_time_go_abreast() -> None:
    """Two requests within five minutes of event time are under way at once."""
    log = ScriptedServer()
    log.barrier = Barrier(2)
    with channel_to(log) as channel:
        ingest_client.send(channel, plays=plays(2_000, apart=timedelta(milliseconds=10)))
    assert log.abreast


def test_plays_far_apart_in_time_go_one_by_one() -> None:
    """A request is not begun while one of hours before is under way: overtaking would make plays late."""
    log = ScriptedServer()
    log.barrier = Barrier(2)
    with channel_to(log) as channel:
        ingest_client.send(channel, plays=plays(2_000, apart=timedelta(minutes=1)))
    assert not log.abreast


def test_an_empty_run_sends_nothing() -> None:
    """No request, all zero."""
    log = ScriptedServer()
    with channel_to(log) as channel:
        report = ingest_client.send(channel)
    assert replace(ingest_client.IngestReport(), seconds=report.seconds) == report
    assert [] == log.requests
