"""Several server processes on one port: kept running, drained, or ended together."""

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from backend import processes
from backend.domain.errors import InvalidInput
from backend.processes import WRONG_SETTINGS

LIVING = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: ((folder / f"{os.getpid()}.drained").touch(), sys.exit(int(sys.argv[2]))))
(folder / f"{os.getpid()}.runs").touch()
time.sleep(60)
"""


class Running:
    """`processes.run` in a thread, over processes that note in a folder what they do."""

    def __init__(self, folder: Path, code: int = 0) -> None:
        self.folder, self.stop = folder, threading.Event()
        self.codes: list[int] = []
        command = (sys.executable, "-c", LIVING, str(folder), str(code))
        self.thread = threading.Thread(target=lambda: self.codes.append(processes.run(command, 2, self.stop)))
        self.thread.start()

    def pids(self, kind: str, count: int) -> set[int]:
        """The processes that noted this, as soon as there are so many. Raises AssertionError after 20 s."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = {int(file.stem) for file in self.folder.glob(f"*.{kind}")}
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"fewer than {count} {kind}")

    def end(self) -> int:
        """The exit code."""
        self.stop.set()
        self.thread.join(20)
        return self.codes[0]


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """The other one is left alone; at the end both are drained, and the code is the largest of theirs."""
    running = Running(tmp_path, code=1)
    first, second = running.pids("runs", 2)
    os.kill(first, signal.SIGKILL)
    (third,) = running.pids("runs", 3) - {first, second}
    assert 1 == running.end()
    assert {second, third} == running.pids("drained", 2)


def test_all_end_where_one_cannot_start(tmp_path: Path) -> None:
    """Its settings are everybody's."""
    command = (sys.executable, "-c", f"raise SystemExit({WRONG_SETTINGS})")
    assert WRONG_SETTINGS == processes.run(command, 2, threading.Event())


def test_a_port_is_reserved_for_those_who_share_it() -> None:
    """One that somebody listens on is refused, and so is port 0."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="in use"):
            processes.reserved(address)
    with processes.reserved(address), socket.socket() as worker:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        worker.listen()
    with pytest.raises(InvalidInput, match="port 0"):
        processes.reserved("127.0.0.1:0")
