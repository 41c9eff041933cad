"""The supervisor's end of the guard (guard.py): a process that kills the parts' groups when the supervisor is gone."""

import logging
import subprocess
import sys
from contextlib import suppress

from stack import guard

_log = logging.getLogger(__name__)


class Guard:
    """Knows which groups to kill when this process ends; `keep` replaces a guard that was killed."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process = _started()

    def watch(self, group: int) -> None:
        """Kill this group, should this process end."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Let this group be."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def keep(self) -> None:
        """Replace a guard that has ended. Raises OSError where none can be started now."""
        if self._process.poll() is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        _log.warning("the guard of the parts ended (%s); starting another", self._process.returncode)
        self._process = _started()
        self._tell("".join(f"+{group}\n" for group in sorted(self._groups)))

    def close(self) -> None:
        """End the guard."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, lines: str) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it has ended: `keep` tells its successor all of them
                self._process.stdin.write(lines.encode())


def _started() -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", "-S", guard.__file__]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, process_group=0, bufsize=0)
