"""Kills the process groups it was told of when whoever told it is gone.

    python -I -S guard.py      reads "+GROUP" and "-GROUP" lines from standard input

A tether (tether.py) ties one process to its parent; what that process started itself (a shell under
Flink's scripts, say) is not tied to anything. But it is in its group, and the end of standard input is how this process
learns that the supervisor is gone, whatever the reason.
"""

import os
import signal
import sys


def main() -> None:
    """Follow the lines until they end, then kill what was not taken back."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it was gone already, which is all we want


if __name__ == "__main__":
    main()
