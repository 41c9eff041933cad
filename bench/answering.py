"""`segue bench serving`: Recommend, ingestion and freshness of a server beside a bare echo and a raw producer.

Server, echo and load client are processes of their own; server and echo are kept to one core and the client to another,
where there are two. The sides run in turns.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import SegueError
from backend.settings import Settings
from bench import crowd, stacks
from bench.load import OK, Outcome, Phase, Remote, Target, client
from bench.rows import Pair, Row, row
from bench.taking_in import freshness, ingest
from cli import reach
from cli.output import Output
from stack.ports import free_port
from stack.state import read_state

METHOD = "/segue.v1.RecommendService/Recommend"
PARTS = ("kafka", "mongo", "server")
CALLERS = (1, 2, 4, 6)
"""Calls at once. A server's usual places are eight, and one is free again only after its answer has come: with eight
callers some would be refused (ADR 13)."""

USUAL_CALLERS = 4

DEADLINE_SECONDS = 5.0
AGAIN = 200
"""Listeners who ask again and again for `recommend_cached`."""

READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large, how long and how often. `processes` are the server's; the echo has as many."""

    tracks: int = 100_000
    listeners: int = 50_000
    repeats: int = 5
    seconds: float = 6.0
    processes: int = 1
    plays: int = 20_000
    fresh_plays: int = 40
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class Measured:
    """The rows, and what they were measured with; `told` has calls a second by callers, and milliseconds."""

    settings: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    told: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The load clients: of the echo, of the server asked anew, and of the server asked again."""

    echo: Remote
    uncached: Callable[[int], Remote]
    cached: Remote


def measure(plan: Plan, output: Output) -> Measured:
    """Start a stack of its own with a made-up service. Raises SegueError where a part fails."""
    made = crowd.crowd(tracks=plan.tracks, listeners=plan.listeners, seed=plan.seed)
    with stacks.stack(output, PARTS, server_processes=plan.processes) as settings, ExitStack() as held:
        with output.step("publishing a model", "the model is published"):
            crowd.publish(settings, made)
        with output.step("filling the store", "the store knows tracks and listeners"):
            crowd.fill(settings, made)
        began = time.monotonic()
        answer = _await(settings, made.listener_ids[0])
        measured = Measured(settings=_told(plan, settings, answer))
        measured.told["seconds from the pointer to the first answer of the version"] = time.monotonic() - began
        echo = held.enter_context(_echo(plan, settings, answer))
        servers = _pinned(settings, plan)
        with output.bar("asking", plan.repeats) as bar:
            sides = _sides(plan, settings, made.listener_ids, echo, held)
            _ask(plan, sides, measured, lambda: bar.advance(bar.task_ids[0]))
        for number, server in enumerate(servers, 1):
            memory = server.memory_full_info()
            measured.told[f"resident MB of server process {number}"] = memory.rss / 1e6
            measured.told[f"MB of its own of server process {number}"] = memory.uss / 1e6
        if plan.plays:
            with output.step("taking in plays", "plays were taken in"):
                measured.rows.append(ingest(settings, made, plays=plan.plays, repeats=plan.repeats))
        if plan.fresh_plays:
            with output.step("looking for plays in the next answers", "every play was seen"):
                measured.rows.append(freshness(settings, made, plays=plan.fresh_plays))
    return measured


def _ask(plan: Plan, sides: Sides, measured: Measured, advance: Callable[[], None]) -> None:
    uncached, cached, p99, refused = list[Pair](), list[Pair](), list[Pair](), list[float]()
    by_callers: dict[int, list[float]] = {count: [] for count in CALLERS}
    closed = Phase(seconds=plan.seconds, at_once=USUAL_CALLERS)
    for remote in (sides.echo, sides.uncached(plan.repeats), sides.cached):
        remote.run(closed)  # to warm up
    for nth in range(plan.repeats):
        asked = sides.uncached(nth)
        sides.cached.run(closed)  # asked once; what is counted is asked again
        echo, anew, again = (_rate(one.run(closed)[0], plan.seconds) for one in (sides.echo, asked, sides.cached))
        if not anew:
            raise SegueError("the server answered no call: see its log")
        calm = Phase(seconds=plan.seconds, rate=anew / 2)
        (ours,), (theirs,) = asked.run(calm), sides.echo.run(calm)
        refused.append(1 - sum(one.code == OK for one in ours) / len(ours))
        for count in CALLERS:
            (outcomes,) = asked.run(Phase(seconds=plan.seconds / 2, at_once=count))
            by_callers[count].append(_rate(outcomes, plan.seconds / 2))
        uncached.append(Pair(ours=anew, reference=echo))
        cached.append(Pair(ours=again, reference=echo))
        p99.append(Pair(ours=_p99(ours), reference=_p99(theirs)))
        advance()
    unit = f"answers a second, {USUAL_CALLERS} callers; reference: a bare echo"
    measured.rows += [
        row("recommend_uncached", uncached, unit=unit),
        row("recommend_cached", cached, unit=unit),
        row("recommend_p99", p99, unit="seconds, 99th percentile at half of recommend_uncached; reference: the echo"),
        row("recommend_callers", growing(by_callers), unit="answers a second; reference: the most with fewer callers"),
    ]
    measured.told["percent refused at half of recommend_uncached"] = 100 * statistics.median(refused)
    for count, rates in by_callers.items():
        measured.told[f"answers a second, {count} callers"] = statistics.median(rates)


def growing(by_callers: dict[int, list[float]]) -> list[Pair]:
    """Of each round the worst step to more callers, beside the most with fewer."""
    found = []
    for rates in zip(*by_callers.values(), strict=True):
        steps = [Pair(ours=rate, reference=max(rates[:at])) for at, rate in enumerate(rates) if at]
        found.append(min(steps, key=lambda pair: pair.ratio))
    return found


def _rate(outcomes: Sequence[Outcome], seconds: float) -> float:
    return sum(one.code == OK for one in outcomes) / seconds


def _p99(outcomes: Sequence[Outcome]) -> float:
    """Of the calls that were answered; bursts of a calm hour are refused too where they are more than the places."""
    return float(np.percentile([one.seconds for one in outcomes if one.code == OK], 99))


def _sides(plan: Plan, settings: Settings, ids: Sequence[str], echo: str, held: ExitStack) -> Sides:
    token = (settings.tokens / "operator.token").read_text().strip()

    def remote(address: str, requests: Sequence[recommend_pb2.RecommendRequest]) -> Remote:
        target = Target(
            address=address,
            token=token,
            method=METHOD,
            bodies=[one.SerializeToString() for one in requests],
            deadline_seconds=DEADLINE_SECONDS,
            channels=4 * plan.processes,
            seed=plan.seed,
        )
        return held.enter_context(client(target, core=_core(1)))

    def anew(nth: int) -> Remote:
        # What is left out makes it another question in each round, as a listener may come twice.
        left_out = [f"left out in round {nth}"]
        requests = [recommend_pb2.RecommendRequest(listener_id=one, exclude_track_ids=left_out) for one in ids]
        return remote(settings.server_address, requests)

    rounds = {nth: anew(nth) for nth in range(plan.repeats + 1)}
    again = [recommend_pb2.RecommendRequest(listener_id=one) for one in ids[:AGAIN]]
    return Sides(echo=remote(echo, again), uncached=rounds.__getitem__, cached=remote(settings.server_address, again))


def _await(settings: Settings, listener_id: str) -> recommend_pb2.RecommendResponse:
    deadline = time.monotonic() + READY_SECONDS
    with reach.channel(settings) as channel:
        stub = recommend_pb2_grpc.RecommendServiceStub(channel)
        while time.monotonic() < deadline:
            answer: recommend_pb2.RecommendResponse = stub.Recommend(
                recommend_pb2.RecommendRequest(listener_id=listener_id)
            )
            if answer.path == recommend_pb2.ANSWER_PATH_HYBRID and len(answer.tracks) == 20:
                return answer
            time.sleep(0.5)
    raise SegueError(f"the server gave no answer from the model within {READY_SECONDS:.0f} s; see its log")


@contextmanager
def _echo(plan: Plan, settings: Settings, answer: recommend_pb2.RecommendResponse) -> Iterator[str]:
    """The echo's address; its processes end with the block."""
    import random

    port = free_port(set(), random.SystemRandom())
    with TemporaryDirectory(prefix="segue-bench-echo-") as folder:
        file = Path(folder) / "answer"
        file.write_bytes(answer.SerializeToString())
        command = [sys.executable, "-m", "bench.echo", str(port), str(settings.server_workers), str(file)]
        running = [subprocess.Popen(command) for _ in range(plan.processes)]
        try:
            for one in running:
                _pin(psutil.Process(one.pid), plan)
            yield f"127.0.0.1:{port}"
        finally:
            for one in running:
                one.kill()
                one.wait()


def _pinned(settings: Settings, plan: Plan) -> list[psutil.Process]:
    """The server's processes, kept to their core."""
    state = read_state(settings.home)
    pids = [part.pid for part in state.parts if part.name == "server"] if state is not None else []
    if not pids:
        raise SegueError("the bench's stack has no server; run the bench again")
    first = psutil.Process(pids[0])
    servers = [first] if plan.processes == 1 else first.children()
    for one in servers:
        _pin(one, plan)
    return servers


def _pin(process: psutil.Process, plan: Plan) -> None:
    if plan.processes == 1:
        core = _core(0)
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {core})


def _core(nth: int) -> int:
    cores = sorted(os.sched_getaffinity(0))
    return cores[nth % len(cores)]


def _told(plan: Plan, settings: Settings, answer: recommend_pb2.RecommendResponse) -> dict[str, object]:
    return {
        "tracks": plan.tracks,
        "listeners": plan.listeners,
        "repeats": plan.repeats,
        "seconds": plan.seconds,
        "server processes": plan.processes,
        "server workers": settings.server_workers,
        "bytes of an answer": answer.ByteSize(),
        "cores": os.cpu_count(),
    }
