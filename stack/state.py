"""What the supervisor writes down in home/stack.json, and everybody else reads."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from backend.files import only_one, write_whole

STATE_FILE = "stack.json"
LOCK_FILE = "stack.lock"


class Phase(StrEnum):
    """Where a part, or the whole stack, is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    UP = "up"
    DONE = "done"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class ProcessState:
    """A process that cannot be mistaken for another: its pid and when it was created (seconds since the epoch)."""

    pid: int = 0
    created: float = 0.0

    def is_alive(self) -> bool:
        """Whether this very process runs; a zombie does not."""
        try:
            process = psutil.Process(self.pid) if self.pid else None
            return (
                process is not None
                # Linux tells the creation time in ticks of 10 ms.
                and abs(process.create_time() - self.created) < 0.05
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


@dataclass(slots=True, kw_only=True)
class PartState(ProcessState):
    """One part: where it is in its life, how long it took to get well, how often it had to be started again."""

    name: str
    title: str
    phase: Phase = Phase.WAITING
    address: str = ""
    log: str = ""
    seconds: float = 0.0
    restarts: int = 0


@dataclass(slots=True, kw_only=True)
class StackState(ProcessState):
    """The supervisor and its parts; `error` is the sentence that explains FAILED."""

    phase: Phase = Phase.STARTING
    error: str = ""
    parts: list[PartState] = field(default_factory=list)

    def part(self, name: str) -> PartState:
        """The part of this name. Raises KeyError."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    def write(self, home: Path) -> None:
        """Replace home/stack.json in one step, so that a reader never sees half of it."""
        write_whole(home / STATE_FILE, json.dumps(asdict(self), indent=2) + "\n")


def read_state(home: Path) -> StackState | None:
    """What was last written in this home; None where no stack ever ran."""
    file = home / STATE_FILE
    if not file.exists():
        return None
    raw = json.loads(file.read_text())
    parts = [PartState(**part | {"phase": Phase(part["phase"])}) for part in raw.pop("parts")]
    return StackState(**raw | {"phase": Phase(raw["phase"]), "parts": parts})


def this_process() -> ProcessState:
    """The calling process."""
    return process_state(os.getpid())


def process_state(pid: int) -> ProcessState:
    """The process that has this pid now. `created` is 0 where it is gone already."""
    try:
        return ProcessState(pid=pid, created=psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return ProcessState(pid=pid)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold this home for one stack. Raises SegueError where another holds it; the kernel frees it with the process."""
    held = f"another stack runs in {home}; stop it with `segue down`, or use another home"
    with only_one(home / LOCK_FILE, held=held):
        yield
