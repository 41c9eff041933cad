"""What the supervisor knows about each child process."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backend import web
from backend.domain.errors import Unavailable

LOOPBACK = "127.0.0.1"

# Quick to start, small: what all JVMs of the stack have in common. The serial collector has no helper threads, which
# on few cores is also the fastest for small heaps; -Xshare:auto maps the JDK's own class archive where there is one.
SMALL_JVM = ("-XX:+UseSerialGC", "-Xshare:auto", "-XX:-UsePerfData", "-Djava.awt.headless=true")

# For parts that compute little: the optimising compiler would cost them more than it brings in a demo's two minutes.
QUICK_JVM = (*SMALL_JVM, "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One child process.

    `check` raises Unavailable until the part answers, within half a second, and returns a remark (mostly ""); None: it
    is well once it has run for a second. `needs` names parts that must be well first. A `once` part is well when it
    has exited with 0. One that `needs_room` is not started again while the disk is full.
    """

    name: str
    title: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[], str] | None = None
    needs: tuple[str, ...] = ()
    once: bool = False
    needs_room: bool = False
    address: str = ""
    deadline_seconds: float = 180  # a start takes 15; a busy machine may take ten times as long
    stop_seconds: float = 10


def check_port(port: int) -> None:
    """Raises Unavailable where nothing on loopback accepts a connection to `port`."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=0.3).close()
    except OSError as error:
        raise Unavailable(f"nothing answers on {LOOPBACK}:{port} yet") from error


def check_http(url: str, who: str) -> str:
    """Raises Unavailable until `who` answers this address of this machine; "", as nothing is to be remarked."""
    try:
        with web.client(timeout_seconds=0.5, local=True) as client:
            client.get(url).raise_for_status()
    except web.FAILURES as error:
        raise Unavailable(f"{who} does not answer on {url} yet") from error
    return ""
