"""How many files a process of the stack may hold open."""

import resource

from backend.domain.errors import SegueError
from backend.lacks import HANDLES

LEAST = 1_024
"""A broker alone holds some hundreds: three files and more for each partition, its jars, its connections."""


def most() -> int:
    """How many a process of this user may hold open at most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard


def take_all() -> None:
    """Let this process, and those that it starts, hold as many open as it may."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (most(), most()))


def check() -> None:
    """Raises SegueError where the stack could not live with so few."""
    if most() < LEAST:
        raise SegueError(f"a process may hold only {most()} files open, the stack needs {LEAST:,}; {HANDLES}")
