"""One part's process: started, its end explained, what is left of it swept away, its log kept within bounds."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backend.lacks import lack_in
from stack.guarded import Guard
from stack.part import Part
from stack.state import PartState, process_state
from stack.tether import tethered

LOG_BYTES = 50 << 20
_TAIL_BYTES = 8_192


@dataclass(slots=True)
class Child:
    """A part, its state as everybody reads it, and its process while it has one.

    `since` is when it was started, `not_before` when it may be started next, `crashes` how often it ended since it was
    last steady; monotonic seconds.
    """

    part: Part
    state: PartState
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    not_before: float = 0.0
    crashes: int = 0

    @property
    def log(self) -> Path:
        """Where it writes."""
        return Path(self.state.log)

    def spawn(self, environment: Mapping[str, str], guard: Guard) -> None:
        """Start the process. Raises OSError, with nothing left running, where something is lacking for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                tethered(self.part.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environment, **self.part.env},
                process_group=0,
            )
        try:
            guard.watch(self.process.pid)
            process = process_state(self.process.pid)
        except OSError:
            self.sweep(guard)
            raise
        self.state.pid, self.state.created = process.pid, process.created

    def sweep(self, guard: Guard) -> None:
        """Kill the process and what is left in its group, so that a successor never meets its orphans."""
        if self.process is None:
            return
        group = self.process.pid
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.state.pid, self.state.created = 0, 0.0
        guard.forget(group)

    def end(self) -> str:
        """Why the process ended, as its exit code and the end of its log tell."""
        code = self.process.returncode if self.process is not None else None
        if code is None:
            return "it did not answer in time"
        if code == -signal.SIGKILL:
            return "it was killed, by somebody or by the kernel where memory ran out (see `dmesg`)"
        if lack := lack_in(self.tail()):
            return lack
        return f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"

    def tail(self) -> str:
        """The end of its log; "" where there is none to read."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def cap_log(self) -> None:
        """See `cap_log`; the child appends, so it goes on from the new end."""
        cap_log(self.log)


def cap_log(log: Path) -> None:
    """Keep a log beyond 50 MB as NAME.log.1, where there is room for it, and go on with an empty one."""
    if not log.exists() or log.stat().st_size <= LOG_BYTES:
        return
    kept = log.with_suffix(".log.1")
    try:
        shutil.copyfile(log, kept)
    except OSError:
        kept.unlink(missing_ok=True)
    os.truncate(log, 0)
