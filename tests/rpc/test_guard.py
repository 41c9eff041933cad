"""What every call passes: token, bytes, contract, budget; health and draining."""

import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from segue.v1 import analytics_pb2, analytics_pb2_grpc, ingest_pb2, ingest_pb2_grpc, recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import InvalidInput
from backend.ports.event_log import Topic
from backend.rpc import server as server_module
from backend.rpc.auth import Scope
from backend.rpc.server import Server
from backend.services.assembly import assembled
from tests.memory import MemoryEventLog, MemoryModels, MemoryStore
from tests.rpc.conftest import BreakableVectorIndex, WordEncoder, World
from tests.rpc.test_ingest import play, violations
from tests.rpc.test_recommend import until

METHODS = [
    "/segue.v1.IngestService/RecordPlays",
    "/segue.v1.IngestService/UpsertTracks",
    "/segue.v1.RecommendService/Recommend",
    "/segue.v1.AnalyticsService/ListTrends",
]


def raw_call(channel: grpc.Channel, method: str, data: bytes, **options: Any) -> grpc.RpcError:
    """Send bytes; the error that comes back."""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(data, timeout=5, **options)
    return caught.value


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x05ab", b"\x00" * 10, b"\x0a\x02\xff\xfe"])
def test_bytes_that_are_no_message_are_invalid(world: World, method: str, data: bytes) -> None:
    """Never INTERNAL, and never a text of the parser."""
    error = raw_call(world.channel(), method, data)
    assert grpc.StatusCode.INVALID_ARGUMENT == error.code()


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic abc"])
@pytest.mark.parametrize("method", METHODS)
def test_without_a_known_token_nothing_is_answered(world: World, method: str, authorization: str | None) -> None:
    """Whatever the bytes say."""
    channel = grpc.insecure_channel(f"127.0.0.1:{world.server.port}")
    world.channels.append(channel)
    metadata = None if authorization is None else (("authorization", authorization),)
    assert grpc.StatusCode.UNAUTHENTICATED == raw_call(channel, method, b"\xff", metadata=metadata).code()


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [(Scope.INGEST, 0), (Scope.CATALOGUE, 1), (Scope.RECOMMEND, 2), (Scope.ANALYTICS, 3)],
)
def test_a_token_opens_what_its_scopes_say(world: World, scope: Scope, allowed: int) -> None:
    """And nothing else."""
    channel = world.channel(world.token(scope))
    codes = [raw_call(channel, method, b"\xff").code() for method in METHODS]
    expected = [grpc.StatusCode.PERMISSION_DENIED] * len(METHODS)
    expected[allowed] = grpc.StatusCode.INVALID_ARGUMENT
    assert expected == codes


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
    """The text stays in the log."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("the secret address")

    monkeypatch.setattr(world.store, "profiles", fail)
    with pytest.raises(grpc.RpcError) as caught:
        world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="ann"))
    assert grpc.StatusCode.INTERNAL == caught.value.code()
    assert caught.value.details().startswith("internal error ")
    assert "secret" not in caught.value.details()


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
    """A log that is down stops ingestion only; recommendations go on without the store."""
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    services = ["segue.v1.IngestService", "segue.v1.RecommendService", "segue.v1.AnalyticsService", ""]
    until(lambda: [serving] * 4 == [health(world, service) for service in services])
    world.log.down = True
    until(lambda: health(world, services[0]) == not_serving)
    assert [not_serving, serving, serving, not_serving] == [health(world, service) for service in services]
    world.log.down, world.store.down = False, True
    until(lambda: health(world, services[2]) == not_serving)
    assert [not_serving, serving, not_serving, not_serving] == [health(world, service) for service in services]
    world.store.down = False
    until(lambda: [serving] * 4 == [health(world, service) for service in services])


def test_without_store_and_model_nothing_is_recommended(cold_world: World) -> None:
    """RecommendService says so in its health, and a call that retrying helps."""
    cold_world.store.down = True
    until(lambda: health(cold_world, "segue.v1.RecommendService") == health_pb2.HealthCheckResponse.NOT_SERVING)
    with pytest.raises(grpc.RpcError) as caught:
        cold_world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="ann"))
    cold_world.store.down = False
    assert grpc.StatusCode.UNAVAILABLE == caught.value.code()


def test_streams_do_not_eat_the_workers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams beyond their budget are shed, and unary calls go on; a closed stream makes room."""
    stub = analytics_pb2_grpc.AnalyticsServiceStub(world.channel())
    streams = [stub.WatchTrends(analytics_pb2.WatchTrendsRequest()) for _ in range(server_module.STREAMS)]
    for stream in streams:
        next(stream)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.WatchTrends(analytics_pb2.WatchTrendsRequest()))
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == caught.value.code()
    world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="ann"))
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
    vectors, models = BreakableVectorIndex(tmp_path / "vectors"), MemoryModels()
    services = assembled(event_log=log, store=store, vectors=vectors, models=models, encoder=WordEncoder)
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
        vectors=BreakableVectorIndex(tmp_path),
        models=MemoryModels(),
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
