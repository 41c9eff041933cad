"""One training at a time per home folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.domain.errors import Unavailable


@contextmanager
def training_lock(home: Path) -> Iterator[None]:
    """Hold `home/training.lock`; the kernel lets go of it when the process ends, however it ends.

    Raises Unavailable where another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "training.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"another training holds {file.name}: wait for it to end, then try again") from error
        yield
