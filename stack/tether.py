"""Runs a command that the kernel kills the moment the process that started it is gone, even by SIGKILL.

    python -I -S tether.py PARENT_PID COMMAND…

The tie (PR_SET_PDEATHSIG, see prctl(2)) survives exec but not fork, so each level of a process tree has its own.
It is set here, in a fresh process, and not in Popen's preexec_fn: that would fork a process full of gRPC and Kafka
threads. This file imports only the standard library and is run by its path, so it costs about 15 ms.
The kernel watches the *thread* that started the process: start children from a thread that outlives them.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def tethered(argv: Sequence[str]) -> list[str]:
    """`argv` so wrapped that the child dies with this process; its pid is that of the command itself."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def main() -> None:
    """Tie this process to its parent, then become the command. Exits with 127 where there is no such command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the tie was made
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming the command is the purpose
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
