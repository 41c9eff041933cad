"""The clients that apps are written with, for threads and asyncio, at a real server; and the examples of their page."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from segue.v1 import catalogue_pb2, ingest_pb2, play_pb2, recommend_pb2, topics_pb2

from backend.rpc.auth import Scope
from client.app import Segue
from client.app_asyncio import AsyncSegue
from client.contract import FILES, method_of
from client.errors import AccessRefused, QueryFailed, ServerDown
from client.settings import ServerSettings
from tests.ingest_server import TOKEN, ScriptedServer, serving
from tests.rpc.conftest import World
from tests.rpc.test_ingest import stamp
from tests.rpc.test_options import listen
from tests.rpc.wide import wide

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
SIMILAR = recommend_pb2.SimilarTracksRequest(track_id="t1", page_size=7)
BATCH = recommend_pb2.BatchRecommendRequest(listener_ids=["ann", "no id", "bob"], tracks=3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all, whose two listeners have played."""
    with wide(tmp_path_factory.mktemp("home")) as world:
        listen(world, "ann", 0, 2, 4, 7)
        listen(world, "bob", 1, 3, 5)
        yield world


def settings(world: World, token: str = "") -> ServerSettings:
    """Those of an app at this server, with the operator's token where none is given."""
    token = token or (world.tokens / "operator.token").read_text().strip()
    return ServerSettings(address=f"127.0.0.1:{world.server.port}", token=token)


def event(listener: str, track_id: str) -> play_pb2.Play:
    """A whole play without an id."""
    now = stamp(datetime.now(UTC))
    return play_pb2.Play(listener_id=listener, track_id=track_id, played_at=now, milliseconds_played=200_000)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_page_runs(
    example: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands there, with the server in the environment, and it prints what it promises to look at."""
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", settings(world).address)
    monkeypatch.setenv("SEGUE_TOKEN", settings(world).token)
    exec(compile(example, str(PAGE), "exec"), {"__name__": "__main__"})
    printed = [line for line in capsys.readouterr().out.splitlines() if "[info " not in line]
    assert printed
    assert "True" not in printed  # the example that hides a track looks whether it came back


def test_the_page_has_examples_of_both_clients() -> None:
    """So that the test above runs something."""
    assert {"Segue()", "AsyncSegue()"} <= {*re.findall(r"\w+\(\)", "".join(EXAMPLES))}


def test_each_request_of_the_contract_belongs_to_one_call() -> None:
    """Which is how `ask` knows what to call; a new method that shares a request would be lost."""
    methods = [
        method for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for method in service.methods
    ]
    assert len(methods) == len({method.input_type.full_name for method in methods}) > 25
    assert "/segue.v1.TopicService/Home" == method_of(topics_pb2.HomeRequest(), streams=False).path


def test_every_call_has_a_deadline_but_those_that_watch() -> None:
    """Watch streams have no end."""
    methods = [
        one for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for one in service.methods
    ]
    requests = {one.name: (getattr(_file(one), one.input_type.name)(), one.server_streaming) for one in methods}
    endless = {name for name, (one, streams) in requests.items() if method_of(one, streams=streams).deadline is None}
    assert {"WatchArtistEngagement", "WatchTrends", "WatchAnomalies"} == endless


def _file(method: object) -> object:
    return next(file for file in FILES if file.DESCRIPTOR is method.containing_service.file)  # type: ignore[attr-defined]


def test_pages_follow_one_another_and_end_where_enough_was_taken(world: World) -> None:
    """No track comes twice; the request itself stays as it was."""
    with Segue(settings(world)) as segue:
        tracks = [track.track_id for track in segue.tracks(SIMILAR, limit=20)]
        first = segue.ask(SIMILAR)
    assert (20, 20, "") == (len(tracks), len({*tracks}), SIMILAR.page_token)
    assert tracks[:7] == [track.track_id for track in first.tracks]


def test_asyncio_gives_what_threads_give(world: World) -> None:
    """Pages, one answer, and a stream whose broken id costs only itself."""

    async def answers() -> tuple[list[str], list[str], list[tuple[str, int]]]:
        async with AsyncSegue(settings(world)) as segue:
            tracks = [track.track_id async for track in segue.tracks(SIMILAR, limit=20)]
            found = await segue.search("techno 5", page_size=5)
            return tracks, _ids(found), [(one.listener_id, len(one.answer.tracks)) async for one in segue.stream(BATCH)]

    with Segue(settings(world)) as segue:
        tracks = [track.track_id for track in segue.tracks(SIMILAR, limit=20)]
        batch = [(one.listener_id, len(one.answer.tracks)) for one in segue.stream(BATCH)]
        expected = (tracks, _ids(segue.search("techno 5", page_size=5)), batch)
    assert expected == asyncio.run(answers())
    assert [("ann", 3), ("no id", 0), ("bob", 3)] == batch


def _ids(answer: recommend_pb2.SearchTracksResponse) -> list[str]:
    return [track.track_id for track in answer.tracks]


def test_plays_given_twice_count_once_and_a_bad_one_costs_only_itself(world: World) -> None:
    """Ids are made once, here; more than a request holds goes in several."""
    plays = [event("carl", f"t{number}") for number in range(1_001)]
    plays[3].track_id = "no-such-track"
    with Segue(settings(world)) as segue:
        first = segue.record_plays(plays)
        again = segue.record_plays(plays)
    accepted, duplicate = ingest_pb2.INGEST_OUTCOME_ACCEPTED, ingest_pb2.INGEST_OUTCOME_DUPLICATE
    assert [play.event_id for play in plays] == [result.id for result in first]
    assert [3] == [nth for nth, result in enumerate(first) if result.outcome != accepted]
    assert [3] == [nth for nth, result in enumerate(again) if result.outcome != duplicate]


def test_a_play_is_sent_again_with_its_id_where_the_server_was_away() -> None:
    """UNAVAILABLE is tried again, by both clients, and both sends bring the same event."""

    async def record(address: str, play: play_pb2.Play) -> None:
        async with AsyncSegue(ServerSettings(address=address, token=TOKEN)) as segue:
            await segue.record_plays([play])

    script = ScriptedServer(grpc.StatusCode.UNAVAILABLE, {}, grpc.StatusCode.UNAVAILABLE, {})
    plays = [event("ann", "t1"), event("ann", "t2")]
    with serving(script) as address:
        with Segue(ServerSettings(address=address, token=TOKEN)) as segue:
            segue.record_plays([plays[0]])
        asyncio.run(record(address, plays[1]))
    ids = [request[0].event_id for request in script.requests]
    assert [plays[0].event_id] * 2 + [plays[1].event_id] * 2 == ids
    assert {f"Bearer {TOKEN}"} == script.tokens


def _sync(settings: ServerSettings) -> None:
    with Segue(settings) as segue:
        segue.ask(recommend_pb2.RecommendRequest(listener_id="ann"), timeout=1)


def _asyncio(settings: ServerSettings) -> None:
    async def ask() -> None:
        async with AsyncSegue(settings) as segue:
            await segue.ask(recommend_pb2.RecommendRequest(listener_id="ann"), timeout=1)

    asyncio.run(ask())


@pytest.mark.parametrize("ask", [_sync, _asyncio])
def test_failures_have_kinds(ask: Callable[[ServerSettings], None], world: World) -> None:
    """A token that may not, one that nobody knows, and a server that is not there."""
    for token in (world.token(Scope.INGEST), "unknown"):
        with pytest.raises(AccessRefused):
            ask(settings(world, token))
    with pytest.raises(ServerDown):
        ask(ServerSettings(address="127.0.0.1:1", token="t"))


def test_an_unknown_track_is_told_in_the_servers_words(world: World) -> None:
    """Beside our own sentence."""
    with Segue(settings(world)) as segue, pytest.raises(QueryFailed, match="knows nothing under this id") as caught:
        segue.similar("no-such-track")
    assert "no-such-track" in caught.value.details


def test_a_call_that_is_no_call_is_refused_here(world: World) -> None:
    """Before anything is sent, and with what to do."""
    with Segue(settings(world)) as segue:
        with pytest.raises(TypeError, match="no request of the contract"):
            segue.ask(catalogue_pb2.Track())
        with pytest.raises(TypeError, match="`stream`"):
            segue.ask(BATCH)
        with pytest.raises(TypeError, match="no pages"):
            next(segue.pages(ingest_pb2.RecordPlaysRequest()))
