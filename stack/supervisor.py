"""Starts the parts, watches them, starts them again when they crash, and stops them.

Everything happens in the calling thread, one look after the other: no locks, and the tie between child and
supervisor (tether.py) holds for as long as that thread lives.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import SegueError, Unavailable
from stack import guard
from stack.part import Part
from stack.state import PartState, Phase, StackState, process_state, this_process
from stack.tether import tethered

ATTEMPTS = 3
"""How often a part may crash during the first start before the start is given up."""

_LOOK_SECONDS = 0.1
_SETTLE_SECONDS = 1.0
_LOG_BYTES = 50 << 20
_BACKOFF_SECONDS = (0.5, 30.0)
_STEADY_SECONDS = 60.0


class PartFailed(SegueError):
    """A part did not get well; the message quotes the end of its log."""


@dataclass(slots=True)
class _Child:
    part: Part
    state: PartState
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    not_before: float = 0.0
    crashes: int = 0


class Supervisor:
    """Owns the child processes of `parts`, in their order, with state and logs under `home`.

    Use it from one thread: `start`, then `look` again and again, then `stop`. `env` is added to every child's
    environment. `cancelled` is asked during `start`; when it answers True, `start` returns early.
    """

    def __init__(self, home: Path, parts: Sequence[Part], env: dict[str, str]) -> None:
        self._home = home
        self._env = env
        self._logs = home / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children = [
            _Child(
                part,
                PartState(
                    name=part.name, title=part.title, address=part.address, log=str(self._logs / f"{part.name}.log")
                ),
            )
            for part in parts
        ]
        me = this_process()
        self.state = StackState(pid=me.pid, created=me.created, parts=[child.state for child in self._children])
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__], stdin=subprocess.PIPE, process_group=0, text=True, bufsize=1
        )
        self._record()

    def start(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return when every part is well. Raises PartFailed, with everything still running: call `stop`."""
        while not cancelled():
            self.look()
            for child in self._children:
                if child.crashes >= ATTEMPTS:
                    raise self._failure(child, f"ended {child.crashes} times before it was ready")
            if all(child.state.phase in (Phase.UP, Phase.DONE) for child in self._children):
                self.state.phase = Phase.UP
                self._record()
                return
            time.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """See to each part once. Raises PartFailed only before the stack has been up for the first time."""
        now = time.monotonic()
        for child in self._children:
            match child.state.phase:
                case Phase.WAITING | Phase.RESTARTING:
                    if now >= child.not_before and self._is_ready(child.part):
                        self._spawn(child)
                case Phase.STARTING:
                    self._look_at_starting(child, now)
                case Phase.UP:
                    if child.process is not None and child.process.poll() is not None:
                        self._crashed(child, now)
                    elif now - child.since > _STEADY_SECONDS:
                        child.crashes = 0
                        self._cap_log(child)

    def stop(self, phase: Phase = Phase.STOPPED, error: str = "") -> None:
        """Stop every part, last started first: SIGTERM, then SIGKILL for it and whatever it left in its group."""
        self.state.phase, self.state.error = Phase.STOPPING, error
        self._record()
        for child in reversed(self._children):
            if child.process is not None:
                child.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(child.part.stop_seconds)
                self._sweep(child)
            child.state.phase = Phase.STOPPED
            self._record()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()
        self.state.phase = phase
        self._record()

    def _is_ready(self, part: Part) -> bool:
        return all(
            child.state.phase in (Phase.UP, Phase.DONE) for child in self._children if child.part.name in part.needs
        )

    def _spawn(self, child: _Child) -> None:
        with Path(child.state.log).open("ab") as log:
            child.process = subprocess.Popen(
                tethered(child.part.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env, **child.part.env},
                process_group=0,
            )
        self._tell_guard("+", child.process.pid)
        process = process_state(child.process.pid)
        child.state.pid, child.state.created = process.pid, process.created
        child.since = time.monotonic()
        self._set(child, Phase.STARTING)

    def _look_at_starting(self, child: _Child, now: float) -> None:
        if child.process is None:
            return
        code, running = child.process.poll(), now - child.since
        if code is not None:
            if child.part.once and code == 0:
                self._sweep(child)
                self._well(child, Phase.DONE, running)
            else:
                self._crashed(child, now)
        elif running > child.part.deadline_seconds:
            if self.state.phase is Phase.STARTING:
                raise self._failure(child, f"was not ready within {child.part.deadline_seconds:.0f} s")
            self._crashed(child, now)
        elif not child.part.once and self._answers(child.part, running):
            self._well(child, Phase.UP, running)

    def _answers(self, part: Part, running: float) -> bool:
        if part.check is None:
            return running > _SETTLE_SECONDS
        try:
            part.check()
        except Unavailable:
            return False
        return True

    def _well(self, child: _Child, phase: Phase, seconds: float) -> None:
        child.state.seconds = round(seconds, 2)
        self._set(child, phase)

    def _crashed(self, child: _Child, now: float) -> None:
        self._sweep(child)
        first, longest = _BACKOFF_SECONDS
        child.not_before = now + min(longest, first * 2**child.crashes)
        child.crashes += 1
        child.state.restarts += 1
        self._set(child, Phase.RESTARTING)

    def _sweep(self, child: _Child) -> None:
        """Kill the part and what is left in its group, so that a successor never meets its orphans."""
        if child.process is None:
            return
        group = child.process.pid
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        child.process.wait()
        self._tell_guard("-", group)
        child.process = None
        child.state.pid, child.state.created = 0, 0.0

    def _tell_guard(self, sign: str, group: int) -> None:
        if self._guard.stdin is not None:
            self._guard.stdin.write(f"{sign}{group}\n")

    def _set(self, child: _Child, phase: Phase) -> None:
        child.state.phase = phase
        self._record()

    def _record(self) -> None:
        self.state.write(self._home)

    def _cap_log(self, child: _Child) -> None:
        """Keep a log that has grown beyond 50 MB as NAME.log.1 and go on with an empty one."""
        log = Path(child.state.log)
        if log.stat().st_size > _LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)  # the child appends, so it goes on from the new end

    def _failure(self, child: _Child, what: str) -> PartFailed:
        self._set(child, Phase.FAILED)
        log = Path(child.state.log)
        lines = log.read_text(errors="replace").splitlines()[-12:]
        quoted = "\n".join(f"    {line}" for line in lines) or "    (its log is empty)"
        return PartFailed(f"{child.part.title} {what}; the end of {log}:\n{quoted}")
