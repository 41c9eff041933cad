"""A load client in a process of its own: calls at their times, whatever becomes of those before (open loop)."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

OK = "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One method of a server, and the serialised requests that are sent to it in turns of chance."""

    address: str
    token: str
    method: str
    bodies: Sequence[bytes]
    deadline_seconds: float = 1.0
    channels: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Calls at random times, `rate` a second on average; or, where `at_once` is given, so many all the time."""

    seconds: float
    rate: float = 0.0
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call: when it was sent (seconds since its phase began), how long it took, and its status code."""

    sent: float
    seconds: float
    code: str


class Client:
    """Sends phases of calls. Nothing is sent again: retries are off."""

    def __init__(self, target: Target) -> None:
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
        self._target = target
        self._channels = [grpc.insecure_channel(target.address, options=options) for _ in range(target.channels)]
        self._calls: list[Any] = [channel.unary_unary(target.method) for channel in self._channels]
        self._metadata = (("authorization", f"Bearer {target.token}"),)
        self._chance = np.random.default_rng(target.seed)

    def run(self, phase: Phase) -> list[Outcome]:
        """Every call of the phase, in the order in which they ended."""
        outcomes: list[Outcome] = []
        slots = threading.Semaphore(phase.at_once)
        flying = 0
        began = time.perf_counter()
        for nth, due in enumerate(self._times(phase, slots)):
            time.sleep(max(0.0, began + due - time.perf_counter()))
            sent = time.perf_counter()
            body = self._target.bodies[int(self._chance.integers(len(self._target.bodies)))]
            future = self._calls[nth % len(self._calls)].future(
                body, timeout=self._target.deadline_seconds, metadata=self._metadata
            )
            flying = nth + 1

            def ended(call: Any, sent: float = sent) -> None:
                outcomes.append(Outcome(sent - began, time.perf_counter() - sent, call.code().name))
                slots.release()

            future.add_done_callback(ended)
        deadline = time.perf_counter() + 2 * self._target.deadline_seconds + 5
        while len(outcomes) < flying and time.perf_counter() < deadline:
            time.sleep(0.01)
        return outcomes

    def _times(self, phase: Phase, slots: threading.Semaphore) -> Iterator[float]:
        """When each call is due; in a closed loop, whenever one before it has ended."""
        began, due = time.perf_counter(), 0.0
        while (now := time.perf_counter() - began) < phase.seconds:
            if not phase.at_once:
                due += float(self._chance.exponential(1 / phase.rate))
                if due > phase.seconds:
                    return
                yield due
            elif slots.acquire(timeout=phase.seconds - now):
                yield 0.0


@contextmanager
def client(target: Target, *, core: int | None = None) -> Iterator["Remote"]:
    """A `Client` in a process of its own, so that it takes none of this one's interpreter; kept to a core if named."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning, initializer=_keep_to, initargs=(core,)) as pool:
        yield Remote(pool, target)


class Remote:
    """Runs phases in the other process, one after another."""

    def __init__(self, pool: ProcessPoolExecutor, target: Target) -> None:
        self._pool = pool
        self._target = target

    def run(self, *phases: Phase) -> list[list[Outcome]]:
        """The outcomes of each phase; nothing comes between one and the next."""
        return self._pool.submit(_run, self._target, phases).result()


def _keep_to(core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})


def _run(target: Target, phases: Sequence[Phase]) -> list[list[Outcome]]:
    sending = Client(target)
    return [sending.run(phase) for phase in phases]
