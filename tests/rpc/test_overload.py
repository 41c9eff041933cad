"""More calls than there are places: who is refused, how, and what goes on meanwhile; and how often our client asks."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status
from segue.v1 import ingest_pb2, recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import Overloaded
from backend.rpc import server as server_module
from backend.rpc.auth import Scope
from backend.rpc.errors import PUSHBACK
from backend.rpc.places import Places
from backend.services.recommend import Recommender
from client.channel import connect
from tests.rpc.conftest import WORKERS, World
from tests.rpc.test_guard import health
from tests.rpc.test_ingest import play
from tests.rpc.test_recommend import until

ROOM = WORKERS * (1 + server_module.WAITING)
"""Unary calls of a service that are let in."""


class Slow:
    """Recommendations that wait until they are told to go on; `asked` counts the calls that came so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        self.asked = 0
        recommend = Recommender.recommend

        def waiting(*args: Any, **kwargs: Any) -> Any:
            self.asked += 1
            self.go_on.wait(20)
            return recommend(*args, **kwargs)

        # Not a slow store: what that costs an answer has a bound (services/parts.py).
        monkeypatch.setattr(Recommender, "recommend", waiting)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Whoever asks for a recommendation waits."""
    made = Slow(monkeypatch)
    yield made
    made.go_on.set()


def ask(world: World, token: str = "", timeout: float = 15) -> Any:
    """A call under way."""
    stub = recommend_pb2_grpc.RecommendServiceStub(world.channel(token))
    return stub.Recommend.future(recommend_pb2.RecommendRequest(listener_id="ann"), timeout=timeout)


def filled(world: World, slow: Slow) -> list[Any]:
    """Calls in every place of RecommendService."""
    calls = [ask(world) for _ in range(ROOM)]
    until(lambda: slow.asked == WORKERS)
    time.sleep(0.2)  # until those in line are there too
    assert not any(call.done() for call in calls)
    return calls


def test_a_call_too_many_is_refused_at_once_and_told_when_to_come_back(world: World, slow: Slow) -> None:
    """In the trailer that gRPC's retries read, and in the rich details; not all at the same time."""
    let_in = filled(world, slow)
    began = time.monotonic()
    refused = [ask(world) for _ in range(20)]
    assert {grpc.StatusCode.RESOURCE_EXHAUSTED} == {call.code() for call in refused}
    assert time.monotonic() - began < 5
    pushbacks = [int(dict(call.trailing_metadata())[PUSHBACK]) for call in refused]
    assert len(set(pushbacks)) > 3
    for call, milliseconds in zip(refused, pushbacks, strict=True):
        expected, told = Duration(), error_details_pb2.RetryInfo()
        expected.FromMilliseconds(milliseconds)
        status = rpc_status.from_call(call)
        assert status is not None
        assert any(detail.Unpack(told) for detail in status.details)
        assert expected == told.retry_delay
    slow.go_on.set()
    assert {grpc.StatusCode.OK} == {call.code() for call in let_in}


def test_no_more_is_at_work_than_there_are_workers(world: World, slow: Slow) -> None:
    """Whatever else is idle: threads of streams and of other services take no calls of this one."""
    let_in = filled(world, slow)
    assert {grpc.StatusCode.RESOURCE_EXHAUSTED} == {ask(world).code() for _ in range(5)}
    assert WORKERS == slow.asked
    slow.go_on.set()
    assert [grpc.StatusCode.OK] * ROOM == [call.code() for call in let_in]


def test_a_flood_of_one_service_leaves_the_others_alone(world: World, slow: Slow) -> None:
    """Plays are taken in and health is told while nobody is recommended anything."""
    let_in = filled(world, slow)
    (result,) = world.ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[play()]), timeout=5).results
    assert ingest_pb2.INGEST_OUTCOME_ACCEPTED == result.outcome
    assert health_pb2.HealthCheckResponse.SERVING == health(world, "")
    slow.go_on.set()
    for call in let_in:
        call.result()


def test_a_flood_of_one_caller_leaves_places_to_others(world: World, slow: Slow) -> None:
    """Once another has asked, the first gets no more than half; the other's calls are let in."""
    let_in = filled(world, slow)
    other = world.token(Scope.RECOMMEND)
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == ask(world, other).code()
    slow.go_on.set()
    for call in let_in:
        call.result()
    slow.go_on.clear()
    flood = [ask(world) for _ in range(2 * ROOM)]
    until(lambda: sum(call.done() for call in flood) == 2 * ROOM - ROOM // 2)
    calls = [ask(world, other) for _ in range(ROOM // 2)]
    slow.go_on.set()
    assert [grpc.StatusCode.OK] * len(calls) == [call.code() for call in calls]
    assert ROOM // 2 == sum(call.code() == grpc.StatusCode.OK for call in flood)


def test_a_call_whose_client_has_gone_while_it_was_in_line_costs_nothing(world: World, slow: Slow) -> None:
    """Its place is free again, and nobody works on it: by cancelling, or by its deadline."""
    at_work = [ask(world) for _ in range(WORKERS)]
    until(lambda: slow.asked == WORKERS)
    gone = [ask(world, timeout=0.5) for _ in range((ROOM - WORKERS) // 2)]
    cancelled = [ask(world) for _ in range(ROOM - WORKERS - len(gone))]
    assert {grpc.StatusCode.DEADLINE_EXCEEDED} == {call.code() for call in gone}
    for call in cancelled:
        call.cancel()
    time.sleep(0.2)
    slow.go_on.set()
    for call in at_work:
        call.result()
    assert WORKERS == slow.asked
    assert [grpc.StatusCode.OK] * ROOM == [call.code() for call in [ask(world) for _ in range(ROOM)]]


def test_a_refused_call_is_said_in_the_log_once_for_all(world: World, slow: Slow) -> None:
    """A flood does not flood the log: it is counted."""
    import structlog

    with structlog.testing.capture_logs() as logs:
        let_in = filled(world, slow)
        for call in [ask(world) for _ in range(30)]:
            call.code()
        until(lambda: any(line["event"].startswith("calls refused") for line in logs))
        slow.go_on.set()
        for call in let_in:
            call.result()
        until(lambda: sum(line.get("calls", 0) for line in logs) == 30)
    assert not [line for line in logs if line.get("code") == "RESOURCE_EXHAUSTED"]


def test_places_are_shared_among_those_who_ask() -> None:
    """Alone a caller has all; with others its share; alone again, all."""
    now = [0.0]
    places = Places("test", 4, clock=lambda: now[0])
    go_on = threading.Event()

    def hold(caller: str) -> None:
        places.take(caller).submit(go_on.wait, 10)

    for _ in range(4):
        hold("greedy")
    with pytest.raises(Overloaded):
        hold("modest")
    assert 1 == places.refused()
    go_on.set()
    until(lambda: _is_free(places, "modest"))
    go_on.clear()
    places.refused()
    hold("greedy")
    hold("greedy")
    with pytest.raises(Overloaded):
        hold("greedy")
    hold("modest")
    now[0] += 60
    hold("greedy")
    assert [1, 0] == [places.refused(), places.refused()]
    go_on.set()


def _is_free(places: Places, caller: str) -> bool:
    try:
        places.take(caller)
    except Overloaded:
        return False
    return True


class Counting(grpc.GenericRpcHandler):
    """A server's method that fails as it is told, and counts how often it was called."""

    def __init__(self, fails: Iterator[bool], code: grpc.StatusCode, milliseconds: int) -> None:
        self.attempts = 0
        self._fails, self._code, self._milliseconds = fails, code, milliseconds
        self._lock = threading.Lock()

    def service(self, _details: grpc.HandlerCallDetails) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        with self._lock:
            self.attempts += 1
            fails = next(self._fails)
        if fails:
            context.set_trailing_metadata(((PUSHBACK, str(self._milliseconds)),))
            context.abort(self._code, "not now")
        return b""


def asked(method: Counting, calls: int) -> Counter[grpc.StatusCode]:
    """How so many calls of our client end."""
    server = grpc.server(ThreadPoolExecutor(8), handlers=[method])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def call(_: int) -> Any:
        return popular.PopularTracks.future(recommend_pb2.PopularTracksRequest()).code()

    with connect(f"127.0.0.1:{port}", "token") as channel, ThreadPoolExecutor(16) as threads:
        popular: Any = recommend_pb2_grpc.RecommendServiceStub(channel)
        codes = Counter(threads.map(call, range(calls)))
    server.stop(0).wait()
    return codes


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
@pytest.mark.parametrize("every", [1, 2, 5])
def test_our_client_makes_no_retry_storm(code: grpc.StatusCode, every: int) -> None:
    """However many calls fail, it makes no more than 1.2 attempts a call."""
    method = Counting((nth % every == 0 for nth in itertools.count()), code, milliseconds=10)
    asked(method, 300)
    assert method.attempts <= 1.2 * 300


def test_our_client_comes_back_after_the_time_that_the_server_names() -> None:
    """One refused call is no failure to who asked."""
    method = Counting(iter([True, False]), grpc.StatusCode.RESOURCE_EXHAUSTED, milliseconds=700)
    began = time.monotonic()
    assert Counter({grpc.StatusCode.OK: 1}) == asked(method, 1)
    assert 2 == method.attempts
    assert time.monotonic() - began > 0.65


def test_the_server_gives_the_interpreter_away_soon(tmp_path: Path) -> None:
    """Its process sets it: gRPC's own thread would wait for those at work at every step."""
    import subprocess
    import sys

    code = (
        "import sys; from unittest.mock import patch\n"
        "import backend.__main__ as m\n"
        "with patch.object(m, 'Settings', side_effect=ValueError('stop here')): m.main()\n"
        "print(sys.getswitchinterval())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert 0.0005 == pytest.approx(float(done.stdout))
