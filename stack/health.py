"""How each part of a stack is, measured now."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from backend.domain.errors import Unavailable
from backend.lacks import lack_of
from stack import flink, kafka, mongo, services
from stack.services import port_of
from stack.state import PartState, Phase, StateUnreadable, read_state

HEALTHY = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """One line of `segue status`. `health` is "healthy", a remark on it, or what is wrong (not `is_well`)."""

    name: str
    is_well: bool
    phase: str
    health: str
    pid: int | None
    port: int | None
    rss_mb: float
    uptime_seconds: float
    restarts: int
    log: str


def _answer(part: PartState, *, flink_url: str, has_tls: bool) -> str:
    """The part's own health check. Raises Unavailable."""
    checks = {
        "kafka": lambda: kafka.check(port_of(part.address)),
        "mongo": lambda: mongo.check(port_of(part.address)),
        "flink-jobmanager": lambda: flink.check(flink_url, task_managers=0),
        "flink-taskmanager": lambda: flink.check(flink_url, task_managers=1),
        "flink-sql-gateway": lambda: flink.check_gateway(f"http://{part.address}"),
        "server": lambda: services.check_server(part.address, has_tls=has_tls),
        "sink": lambda: services.check_sink(part.address) if part.address else "",
        "dashboard": lambda: services.check_dashboard(part.address),
    }
    # The keeper listens nowhere: running is all there is to ask.
    return checks[part.name]() if part.name in checks else ""


def _memory_mb(pid: int) -> float:
    """Resident memory of a process and its descendants, in MB."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return round(total / 1e6, 1)


def _status(part: PartState, *, flink_url: str, has_tls: bool) -> PartStatus:
    alive, well = part.is_alive(), False
    if alive and part.phase in (Phase.UP, Phase.STARTING):
        try:
            health, well = _answer(part, flink_url=flink_url, has_tls=has_tls) or HEALTHY, True
        except Unavailable as error:
            health = str(error)
        except (OSError, RuntimeError) as error:  # no handles, no threads: this process cannot ask
            health = f"it cannot be asked: {lack_of(error) or error}"
    else:
        health = str(part.phase) if part.phase is not Phase.UP else "gone"
        health += f": {part.why}" if part.why else ""
    return PartStatus(
        name=part.name,
        is_well=well,
        phase=part.phase,
        health=health,
        pid=part.pid if alive else None,
        port=port_of(part.address) if part.address else None,
        rss_mb=_memory_mb(part.pid) if alive else 0.0,
        uptime_seconds=round(time.time() - part.created, 1) if alive else 0.0,
        restarts=part.restarts,
        log=part.log,
    )


def status(home: Path, *, flink_url: str, has_tls: bool) -> list[PartStatus]:
    """Every long-running part of the stack that runs, or last ran, in `home`; [] where none ever did, or nothing tells.

    `has_tls` says whether the server speaks TLS.
    """
    try:
        state = read_state(home)
    except StateUnreadable:
        state = None
    parts = state.parts if state else []
    return [
        _status(part, flink_url=flink_url, has_tls=has_tls)
        for part in parts
        if part.name not in (services.PREPARE, kafka.FORMAT)
    ]
