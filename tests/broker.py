"""The broker of docker-compose.yml as a process of this machine: its own files of docker/kafka, on Kafka's own jars."""

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import Unavailable
from stack import jars
from stack.part import SMALL_JVM, check_port
from stack.ports import free_port

FILES = Path(__file__).parents[1] / "docker" / "kafka"
USER, PASSWORD = "segue", "b2f7e0c1d94a"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeBroker:
    """Where it listens, the file of its password, everything that it wrote, and the command lines that it came by."""

    servers: str
    password_file: Path
    log: Path
    commands: Path


@contextmanager
def running(folder: Path) -> Iterator[ComposeBroker]:
    """Started by start.sh, with the container's paths moved into `folder` and its ports to free ones."""
    taken: set[int] = set()
    port, controller = (free_port(taken, random.SystemRandom()) for _ in range(2))
    moved = {
        "/opt/kafka/bin": f"{folder}/bin",
        "/etc/segue": f"{folder}/etc",
        "/var/lib/kafka": f"{folder}/lib",
        "/run/secrets": f"{folder}/secrets",
        "CLIENTS://:9092": f"CLIENTS://127.0.0.1:{port}",
        "CLIENTS://kafka:9092": f"CLIENTS://127.0.0.1:{port}",
        "127.0.0.1:9093": f"127.0.0.1:{controller}",
    }
    for name in ("bin", "etc", "lib", "secrets"):
        (folder / name).mkdir()
    for file in FILES.iterdir():
        text = file.read_text()
        for old, new in moved.items():
            text = text.replace(old, new)
        (folder / "etc" / file.name).write_text(text)
    told = ComposeBroker(
        servers=f"127.0.0.1:{port}",
        password_file=folder / "secrets" / "kafka_password",
        log=folder / "log",
        commands=folder / "commands",
    )
    told.password_file.write_text(PASSWORD)
    _install(folder / "bin", told.commands)
    with told.log.open("wb") as log:
        process = subprocess.Popen(["sh", str(folder / "etc" / "start.sh")], stdout=log, stderr=log)
    try:
        _await(process, port, told.log)
        yield told
    finally:
        process.terminate()
        process.wait(30)


def _install(folder: Path, commands: Path) -> None:
    """The two scripts of Kafka's that start.sh calls; each writes down with what it was called."""
    jars.fetch(jars.missing(["kafka"]))
    java = f"java {' '.join(SMALL_JVM)} -Xmx384m -cp '{jars.class_path('kafka')}'"
    for name, program in (("kafka-storage.sh", "kafka.tools.StorageTool"), ("kafka-server-start.sh", "kafka.Kafka")):
        script = folder / name
        script.write_text(f'#!/bin/sh\necho "$@" >> {commands}\nexec {java} {program} "$@"\n')
        script.chmod(0o700)


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return check_port(port)
        except Unavailable:
            time.sleep(0.3)
    raise AssertionError(f"the broker did not start:\n{log.read_text()[-2000:]}")
