"""What every call passes: token, bytes, contract, budget; health and draining."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from segue.v1 import analytics_pb2, analytics_pb2_grpc, ingest_pb2, ingest_pb2_grpc, recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import InvalidInput
from backend.domain.live_tables import TRENDS
from backend.ports.event_log import Topic
from backend.rpc import server as server_module
from backend.rpc.auth import Scope, Tokens, issue_token, revoke_token
from backend.rpc.bound_tokens import FolderBoundTokens
from backend.rpc.guard import Guard
from backend.rpc.places import Places
from backend.rpc.server import Server
from backend.rpc.streams import PER_CONNECTION
from backend.services.assembly import assembled
from tests.memory import HandedModels, MemoryEventLog, MemoryIdentities, MemoryStore
from tests.rpc.conftest import WORKERS, BreakableVectorIndex, WordEncoder, World, services_in_memory
from tests.rpc.test_analytics import write
from tests.rpc.test_ingest import play, violations
from tests.rpc.test_recommend import until


def test_a_listeners_token_speaks_for_that_listener_only(world: World) -> None:
    """In requests and in every play of a batch."""
    channel = world.channel(world.token(Scope.RECOMMEND, Scope.INGEST, listener_id="ann"))
    recommend = recommend_pb2_grpc.RecommendServiceStub(channel)
    ingest = ingest_pb2_grpc.IngestServiceStub(channel)
    recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="ann"))
    ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[play(listener="ann")]))
    for call in (
        lambda: recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="bob")),
        lambda: ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[play(listener="ann"), play(listener="bob")])),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert grpc.StatusCode.PERMISSION_DENIED == caught.value.code()


def test_the_contract_is_enforced_with_every_field_named(world: World) -> None:
    """Rich details carry the paths."""
    with pytest.raises(grpc.RpcError) as caught:
        world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="a b", page_size=201))
    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
    assert {"listener_id", "page_size"} == {violation.field for violation in violations(caught.value)}


def test_an_unknown_error_shows_only_its_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text stays in the log, under that id; neither message nor rich details carry it."""
    secret = KeyError("the secret address")

    def fail(*_: object, **__: object) -> None:
        raise secret

    world.store.identities.ensure(["ann"])
    monkeypatch.setattr(world.store, "profiles", fail)
    with structlog.testing.capture_logs() as logs, pytest.raises(grpc.RpcError) as caught:
        world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="ann"))
    (logged,) = [line for line in logs if line["event"] == "unknown error"]
    assert secret is logged["exc_info"]
    expected = status_pb2.Status(code=code_pb2.INTERNAL, message=f"internal error {logged['error_id']}")
    assert expected == rpc_status.from_call(caught.value)


def test_errors_carry_a_reason_for_programs(world: World) -> None:
    """ErrorInfo with our domain."""
    with pytest.raises(grpc.RpcError) as caught:
        world.recommend.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id="nobody"))
    status = rpc_status.from_call(caught.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert ("NOT_FOUND", "segue") == (info.reason, info.domain)


def health(world: World, service: str) -> int:
    """The health of a service, asked without a token."""
    with grpc.insecure_channel(f"127.0.0.1:{world.server.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        status: int = stub.Check(health_pb2.HealthCheckRequest(service=service)).status
        return status


def test_health_is_open_and_told_per_service(world: World) -> None:
    """A log that is down stops ingestion and privacy only; recommendations go on without the store."""
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    names = ("Ingest", "Recommend", "Analytics", "Privacy")
    services = [*(f"segue.v1.{name}Service" for name in names), ""]
    until(lambda: [serving] * 5 == [health(world, service) for service in services])
    world.log.down = True
    until(lambda: health(world, services[0]) == not_serving)
    told = [health(world, service) for service in services]
    assert [not_serving, serving, serving, not_serving, not_serving] == told
    world.log.down, world.store.down = False, True
    until(lambda: health(world, services[2]) == not_serving)
    assert [not_serving, serving, not_serving, not_serving, not_serving] == [
        health(world, service) for service in services
    ]
    world.store.down = False
    until(lambda: [serving] * 5 == [health(world, service) for service in services])


def test_without_store_and_model_nothing_is_recommended(cold_world: World) -> None:
    """RecommendService says so in its health, and a call that retrying helps."""
    cold_world.store.down = True
    until(lambda: health(cold_world, "segue.v1.RecommendService") == health_pb2.HealthCheckResponse.NOT_SERVING)
    with pytest.raises(grpc.RpcError) as caught:
        cold_world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="ann"))
    cold_world.store.down = False
    assert grpc.StatusCode.UNAVAILABLE == caught.value.code()


def test_streams_do_not_eat_the_workers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every stream open, as many calls as there are workers still run at once; one stream more is shed."""
    stub = analytics_pb2_grpc.AnalyticsServiceStub(world.channel())
    streams = [stub.WatchTrends(analytics_pb2.WatchTrendsRequest()) for _ in range(server_module.STREAMS)]
    watching = [watch(world) for _ in range(server_module.HEALTH_STREAMS)]
    for stream in (*streams, *watching):
        next(stream)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.WatchTrends(analytics_pb2.WatchTrendsRequest()))
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == caught.value.code()
    workers, append = WORKERS, world.log.append
    together = threading.Barrier(workers)  # lets nobody through before all are in

    def append_together(*args: Any, **kwargs: Any) -> Any:
        together.wait(10)
        return append(*args, **kwargs)

    monkeypatch.setattr(world.log, "append", append_together)
    ingest = world.ingest
    requests = [ingest_pb2.RecordPlaysRequest(plays=[play()]) for _ in range(workers)]
    calls = [ingest.RecordPlays.future(request, timeout=15) for request in requests]
    outcomes = [call.result().results[0].outcome for call in calls]
    assert [ingest_pb2.INGEST_OUTCOME_ACCEPTED] * workers == outcomes
    for stream in (*streams, *watching):
        stream.cancel()


def test_a_closed_stream_makes_room(world: World) -> None:
    """For the next one."""
    stub = analytics_pb2_grpc.AnalyticsServiceStub(world.channel())
    streams = [stub.WatchTrends(analytics_pb2.WatchTrendsRequest()) for _ in range(server_module.STREAMS)]
    for stream in streams:
        next(stream)
    streams[0].cancel()

    def admitted() -> bool:
        stream = stub.WatchTrends(analytics_pb2.WatchTrendsRequest())
        try:
            next(stream)
        except grpc.RpcError:
            return False
        streams.append(stream)
        return True

    until(admitted)
    for stream in streams:
        stream.cancel()


def test_a_stream_ends_with_its_token(world: World) -> None:
    """At its next message, once the token is revoked."""
    token = issue_token(world.tokens, "watcher", [Scope.ANALYTICS])
    stub = analytics_pb2_grpc.AnalyticsServiceStub(world.channel(token))
    stream = stub.WatchTrends(analytics_pb2.WatchTrendsRequest())
    assert [] == list(next(stream).rows)
    revoke_token(world.tokens, "watcher")
    write(world, TRENDS, "1", track_id="t1", artist_id="a1", rank=1)
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert grpc.StatusCode.UNAUTHENTICATED == caught.value.code()


def test_a_broken_tokens_file_is_no_fault_of_those_who_call(world: World) -> None:
    """Valid tokens go on, and wrong ones are UNAUTHENTICATED as ever."""
    stub = recommend_pb2_grpc.RecommendServiceStub(world.channel(world.token(Scope.RECOMMEND)))
    stub.PopularTracks(recommend_pb2.PopularTracksRequest())
    (world.tokens / "tokens.json").write_text("{")
    stub.PopularTracks(recommend_pb2.PopularTracksRequest())
    with pytest.raises(grpc.RpcError) as caught:
        recommend_pb2_grpc.RecommendServiceStub(world.channel("x")).PopularTracks(recommend_pb2.PopularTracksRequest())
    assert grpc.StatusCode.UNAUTHENTICATED == caught.value.code()


def test_a_tokens_file_that_is_broken_at_start_is_refused(tmp_path: Path) -> None:
    """The server does not start, and says which file to mend."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens/tokens.json").write_text("[{")
    with pytest.raises(InvalidInput, match=r"tokens\.json: is no JSON .*mend it"):
        Server(services_in_memory(tmp_path), address="127.0.0.1:0", tokens=tmp_path / "tokens")


def watch(world: World, channel: grpc.Channel | None = None) -> Any:
    """A health stream without a token, on a connection of its own where no channel is given."""
    return health_pb2_grpc.HealthStub(channel or connection(world)).Watch(health_pb2.HealthCheckRequest(service=""))


def connection(world: World) -> grpc.Channel:
    """A connection that is shared with no other channel."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    channel = grpc.insecure_channel(f"127.0.0.1:{world.server.port}", options=options)
    world.channels.append(channel)
    return channel


def test_one_connection_holds_few_health_streams(world: World) -> None:
    """One more is refused; what it holds goes on."""
    greedy = connection(world)
    held = [watch(world, greedy) for _ in range(PER_CONNECTION)]
    for stream in held:
        next(stream)
    with pytest.raises(grpc.RpcError) as caught:
        next(watch(world, greedy))
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == caught.value.code()
    assert all(stream.is_active() for stream in held)
    for stream in held:
        stream.cancel()


def test_nobody_holds_every_health_stream(world: World) -> None:
    """Where all places are held, the newcomer gets that of the oldest, who hears CANCELLED."""
    held = []
    for _ in range(server_module.HEALTH_STREAMS):
        held.append(watch(world))
        next(held[-1])  # in this order
    newcomer = watch(world)
    assert health_pb2.HealthCheckResponse.SERVING == next(newcomer).status
    with pytest.raises(grpc.RpcError) as caught:
        next(held[0])
    assert grpc.StatusCode.CANCELLED == caught.value.code()
    assert all(stream.is_active() for stream in held[1:])
    for stream in (newcomer, *held):
        stream.cancel()


def test_an_idle_health_stream_ends(tmp_path: Path) -> None:
    """And its place is free for another: there is one only."""
    guard = Guard(
        Tokens(tmp_path), places_of=lambda name: Places(name, 1), streams=1, health_streams=1, idle_seconds=0.2
    )
    server = grpc.server(ThreadPoolExecutor(1), interceptors=[guard])
    health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(experimental_non_blocking=False), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for _ in range(3):
            stream = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
            next(stream)
            with pytest.raises(grpc.RpcError) as caught:
                next(stream)
            assert grpc.StatusCode.CANCELLED == caught.value.code()
    server.stop(0).wait()


def test_bodies_that_never_arrive_hold_nobody_up(world: World) -> None:
    """However many health calls wait for theirs, another is answered; and each ends after a while."""
    never = threading.Event()

    def nothing() -> Iterator[bytes]:
        never.wait(10)
        yield b""

    waiting = connection(world).stream_stream("/grpc.health.v1.Health/Check")
    calls = [waiting(nothing()) for _ in range(WORKERS + server_module.STREAMS)]
    began = time.monotonic()
    assert health_pb2.HealthCheckResponse.SERVING == health(world, "")
    assert time.monotonic() - began < 8
    codes = {call.code() for call in calls}
    never.set()
    assert {grpc.StatusCode.CANCELLED} == codes


def test_a_large_body_without_a_token_is_refused(world: World) -> None:
    """A health request holds one name."""
    check = connection(world).unary_unary("/grpc.health.v1.Health/Check")
    with pytest.raises(grpc.RpcError) as caught:
        check(b"\x0a\x80\x80\x04" + b"a" * 65536, timeout=5)
    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


@pytest.mark.parametrize("call", ["Check", "Watch"])
def test_the_health_of_a_service_that_is_not_here_is_not_found(world: World, call: str) -> None:
    """And its name, which may be long, is not remembered."""
    stub = health_pb2_grpc.HealthStub(connection(world))
    answer = getattr(stub, call)
    with pytest.raises(grpc.RpcError) as caught:
        list(answer(health_pb2.HealthCheckRequest(service="x" * 1000), timeout=5))
    assert grpc.StatusCode.NOT_FOUND == caught.value.code()


def test_reflection_is_served_where_asked_for_and_needs_a_token(world: World) -> None:
    """It lists the services."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    plain = grpc.insecure_channel(f"127.0.0.1:{world.server.port}")
    world.channels.append(plain)
    stub = reflection_pb2_grpc.ServerReflectionStub(plain)
    token = (world.tokens / "operator.token").read_text().strip()
    (answer,) = stub.ServerReflectionInfo(iter([request]), metadata=(("authorization", f"Bearer {token}"),))
    assert "segue.v1.IngestService" in {service.name for service in answer.list_services_response.service}
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.ServerReflectionInfo(iter([request])))
    assert grpc.StatusCode.UNAUTHENTICATED == caught.value.code()


def test_draining_lets_a_call_end_and_tells_health_first(tmp_path: Path) -> None:
    """A call that is under way when the server stops is answered; watch streams end."""
    log, store = SlowEventLog(), MemoryStore()
    vectors, models = BreakableVectorIndex(tmp_path / "vectors"), HandedModels(tmp_path / "models")
    services = assembled(
        event_log=log,
        store=store,
        identities=store.identities,
        tokens=FolderBoundTokens(tmp_path / "tokens"),
        vectors=vectors,
        models=models,
        encoder=WordEncoder,
    )
    server = Server(services, address="127.0.0.1:0", tokens=tmp_path / "tokens")
    services.start()
    server.start()
    world = World(tmp_path / "tokens", log, store, vectors, models, services, server)
    store.put_tracks([])
    request = ingest_pb2.UpsertArtistsRequest()
    request.artists.add(artist_id="a", name="A")
    watch = world.analytics.WatchTrends(analytics_pb2.WatchTrendsRequest())
    next(watch)
    call = world.ingest.UpsertArtists.future(request)
    assert log.entered.wait(5)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert [] == list(watch)
    log.go_on.set()
    assert ingest_pb2.INGEST_OUTCOME_ACCEPTED == call.result(timeout=5).results[0].outcome
    stopping.join(10)
    assert not stopping.is_alive()
    assert 0 == services.close()
    for channel in world.channels:
        channel.close()


class SlowEventLog(MemoryEventLog):
    """Waits in `append` until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def append(self, *args: Any, **kwargs: Any) -> list[bool]:
        self.entered.set()
        self.go_on.wait(10)
        return super().append(*args, **kwargs)


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "[::]:50051", "example.org:50051", "192.168.0.1:1"])
def test_an_open_port_without_tls_is_refused(tmp_path: Path, address: str) -> None:
    """The error says what to set."""
    services = assembled(
        event_log=MemoryEventLog(),
        store=MemoryStore(),
        identities=MemoryIdentities(),
        tokens=FolderBoundTokens(tmp_path),
        vectors=BreakableVectorIndex(tmp_path),
        models=HandedModels(tmp_path / "models"),
        encoder=WordEncoder,
    )
    with pytest.raises(InvalidInput, match="tls_certificate"):
        Server(services, address=address, tokens=tmp_path)


def test_a_deadline_that_passed_costs_no_work(world: World) -> None:
    """The client hears DEADLINE_EXCEEDED and nothing is written."""
    with pytest.raises(grpc.RpcError) as caught:
        world.ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[play()]), timeout=0.1)
    assert caught.value.code() in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    time.sleep(0.2)
    assert [] == world.log.values(Topic.PLAYS)
