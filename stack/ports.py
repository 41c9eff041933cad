"""Each part's port: the configured one, else that of last time, else the usual one, else any free one."""

import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

from backend.domain.errors import SegueError
from backend.files import noted, write_whole
from stack.part import LOOPBACK

PORTS_FILE = "ports.json"

USUAL = {
    "kafka": 9092,
    "mongo": 27017,
    "flink": 8081,
    "flink-sql": 8083,
    "server": 50051,
    "sink": 9464,
    "dashboard": 8501,
}
"""Where people expect to find each part."""

SETTINGS = {
    "kafka": "kafka_servers",
    "mongo": "store_url",
    "flink": "flink_url",
    "flink-sql": "flink_sql_url",
    "server": "server_address",
    "sink": "sink_metrics_address",
    "dashboard": "dashboard_address",
}
"""The setting that says where each part is."""

NAMES = (*USUAL, "kafka-controller", "flink-rpc")
"""Every port of the stack; the last two are only used among its own processes."""

_RANGE = range(20_000, 32_000)
"""Below the kernel's range for outgoing connections, so that no client can sit on a remembered port by chance."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do: connections of a predecessor that are still winding down are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """Who listens there, as far as this user may know."""
    try:
        listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        pid = next(one.pid for one in listening if getattr(one.laddr, "port", 0) == port and one.pid)
        return f"process {pid} ({psutil.Process(pid).name()})"
    except (StopIteration, psutil.Error):
        return "a program of another user"


def free_port(taken: set[int], chance: random.Random) -> int:
    """A free loopback port that is not in `taken`. Raises SegueError where none was found in 1,000 tries."""
    for _ in range(1000):
        port = chance.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise SegueError(f"no free port between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}; close some programs")


def choose(home: Path, fixed: Mapping[str, int], chance: random.Random | None = None) -> dict[str, int]:
    """A port for each of NAMES, remembered in home/ports.json.

    `fixed` ones are taken as they are; one that another program holds raises SegueError.
    """
    for name, port in fixed.items():
        if not is_free(port):
            setting = SETTINGS[name]
            raise SegueError(
                f"port {port} of {setting} is taken by {_holder(port)}; stop that (`ss -ltnp 'sport = :{port}'`), "
                f"or set {setting} (SEGUE_{setting.upper()}) to another port"
            )
    file = home / PORTS_FILE
    remembered: dict[str, int] = noted(file)
    chosen = dict(fixed)
    for name in NAMES:
        if name in chosen:
            continue
        taken, wished = set(chosen.values()), (remembered.get(name), USUAL.get(name))
        wishes = (port for port in wished if port and port not in taken and is_free(port))
        chosen[name] = next(wishes, 0) or free_port(taken, chance or random.Random())
    write_whole(file, json.dumps(chosen, indent=2) + "\n")
    return chosen
