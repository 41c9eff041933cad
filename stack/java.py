"""The Java runtime on this machine."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from backend.domain.errors import Unavailable

LEAST = 17
INSTALL = "sudo apt install openjdk-17-jre-headless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What `java` on PATH is. `is_full` is False for a cut-down (jlinked) runtime, which Spark cannot use."""

    version: int
    is_full: bool


def runtime() -> Runtime | None:
    """The `java` on PATH; None where there is none."""
    if shutil.which("java") is None:
        return None
    told = subprocess.run(
        ["java", "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"java\.specification\.version = (?:1\.)?(\d+)", told.stderr)
    if found is None:
        return None
    modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, check=False).stdout
    # Spark starts Java with --add-modules=jdk.incubator.vector, which jlinked runtimes leave out.
    return Runtime(version=int(found[1]), is_full="jdk.incubator.vector@" in modules)


def check() -> None:
    """Raises Unavailable where Java is not there or too old, saying how to get it."""
    found = runtime()
    if found is None:
        raise Unavailable(f"Java is not installed; install it: {INSTALL}")
    if found.version < LEAST:
        raise Unavailable(f"Java {found.version} is too old, {LEAST} or newer is needed; install it: {INSTALL}")
