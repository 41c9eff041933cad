"""What is done to a stack's parts. Only processes that its supervisor has written down are touched."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from backend import wiring as backend_wiring
from backend.domain.errors import Unavailable
from backend.ports.event_log import Record, Topic
from backend.settings import Settings
from stack.stack import Stack
from stack.state import Phase, ProcessState
from streaming import wiring
from streaming.cluster import Job
from streaming.live_jobs import LIVE_JOBS, TABLES

LONG_PARTS = (
    *("kafka", "mongo", "flink-sql-gateway", "flink-jobmanager", "flink-taskmanager", "server", "sink", "keeper"),
)
"""The parts that run for as long as the stack does."""


class NotBack(AssertionError):
    """Something did not come back in time."""


def within(seconds: float, condition: Callable[[], bool], *, every: float = 0.1) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def send_signal(process: ProcessState, number: signal.Signals) -> float:
    """Send it to this very process; the moment, in seconds since 1970. Raises LookupError where it is gone."""
    if not process.is_alive():
        raise LookupError(f"process {process.pid} is gone already")
    os.kill(process.pid, number)
    return time.time()


def kill(stack: Stack, part: str, number: signal.Signals = signal.SIGKILL) -> float:
    """End a part, and see its supervisor start it again; the moment of the signal, in seconds since 1970."""
    before = stack.state.part(part)
    moment = send_signal(before, number)
    if not within(300, lambda: is_up(stack, part, other_than=before.pid)):
        raise NotBack(f"{part} was not started again within 300 s")
    return moment


def is_up(stack: Stack, part: str, *, other_than: int = 0) -> bool:
    """Whether the part is well, as another process than that one."""
    now = stack.state.part(part)
    return now.phase is Phase.UP and now.pid != other_than


@contextmanager
def frozen(stack: Stack, part: str) -> Iterator[None]:
    """The part stands still for as long as the block runs."""
    process = stack.state.part(part)
    send_signal(process, signal.SIGSTOP)
    try:
        yield
    finally:
        send_signal(process, signal.SIGCONT)


def kill_everything(stack: Stack) -> float:
    """SIGKILL for the supervisor and all its parts; the moment. Returns when they are gone."""
    state = stack.state
    everybody: list[ProcessState] = [state, *(part for part in state.parts if part.is_alive())]
    moment = time.time()
    for process in everybody:
        with suppress(LookupError, ProcessLookupError):  # the kernel kills the parts of a supervisor that is gone
            send_signal(process, signal.SIGKILL)
    if not within(20, lambda: not any(process.is_alive() for process in everybody)):
        raise NotBack("a killed stack left processes behind")
    return moment


def await_half_a_checkpoint(settings: Settings, *, seconds: float = 120) -> Path:
    """Return while the tables' job writes a checkpoint: its folder is there, `_metadata`, written last, is not."""
    root = Path(settings.checkpoints.removeprefix("file://"))
    glob = f"{TABLES.on_cluster(settings.tenant)}/*/*/chk-*"
    before = set(root.glob(glob))  # a run that was killed may have left half a one behind
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for folder in set(root.glob(glob)) - before:
            if not (folder / "_metadata").exists():
                return folder
            before.add(folder)
        time.sleep(0.002)
    raise NotBack(f"no checkpoint began within {seconds:.0f} s in {root}")


def running(settings: Settings) -> list[Job]:
    """The live jobs. Raises Unavailable where one does not run."""
    cluster = wiring.cluster(settings)
    found = {job: cluster.running(job.on_cluster(settings.tenant)) for job in LIVE_JOBS}
    if lacking := [job.name for job, on_cluster in found.items() if on_cluster is None]:
        raise Unavailable(f"{' and '.join(lacking)} do not run")
    return [job for job in found.values() if job is not None]


def await_checkpoint_after(settings: Settings, moment: float, *, seconds: float = 400) -> float:
    """Wait until each live job has completed a checkpoint that it began after the moment; the seconds since then."""
    cluster = wiring.cluster(settings)

    def is_saved() -> bool:
        with suppress(Unavailable):
            told = [cluster.request(f"/jobs/{job.id}/checkpoints")["latest"]["completed"] for job in running(settings)]
            return all(one is not None and one["trigger_timestamp"] > moment * 1000 for one in told)
        return False

    if not within(seconds, is_saved):
        raise NotBack(f"a live job saved nothing within {seconds:.0f} s")
    return time.time() - moment


def failures_since(settings: Settings, moment: float) -> list[str]:
    """What the live jobs failed of, and were restarted after, since the moment, in seconds since 1970.

    Flink's own count of restarts comes from a cache that a question only begins to renew.
    """
    cluster = wiring.cluster(settings)
    told = [cluster.request(f"/jobs/{job.id}/exceptions")["exceptionHistory"]["entries"] for job in running(settings)]
    return [entry["stacktrace"] for entries in told for entry in entries if entry["timestamp"] >= moment * 1000]


def append(settings: Settings, topic: Topic, records: Sequence[Record]) -> None:
    """Put records straight onto a topic, as a buggy producer would."""
    log = backend_wiring.event_log(settings)
    try:
        for start in range(0, len(records), 500):
            assert all(log.append(topic, records[start : start + 500], timeout_seconds=30))
    finally:
        assert 0 == log.close(timeout_seconds=10)
