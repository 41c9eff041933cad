"""The embedded stack as the rest of Segue uses it: start it, ask how it is, stop it.

The parts are children of a supervisor process (daemon.py). `with Stack(…)` ties that process to this one; `segue up`
detaches it. Both talk to it only through home/stack.json and signals, so there is one code path.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from backend.domain.errors import NoRoom, SegueError
from backend.files import private_folder
from backend.settings import Settings
from stack import handles, java, plan, room
from stack.child import cap_log
from stack.state import (
    DAEMON,
    STATE_FILE,
    PartState,
    Phase,
    StackState,
    StateUnreadable,
    read_state,
    supervisor_of,
)
from stack.tether import tethered

Report = Callable[[PartState], None]
"""Is told of a part each time its phase changes."""

STOP_SECONDS = 60


class StackFailed(SegueError):
    """The stack did not start; the message says which part, and quotes its log."""


class Stack:
    """A running stack on `settings.home`.

    As a context manager it starts what is not running, and on leaving stops what it started: a stack that
    `segue up` left running is used and left running. Jars must be there already (`jars.fetch`). When this
    process dies, by whatever signal, so does every process of the stack, unless `detached`.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Sequence[str] = plan.ALL,
        report: Report = lambda _: None,
        *,
        detached: bool = False,
    ) -> None:
        home = settings.home.absolute()
        self._given = settings.model_copy(update={"home": home})
        self._names = plan.local_parts(plan.configured(self._given), parts)
        self._report = report
        self._detached = detached
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """The settings with the running parts' addresses filled in."""
        told = plan.last_endpoints(self._given.home)
        return self._given.model_copy(update=told)

    @property
    def state(self) -> StackState:
        """What the supervisor wrote down last. Raises SegueError before the first start."""
        state = read_state(self._given.home)
        if state is None:
            raise SegueError(f"no stack has run in {self._given.home} yet; start it with `segue up`")
        return state

    def start(self) -> bool:
        """Return when every part is well; False where they all ran already.

        Raises StackFailed with the log's last lines, InvalidInput where a part would listen to others than this
        machine, NoRoom where the disk is full, and SegueError where a stack with fewer parts runs here or too few files
        may be open.
        """
        running = running_state(self._given.home)
        if running is None:
            plan.require_private(self._given, self._names)
            handles.check()
            if lack := room.lack(self._given.home):
                raise NoRoom(f"the stack cannot start: {lack}")
            java.check()
            if self._daemon is not None:
                self._daemon.poll()  # it was killed; now the kernel may forget it
            self._spawn()
        else:
            here = {part.name for part in running.parts}
            if lacking := [name for name in self._names if not any(part.startswith(name) for part in here)]:
                home, names = self._given.home, ", ".join(lacking)
                raise SegueError(f"the stack running in {home} lacks {names}; stop it with `segue down` first")
        try:
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise
        return running is None

    def stop(self) -> None:
        """Stop what this object started, and wait until every process is gone."""
        if self._daemon is None:
            return
        stop_running(self._given.home, self._report)
        self._daemon.wait()
        self._daemon = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self) -> None:
        home = self._given.home
        logs = home / "logs"
        private_folder(logs)
        if (home / STATE_FILE).exists():
            home.chmod(0o700)  # an earlier Segue made it for everybody to look into
        cap_log(logs / "stack.log")
        argv = [sys.executable, "-m", DAEMON, ",".join(self._names)]
        with (logs / "stack.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                argv if self._detached else tethered(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **plan.child_environment(self._given)},
                start_new_session=True,
            )

    def _wait_until_up(self) -> None:
        """Follow stack.json, reporting each change, until the supervisor says UP or FAILED or is gone."""
        seen: dict[str, Phase] = {}
        while True:
            ended = self._daemon is not None and self._daemon.poll() is not None
            state = _read(self._given.home)
            if state is not None and (self._daemon is None or state.pid == self._daemon.pid):
                _report_changes(state, seen, self._report)
                if state.phase is Phase.UP:
                    return
                if state.phase is Phase.FAILED:
                    raise StackFailed(state.error)
            if ended or (self._daemon is None and (state is None or not state.is_alive())):
                raise StackFailed(
                    f"the supervisor ended before the stack was up; see {self._given.home}/logs/stack.log"
                )
            time.sleep(0.1)


def _report_changes(state: StackState, seen: dict[str, Phase], report: Report) -> None:
    for part in state.parts:
        if seen.get(part.name) is not part.phase:
            seen[part.name] = part.phase
            report(part)


def _read(home: Path) -> StackState | None:
    """What the supervisor wrote down last; None, too, where that cannot be read now."""
    try:
        return read_state(home)
    except StateUnreadable:
        return None


def running_state(home: Path) -> StackState | None:
    """The state of the stack that runs in this home now; None where none runs.

    Where stack.json does not tell it, its supervisor is looked for among the machine's processes; then the state knows
    of no parts, and its `error` says why.
    """
    error = f"{home / STATE_FILE} is missing, or of an earlier stack"
    try:
        state = read_state(home)
    except StateUnreadable as unreadable:
        state, error = None, str(unreadable)
    if state is not None and state.is_alive():
        return state
    found = supervisor_of(home)
    return StackState(pid=found.pid, created=found.created, error=error) if found is not None else None


def stop_running(home: Path, report: Report = lambda _: None) -> bool:
    """Stop the stack of this home, whoever started it; False where none ran. Returns when its processes are gone."""
    state = running_state(home)
    if state is None:
        return False
    supervisor = psutil.Process(state.pid)
    os.kill(state.pid, signal.SIGTERM)
    seen = {part.name: part.phase for part in state.parts}
    deadline = time.monotonic() + STOP_SECONDS
    while state.is_alive():
        _report_changes(_read(home) or state, seen, report)
        if time.monotonic() > deadline:
            supervisor.kill()  # its tethers and its guard take the parts along
        time.sleep(0.05)
    _report_changes(_read(home) or state, seen, report)
    return True
