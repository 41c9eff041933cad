"""Several server processes on one port: each with its own interpreter, and with clients of its own.

The first process only starts the others and looks after them. The kernel shares new connections among those that listen
(SO_REUSEPORT); a client's calls stay with the process that its connection came to. They are started anew and not
forked, so that nobody inherits threads of gRPC, Kafka or MongoDB; each dies with the first one, whatever ends that.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from backend.domain.errors import InvalidInput, Violation
from backend.listening import host_and_port

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.2
SHORT_LIFE_SECONDS = 10.0
"""A process that ends sooner is started again after a pause, which doubles from one short life to the next."""

LONGEST_PAUSE_SECONDS = 30.0
WRONG_SETTINGS = 2
"""The exit code of a process that cannot start with these settings: none of its kind could."""

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the one that started it is gone. Linux (prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the tie was made
        sys.exit(1)


def reserved(address: str) -> socket.socket:
    """The port, so that the processes may share it and nobody else has it. Close it at the end.

    Raises InvalidInput for port 0, which would be another in each process, and OSError where the port is taken.
    """
    host, port = host_and_port("server_address", address)
    if port == 0:
        raise InvalidInput(
            [Violation("server_address", "names port 0: server_processes above 1 share a port, name it")]
        )
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind(place)
    shared = socket.socket(family, kind, protocol)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind(place)
    return shared


@dataclass(slots=True)
class _Worker:
    number: int
    process: subprocess.Popen[bytes]
    started: float
    pause: float = 0.0


def run(argv: Sequence[str], count: int, stop: threading.Event) -> int:
    """Keep `count` processes of this command running until `stop`, then drain them; the exit code.

    One that ends is started again, said in the log. The code is WRONG_SETTINGS, and all end, where one ends with it;
    else the largest that a drained one ended with (a killed one counts as 1).
    """
    workers = [_started(argv, number) for number in range(1, count + 1)]
    while not stop.wait(LOOK_SECONDS):
        for at, worker in enumerate(workers):
            code = worker.process.poll()
            if code is None or stop.is_set():
                continue
            if code == WRONG_SETTINGS:
                _log.error("a server process cannot start: all end", number=worker.number, code=code)
                _drained(workers)
                return WRONG_SETTINGS
            workers[at] = _again(argv, worker, code, stop)
    return _drained(workers)


def _started(argv: Sequence[str], number: int) -> _Worker:
    process = subprocess.Popen(argv)
    _log.info("server process started", number=number, pid=process.pid)
    return _Worker(number, process, time.monotonic())


def _again(argv: Sequence[str], worker: _Worker, code: int, stop: threading.Event) -> _Worker:
    lived = time.monotonic() - worker.started
    pause = min(max(2 * worker.pause, 0.5), LONGEST_PAUSE_SECONDS) if lived < SHORT_LIFE_SECONDS else 0.0
    _log.error("a server process ended and is started again", number=worker.number, code=code, seconds=pause)
    stop.wait(pause)
    started = _started(argv, worker.number)
    started.pause = pause
    return started


def _drained(workers: Sequence[_Worker]) -> int:
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGTERM)
    codes = [worker.process.wait() for worker in workers]
    return max(code if code >= 0 else 1 for code in codes)
