"""Starts the parts, watches them, starts them again when they crash, and stops them.

Everything happens in the calling thread, one look after the other: no locks, and the tie between child and
supervisor (tether.py) holds for as long as that thread lives. Once the stack has been up, nothing that a part lacks
(room on the disk, file handles, memory) ends it: the part's state says what, and the part is tried again.
"""

import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from backend.domain.errors import SegueError, Unavailable
from backend.files import private_folder
from backend.lacks import lack_of
from stack import room
from stack.child import Child
from stack.guarded import Guard
from stack.part import Part
from stack.state import PartState, Phase, StackState, this_process

_log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a part may crash during the first start before the start is given up."""

_LOOK_SECONDS = 0.1
_SETTLE_SECONDS = 1.0
_BACKOFF_SECONDS = (0.5, 30.0)
_STEADY_SECONDS = 60.0


class PartFailed(SegueError):
    """A part did not get well; the message quotes the end of its log."""


class Supervisor:
    """Owns the child processes of `parts`, in their order, with state and logs under `home`.

    Use it from one thread: `start`, then `look` again and again, then `stop`. `env` is added to every child's
    environment. `cancelled` is asked during `start`; when it answers True, `start` returns early.
    """

    def __init__(self, home: Path, parts: Sequence[Part], env: dict[str, str]) -> None:
        self._home = home
        self._env = env
        logs = home / "logs"
        private_folder(logs)
        self._children = [
            Child(
                part,
                PartState(name=part.name, title=part.title, address=part.address, log=str(logs / f"{part.name}.log")),
            )
            for part in parts
        ]
        me = this_process()
        self.state = StackState(pid=me.pid, created=me.created, parts=[child.state for child in self._children])
        self._guard = Guard()
        self._is_recorded = False
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
            try:
                self._look_at(child, now)
            except PartFailed:
                raise
            except Exception as error:  # noqa: BLE001 - whatever one part's look raises, the stack lives on
                self._hindered(child, error, now)
        try:
            self._guard.keep()
        except OSError as error:
            _log.warning("the parts have no guard now, another is tried at the next look: %s", error)
        self._keep_recorded()

    def stop(self, phase: Phase = Phase.STOPPED, error: str = "") -> None:
        """Stop every part, last started first: SIGTERM, then SIGKILL for it and whatever it left in its group."""
        self.state.phase, self.state.error = Phase.STOPPING, error
        self._record()
        for child in reversed(self._children):
            if child.process is not None:
                child.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(child.part.stop_seconds)
                child.sweep(self._guard)
            child.state.phase = Phase.STOPPED
            self._record()
        self._guard.close()
        self.state.phase = phase
        self._record()

    def _look_at(self, child: Child, now: float) -> None:
        match child.state.phase:
            case Phase.WAITING | Phase.RESTARTING:
                if now >= child.not_before and self._is_ready(child.part) and self._has_room(child):
                    child.spawn({**os.environ, **self._env}, self._guard)
                    child.since, child.state.why = time.monotonic(), ""
                    self._set(child, Phase.STARTING)
            case Phase.STARTING:
                self._look_at_starting(child, now)
            case Phase.UP:
                if child.process is not None and child.process.poll() is not None:
                    self._crashed(child, now)
                elif now - child.since > _STEADY_SECONDS:
                    child.crashes = 0
                    child.cap_log()

    def _is_ready(self, part: Part) -> bool:
        return all(
            child.state.phase in (Phase.UP, Phase.DONE) for child in self._children if child.part.name in part.needs
        )

    def _has_room(self, child: Child) -> bool:
        """Whether there is room for a part that writes; a first start without it fails, and says so, by itself."""
        if self.state.phase is not Phase.UP or not child.part.needs_room:
            return True
        if lack := room.lack(self._home):
            self._say(child, "waits for room on the disk", also=f" ({lack})")
        return not lack

    def _look_at_starting(self, child: Child, now: float) -> None:
        if child.process is None:
            return
        code, running = child.process.poll(), now - child.since
        if code is not None:
            if child.part.once and code == 0:
                child.sweep(self._guard)
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

    def _well(self, child: Child, phase: Phase, seconds: float) -> None:
        child.state.seconds = round(seconds, 2)
        child.state.why = ""
        _log.info("%s is %s after %.1f s", child.part.title, phase, seconds)
        self._set(child, phase)

    def _crashed(self, child: Child, now: float) -> None:
        why = child.end()
        child.sweep(self._guard)
        self._later(child, why, now)

    def _hindered(self, child: Child, error: Exception, now: float) -> None:
        """What a part needs cannot be done now: noted, and tried again."""
        lack = lack_of(error)
        if not lack:
            _log.error("%s: %r", child.part.title, error, exc_info=error)
        if child.process is None and child.state.phase in (Phase.WAITING, Phase.RESTARTING):
            self._later(child, f"it cannot be started: {lack or error}", now)
        else:
            self._say(child, lack or repr(error))

    def _later(self, child: Child, why: str, now: float) -> None:
        first, longest = _BACKOFF_SECONDS
        child.not_before = now + min(longest, first * 2**child.crashes)
        child.crashes += 1
        child.state.restarts += 1
        self._say(child, why)
        self._set(child, Phase.RESTARTING)

    def _say(self, child: Child, why: str, *, also: str = "") -> None:
        if child.state.why != why:
            child.state.why = why
            _log.warning("%s: %s%s", child.part.title, why, also)
            self._record()

    def _set(self, child: Child, phase: Phase) -> None:
        child.state.phase = phase
        self._record()

    def _record(self) -> None:
        try:
            self.state.write(self._home)
        except OSError as error:
            if self._is_recorded:
                _log.warning("the stack's state cannot be written down: %s", error)
            self._is_recorded = False
        else:
            self._is_recorded = True

    def _keep_recorded(self) -> None:
        """Write down again what could not be written, or what somebody has emptied since."""
        try:
            is_whole = self._is_recorded and self.state.is_written(self._home)
        except OSError:
            is_whole = False
        if not is_whole:
            self._record()

    def _failure(self, child: Child, what: str) -> PartFailed:
        self._set(child, Phase.FAILED)
        lines = child.tail().splitlines()[-12:]
        quoted = "\n".join(f"    {line}" for line in lines) or "    (its log is empty)"
        why = f" ({child.state.why})" if child.state.why else ""
        return PartFailed(f"{child.part.title} {what}{why}; the end of {child.log}:\n{quoted}")
