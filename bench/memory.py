"""`segue bench memory`: what a server's memory grows by over many answers that each have further pages."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import psutil
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import SegueError
from bench import serving
from bench.rows import Pair, Row, row
from cli import reach
from cli.output import Output
from stack.state import read_state

LIMIT_MEGABYTES = 64.0
"""What memory may grow by after the warm-up, however many answers are given."""

STEP = 1000
"""Calls between two looks at the memory."""

AT_ONCE = 4
PAGE_SIZE = 20
NEXT_PAGE_EVERY = 10
"""One call of so many asks for the next page as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The server's resident memory after so many calls."""

    calls: int
    megabytes: float


@dataclass(slots=True, kw_only=True)
class Measured:
    """The row, and the samples behind it; those with fewer calls than `warm_up` do not count."""

    warm_up: int
    rows: list[Row] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def measure(output: Output, *, calls: int, warm_up: int, seed: int) -> Measured:
    """Start a server of its own and ask it. Raises SegueError where a part fails."""
    with (
        serving.served(output, seed=seed) as served,
        reach.channel(served.settings) as channel,
        output.bar("asking", calls + warm_up) as bar,
    ):
        state = read_state(served.settings.home)
        pids = [part.pid for part in state.parts if part.name == "server"] if state is not None else []
        if not pids:
            raise SegueError("the bench's stack has no server; run the bench again")
        return soak(
            channel,
            psutil.Process(pids[0]),
            served.listeners,
            calls=calls,
            warm_up=warm_up,
            advance=lambda: bar.advance(bar.task_ids[0], STEP),
        )


def soak(
    channel: grpc.Channel,
    server: psutil.Process,
    listeners: Sequence[str],
    *,
    calls: int,
    warm_up: int,
    advance: Callable[[], None] = lambda: None,
) -> Measured:
    """Ask for each listener in turn, and look at the server's memory; `advance` is called every STEP calls.

    Every answer has further pages, so the server keeps it. Raises grpc.RpcError where it does not answer, SegueError
    where an answer had one page.
    """
    stub = recommend_pb2_grpc.RecommendServiceStub(channel)

    def ask(nth: int) -> None:
        request = recommend_pb2.RecommendRequest(listener_id=listeners[nth % len(listeners)], page_size=PAGE_SIZE)
        token = stub.Recommend(request, timeout=30).next_page_token
        if not token:
            raise SegueError(f"an answer for {request.listener_id} had one page: nothing was kept")
        if nth % NEXT_PAGE_EVERY == 0:
            request.page_token = token
            stub.Recommend(request, timeout=30)

    measured = Measured(warm_up=warm_up)
    with ThreadPoolExecutor(AT_ONCE) as asking:
        for done in range(0, warm_up + calls, STEP):
            list(asking.map(ask, range(done, done + STEP)))
            measured.samples.append(Sample(calls=done + STEP, megabytes=server.memory_info().rss / 1e6))
            advance()
    measured.rows.append(growth(measured.samples, warm_up=warm_up))
    return measured


def growth(samples: Sequence[Sample], *, warm_up: int) -> Row:
    """How much more than at the end of the warm-up the memory ever was, beside the limit."""
    begin = [one.megabytes for one in samples if one.calls <= warm_up] or [samples[0].megabytes]
    grown = max(one.megabytes for one in samples) - begin[-1]
    pair = Pair(ours=grown, reference=LIMIT_MEGABYTES)
    return row("memory_growth", [pair], unit="MB of resident memory after the warm-up; reference: the limit")
