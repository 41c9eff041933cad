"""What the supervisor writes down in home/stack.json, and everybody else reads.

The file is written in place, padded with blanks to a size that it was given at the start: on a full disk, too, it tells
what is. Whoever reads it between two halves of a write reads it again.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from backend.domain.errors import SegueError
from backend.files import only_one

STATE_FILE = "stack.json"
LOCK_FILE = "stack.lock"
DAEMON = "stack.daemon"
"""The supervisor's module, by which its process is known."""

_SIZE = 16 << 10
_READS, _READ_SECONDS = 5, 0.02


class StateUnreadable(SegueError):
    """stack.json is there, and is not what a supervisor wrote."""


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
    """One part: where it is in its life, how long it took to get well, how often it had to be started again.

    `why` says what keeps it from being well, or ended it last; "" while it is well.
    """

    name: str
    title: str
    phase: Phase = Phase.WAITING
    address: str = ""
    log: str = ""
    seconds: float = 0.0
    restarts: int = 0
    why: str = ""


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
        """Write home/stack.json, in place. Raises OSError; only the first write in a home takes room."""
        text = json.dumps(asdict(self), indent=2).encode() + b"\n"
        size = -(-len(text) // _SIZE) * _SIZE
        descriptor = os.open(home / STATE_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, text.ljust(size), 0)
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)

    def is_written(self, home: Path) -> bool:
        """Whether home/stack.json is there in a size that `write` gives it. Raises OSError."""
        file = home / STATE_FILE
        return file.exists() and file.stat().st_size > 0 and file.stat().st_size % _SIZE == 0


def read_state(home: Path) -> StackState | None:
    """What was last written in this home; None where no stack ever ran. Raises StateUnreadable."""
    file = home / STATE_FILE
    for _ in range(_READS):
        try:
            raw = json.loads(file.read_text())
            parts = [PartState(**part | {"phase": Phase(part["phase"])}) for part in raw.pop("parts")]
            return StackState(**raw | {"phase": Phase(raw["phase"]), "parts": parts})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError):
            time.sleep(_READ_SECONDS)  # perhaps it is being written
    what = "is empty" if not file.stat().st_size else "is not what a supervisor writes"
    raise StateUnreadable(f"{file} {what}; if a stack runs, `segue down` stops it all the same")


def supervisor_of(home: Path) -> ProcessState | None:
    """The supervisor that runs on this home, found among the machine's processes; None where there is none."""
    wanted = str(home.absolute())
    for process in psutil.process_iter():
        try:
            if DAEMON in process.cmdline() and process.environ().get("SEGUE_HOME") == wanted:
                return ProcessState(pid=process.pid, created=process.create_time())
        except psutil.Error:
            continue  # gone, or somebody else's
    return None


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
