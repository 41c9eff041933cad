"""`segue bench overload`: what a server still answers when five and ten times as many calls come as it can answer."""

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from backend.domain.errors import SegueError
from bench import serving
from bench.load import OK, Outcome, Phase, Remote, Target, client
from bench.rows import Pair, Row, row
from cli.output import Output

METHOD = "/segue.v1.RecommendService/Recommend"
DEADLINE_SECONDS = 1.0
AT_ONCE = (2, 4, 8)
"""Calls at once in the closed loops; the best of them is the capacity."""

AFTER_SECONDS = 10.0
RECOVERY_SECONDS = 5.0
WINDOW_SECONDS = 0.5
"""Recovery is told in steps of so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often."""

    repeats: int = 5
    seconds: float = 20.0
    closed_seconds: float = 8.0
    factors: Sequence[int] = (5, 10)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The same server in the same round: most answers a second, and p99 at half of them."""

    capacity: float
    p99_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """One flood: what was offered and answered a second, and how the calls ended."""

    factor: int
    usual: Usual
    offered: float
    answered: float
    p99_seconds: float
    recovery_seconds: float
    codes: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Measured:
    """The rows, what they were measured with, and every flood behind them."""

    settings: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    floods: list[Flood] = field(default_factory=list)


def measure(plan: Plan, output: Output) -> Measured:
    """Start a server of its own and flood it. Raises SegueError where a part fails."""
    with serving.served(output, seed=plan.seed) as served:
        target = Target(
            address=served.settings.server_address,
            token=served.token,
            method=METHOD,
            bodies=[request.SerializeToString() for request in served.requests()],
            deadline_seconds=DEADLINE_SECONDS,
            seed=plan.seed,
        )
        with client(target) as load, output.bar("flooding", plan.repeats * len(plan.factors)) as bar:
            return flooded(load, plan, advance=lambda: bar.advance(bar.task_ids[0]))


def flooded(load: Remote, plan: Plan, *, advance: Callable[[], None] = lambda: None) -> Measured:
    """Each round: capacity, half of it, then floods with half of it after each. Raises SegueError: nothing to flood."""
    measured = Measured(settings=_told(plan))
    load.run(Phase(seconds=plan.closed_seconds, at_once=AT_ONCE[-1]))  # to warm up
    for nth in range(plan.repeats):
        closed = load.run(*(Phase(seconds=plan.closed_seconds, at_once=count) for count in AT_ONCE))
        capacity = max(_answered(one) / plan.closed_seconds for one in closed)
        if not capacity:
            raise SegueError("the server answered no call in time before any flood; run the bench on a quieter machine")
        calm = Phase(seconds=plan.seconds, rate=capacity / 2)
        (normal,) = load.run(calm)
        usual = Usual(capacity=capacity, p99_seconds=p99(normal))
        for factor in plan.factors if nth % 2 == 0 else reversed(plan.factors):
            flood = Phase(seconds=plan.seconds, rate=factor * capacity)
            outcomes, after = load.run(flood, Phase(seconds=AFTER_SECONDS, rate=capacity / 2))
            measured.floods.append(told(factor, usual, plan.seconds, outcomes, after))
            advance()
    measured.rows = rows(measured.floods)
    return measured


def told(factor: int, usual: Usual, seconds: float, outcomes: Sequence[Outcome], after: Sequence[Outcome]) -> Flood:
    """What became of a flood of that many seconds, and of the calls after it."""
    return Flood(
        factor=factor,
        usual=usual,
        offered=len(outcomes) / seconds,
        answered=_answered(outcomes) / seconds,
        p99_seconds=p99(outcomes),
        recovery_seconds=recovery(after, limit=2 * usual.p99_seconds),
        codes=dict(Counter(one.code for one in outcomes)),
    )


def rows(floods: Sequence[Flood]) -> list[Row]:
    """Goodput of each factor beside the capacity, p99 of what was answered beside that at half load, and recovery."""
    found: list[Row] = []
    for factor in sorted({one.factor for one in floods}):
        of_factor = [one for one in floods if one.factor == factor]
        found += [
            row(
                f"goodput_{factor}x",
                [Pair(ours=one.answered, reference=one.usual.capacity) for one in of_factor],
                unit=f"answers a second in {DEADLINE_SECONDS:g} s, at {factor} times the capacity; reference: capacity",
            ),
            row(
                f"p99_{factor}x",
                [Pair(ours=one.p99_seconds, reference=one.usual.p99_seconds) for one in of_factor],
                unit="seconds of an answer, 99th percentile; reference: at half the capacity",
            ),
            row(
                f"recovery_{factor}x",
                [Pair(ours=one.recovery_seconds, reference=RECOVERY_SECONDS) for one in of_factor],
                unit="seconds until half the capacity is answered as before; reference: the limit",
            ),
        ]
    return found


def p99(outcomes: Sequence[Outcome]) -> float:
    """Of the calls that were answered; the deadline where none was."""
    seconds = [one.seconds for one in outcomes if one.code == OK]
    return float(np.percentile(seconds, 99)) if seconds else DEADLINE_SECONDS


def recovery(after: Sequence[Outcome], *, limit: float) -> float:
    """Seconds after which no window holds a call that was not answered, or a median beyond `limit`."""
    windows: dict[int, list[Outcome]] = {}
    for one in after:
        windows.setdefault(int(one.sent / WINDOW_SECONDS), []).append(one)
    bad = [
        nth
        for nth, calls in windows.items()
        if any(one.code != OK for one in calls) or np.median([one.seconds for one in calls]) > limit
    ]
    return (max(bad) + 1) * WINDOW_SECONDS if bad else 0.0


def _answered(outcomes: Sequence[Outcome]) -> int:
    return sum(one.code == OK for one in outcomes)


def _told(plan: Plan) -> dict[str, object]:
    return {
        "load": f"open loop, random times, 4 channels, deadline {DEADLINE_SECONDS:g} s",
        "seconds": plan.seconds,
        "repeats": plan.repeats,
        "capacity": f"best closed loop of {', '.join(map(str, AT_ONCE))} calls at once, in each round",
        "spread": "highest minus lowest ratio",
        "machine": platform.platform(),
    }
