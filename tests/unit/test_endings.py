"""The event that SIGTERM sets."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The worst moment: the main thread is inside the event's own wait, with its lock, when the signal comes.
IN_THE_MIDDLE_OF_WAIT = """
import os, sys
from backend import endings
asked = endings.asked_to_stop()
with asked._cond:
    os.kill(os.getpid(), int(sys.argv[1]))
assert asked.wait(10)
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_the_wait_for_it_is_heard(number: signal.Signals) -> None:
    """An event set by the handler itself would hold the process for ever: kill -9 would be left."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IN_THE_MIDDLE_OF_WAIT, str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30, check=False)
    assert (0, "ended") == (done.returncode, done.stdout.strip()), done.stderr
