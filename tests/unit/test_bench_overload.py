"""What the rows of `segue bench overload` and `segue bench memory` are made of, and the load client at work."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from bench.load import Client, Outcome, Phase, Target
from bench.memory import LIMIT_MEGABYTES, Sample, growth
from bench.overload import Usual, p99, recovery, rows, told

METHOD = "/a.Service/Do"


@pytest.fixture
def target() -> Iterator[Target]:
    """A server that refuses every tenth call."""
    calls: list[bytes] = []

    def answer(body: bytes, context: grpc.ServicerContext) -> bytes:
        calls.append(body)
        if len(calls) % 10 == 0:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "not now")
        return body

    class Handler(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> Any:
            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Target(address=f"127.0.0.1:{port}", token="t", method=METHOD, bodies=[b"a", b"b"], deadline_seconds=5)
    server.stop(0).wait()


def test_an_open_loop_sends_at_its_rate_whatever_comes_back(target: Target) -> None:
    """And tells of each call when it was sent, how long it took and how it ended."""
    outcomes = Client(target).run(Phase(seconds=1, rate=200))
    assert 130 < len(outcomes) < 270
    assert {"OK", "RESOURCE_EXHAUSTED"} == {one.code for one in outcomes}
    assert all(0 <= one.sent <= 2 and one.seconds > 0 for one in outcomes)


def test_a_closed_loop_has_so_many_calls_all_the_time(target: Target) -> None:
    """Sent one after another, until the time is over."""
    outcomes = Client(target).run(Phase(seconds=0.5, at_once=2))
    assert len(outcomes) > 20
    assert max(one.sent for one in outcomes) < 1.5


def calls(code: str, *sent: float, seconds: float = 0.1) -> list[Outcome]:
    """Calls of one fate."""
    return [Outcome(one, seconds, code) for one in sent]


def test_rows_tell_goodput_p99_and_recovery_beside_what_is_usual() -> None:
    """An answer counts, a refusal does not; of several floods the median ratio stands."""
    usual = Usual(capacity=10, p99_seconds=0.1)
    floods = [
        told(5, usual, 1.0, calls("OK", *[0.5] * good) + calls("RESOURCE_EXHAUSTED", *[0.5] * 40), calls("OK", 1.0))
        for good in (8, 9, 10)
    ]
    found = {row.name: row for row in rows(floods)}
    assert ["goodput_5x", "p99_5x", "recovery_5x"] == list(found)
    assert (9, 10, 0.9) == (found["goodput_5x"].ours, found["goodput_5x"].reference, found["goodput_5x"].ratio)
    assert 0.2 == pytest.approx(found["goodput_5x"].spread)
    assert 1.0 == pytest.approx(found["p99_5x"].ratio)
    assert 0.0 == found["recovery_5x"].ours
    assert {"OK": 8, "RESOURCE_EXHAUSTED": 40} == floods[0].codes


def test_recovery_ends_with_the_last_window_that_was_not_as_usual() -> None:
    """A call that failed, or slow answers, make a window unusual."""
    good = calls("OK", *(nth / 10 for nth in range(100)))
    assert 0.0 == recovery(good, limit=0.2)
    assert 2.5 == recovery(good + calls("DEADLINE_EXCEEDED", 2.2), limit=0.2)
    assert 1.5 == recovery(good + calls("OK", *[1.2] * 9, seconds=0.9), limit=0.2)


def test_where_nothing_is_answered_p99_is_the_deadline() -> None:
    """Not 0, which would look good."""
    assert 1.0 == p99(calls("RESOURCE_EXHAUSTED", 0.5))


def test_growth_is_the_most_above_the_end_of_the_warm_up() -> None:
    """Also where memory fell again at the end."""
    samples = [Sample(calls=nth, megabytes=size) for nth, size in ((1000, 90), (2000, 120), (3000, 140), (4000, 125))]
    row = growth(samples, warm_up=2000)
    assert (20, LIMIT_MEGABYTES) == (row.ours, row.reference)
