"""The broker is away for a while at a rate that fills queues: memory stays bounded, and the rate comes back."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import psutil
import pytest

from backend.settings import Settings
from stack.stack import Stack
from tests.faults import hurt
from tests.faults.conftest import Loaded
from tests.faults.figures import Figures, Row
from tests.faults.ledger import Account
from tests.faults.load import Shape
from tests.faults.oracle import judge

pytestmark = pytest.mark.timeout(1800)

SHAPE = Shape(rate=2_000, batch=100, lanes=4, listeners=400)


class Memory(threading.Thread):
    """Looks at the resident memory of a process ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self.first = self.most = self._now()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self.most = max(self.most, self._now())

    def stop(self) -> None:
        """And keep the most."""
        self._ended.set()
        self.join()

    def _now(self) -> float:
        return self._process.memory_info().rss / 2**20


def confirmed_calls(account: Account, since: float, until: float) -> int:
    """Calls that ended well between two moments."""
    return sum(since <= ended < until for _, ended in account.confirmed)


def test_a_broker_that_is_away_fills_no_memory(
    stack: Stack, settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """Calls are turned away meanwhile; afterwards nine tenths of the rate before are soon there again."""
    steady, away = 3.0 + dose / 2, 6.0 * dose
    with loaded("away", SHAPE) as load:
        time.sleep(1)
        memory, began = Memory(stack.state.part("server").pid), time.time()
        memory.start()
        time.sleep(steady)
        stood = time.time()
        with hurt.frozen(stack, "kafka"):
            time.sleep(away)
        went_on = time.time()
        rate = confirmed_calls(load.ledger.account(), began, stood) / (stood - began)
        back = full_rate_after(load.ledger.account, went_on, rate)
        memory.stop()
    account = load.ledger.account()
    verdict = judge(settings, account, load.name)
    grown = memory.most - memory.first
    figures.add(
        Row(
            id="D18",
            fault="Broker away",
            dose=f"{away:.0f} s at {rate * SHAPE.batch:,.0f} plays a second; {verdict.events:,} plays",
            reach="memory ≤ +256 MiB, then full rate in 15 s; 0 lost",
            seen=f"memory {grown:+.0f} MiB; nine tenths of the rate after {back:.0f} s; {verdict}",
            held=grown <= 256 and back <= 15 and verdict.is_sound,
        )
    )
    assert grown <= 256
    assert verdict.is_sound, verdict


def full_rate_after(account: Callable[[], Account], moment: float, rate: float) -> float:
    """Wait for a span of two seconds with nine tenths of the rate; the seconds from the moment to its beginning."""
    deadline = time.time() + 60
    while time.time() < deadline:
        time.sleep(1)
        edges = [moment + nth for nth in range(0, int(time.time() - moment) + 1, 2)]
        for since, until in pairwise(edges):
            if confirmed_calls(account(), since, until) >= 0.9 * rate * 2:
                return since - moment
    return time.time() - moment
