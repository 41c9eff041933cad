"""`python -m backend` as a process: ready, drained, or refusing to start."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from backend.settings import Settings
from stack.ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def started(home: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The server as a child process, killed at the end of the block if it still runs."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SEGUE_")},
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
        "SEGUE_HOME": str(home),
        **variables,
    }
    command = [sys.executable, "-m", "backend"]
    with subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def is_serving(address: str, seconds: float) -> bool:
    """Whether the whole server says SERVING in time."""
    deadline = time.monotonic() + seconds
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < deadline:
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=5)
            except grpc.RpcError:
                continue
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return True
            time.sleep(0.05)
    return False


@pytest.mark.stack
def test_it_serves_soon_and_drains_on_sigterm(settings: Settings, tmp_path: Path) -> None:
    """Ready on real parts, topics made; SIGTERM ends it with 0 and nothing undelivered."""
    address = f"127.0.0.1:{free_port(set(), random.SystemRandom())}"
    with started(
        tmp_path,
        SEGUE_TENANT=f"t{uuid.uuid4().hex[:12]}",
        SEGUE_KAFKA_SERVERS=settings.kafka_servers,
        SEGUE_STORE_URL=settings.store_url,
        SEGUE_SERVER_ADDRESS=address,
    ) as process:
        assert is_serving(address, 30)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert 0 == process.returncode, log
    assert '"undelivered": 0' in log
    token = tmp_path / "tokens" / "operator.token"
    assert 0o600 == token.stat().st_mode & 0o777
    assert token.read_text().strip() not in log


def test_it_stops_soon_although_its_parts_are_down(tmp_path: Path) -> None:
    """Nothing is left undelivered, and whoever stops it need not kill it (the stack waits for 20 s)."""
    nowhere = free_port(set(), random.SystemRandom())
    address = f"127.0.0.1:{free_port({nowhere}, random.SystemRandom())}"
    with started(
        tmp_path,
        SEGUE_KAFKA_SERVERS=f"127.0.0.1:{nowhere}",
        SEGUE_STORE_URL=f"mongodb://127.0.0.1:{nowhere}",
        SEGUE_SERVER_ADDRESS=address,
    ) as process:
        with grpc.insecure_channel(address) as channel:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=30)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=15)
    assert 0 == process.returncode, log


def test_two_processes_serve_on_one_port(tmp_path: Path) -> None:
    """Connections come to both; one that is killed is replaced while the other answers; SIGTERM ends all with 0."""
    nowhere = free_port(set(), random.SystemRandom())
    address = f"127.0.0.1:{free_port({nowhere}, random.SystemRandom())}"
    with started(
        tmp_path,
        SEGUE_KAFKA_SERVERS=f"127.0.0.1:{nowhere}",
        SEGUE_STORE_URL=f"mongodb://127.0.0.1:{nowhere}",
        SEGUE_SERVER_ADDRESS=address,
        SEGUE_SERVER_PROCESSES="2",
    ) as process:
        first, second = listening(process.pid, address, 2)
        os.kill(first, signal.SIGKILL)
        with grpc.insecure_channel(address) as channel:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=30)
        assert second in listening(process.pid, address, 2)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=25)
    assert 0 == process.returncode, log
    assert 3 == log.count("server process started")
    assert "is started again" in log


def listening(pid: int, address: str, count: int) -> list[int]:
    """The children of the process that listen at the address, as soon as there are so many."""
    deadline = time.monotonic() + 60
    port = int(address.rpartition(":")[2])
    while time.monotonic() < deadline:
        found = []
        for child in psutil.Process(pid).children():
            with suppress(psutil.NoSuchProcess):
                if any(one.laddr.port == port and one.status == "LISTEN" for one in child.net_connections()):
                    found.append(child.pid)
        if len(found) == count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"fewer than {count} processes listen at {address}")


def test_it_refuses_an_open_port_without_tls(tmp_path: Path) -> None:
    """Exit code 2, and the log says what to set."""
    with started(tmp_path, SEGUE_SERVER_ADDRESS="0.0.0.0:0") as process:
        _, log = process.communicate(timeout=30)
    assert 2 == process.returncode
    assert "tls_certificate" in log


def test_it_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    """Exit code 2: a second server would silently share the calls."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(tmp_path, SEGUE_SERVER_ADDRESS=f"127.0.0.1:{taken.getsockname()[1]}") as process:
            _, log = process.communicate(timeout=30)
    assert 2 == process.returncode
    assert "cannot start" in log


def test_it_does_not_import_what_only_training_needs() -> None:
    """The server's wiring loads neither PyTorch nor pandas nor Spark."""
    code = (
        "import sys; from backend import wiring; from backend.settings import Settings; import backend.rpc.server;"
        "import backend.adapters.event_log.kafka, backend.adapters.store.mongo, backend.adapters.vectors.embedded;"
        "print([name for name in ('torch', 'pandas', 'pyspark', 'pyflink', 'onnxruntime') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "[]" == done.stdout.strip()


def test_a_call_has_one_blas_thread_unless_the_environment_says_otherwise() -> None:
    """The server's module sets it before NumPy is there to read it."""
    code = (
        "import backend.__main__, numpy, threadpoolctl;"
        "print([part['num_threads'] for part in threadpoolctl.threadpool_info() if part['user_api'] == 'blas'][0])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'proto'}"
    for given, expected in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment | given, check=True
        )
        assert expected == done.stdout.strip()
