"""Locks beside the published models: every process that publishes to them meets the same ones.

The kernel lets go of a lock when its process ends, however it ends.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backend.domain.errors import Unavailable
from backend.settings import Settings

POINTER_SECONDS = 60.0


def lock_folder(settings: Settings) -> Path:
    """The folder of this tenant's models where that is a folder, else the home: two homes may publish to one place."""
    url = urlsplit(settings.models)
    return Path(unquote(url.path)) / settings.tenant if url.scheme == "file" else settings.home


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Hold `folder/training.lock` for a whole training, so that no second one works for nothing or publishes beside it.

    Raises Unavailable where another process holds it.
    """
    with _lock(folder / "training.lock", seconds=0.0, holder="another training"):
        yield


@contextmanager
def tuning_lock(folder: Path) -> Iterator[None]:
    """Hold `folder/tuning.lock` while a study is written to. Raises Unavailable where another process holds it."""
    with _lock(folder / "tuning.lock", seconds=0.0, holder="another search"):
        yield


@contextmanager
def pointer_lock(folder: Path, seconds: float = POINTER_SECONDS) -> Iterator[None]:
    """Hold `folder/pointer.lock` while the pointer moves or versions are removed; waits for others up to `seconds`.

    Apart from the training lock, so that a rollback never waits for a training. Raises Unavailable.
    """
    with _lock(folder / "pointer.lock", seconds=seconds, holder="another promotion or pruning"):
        yield


@contextmanager
def _lock(path: Path, *, seconds: float, holder: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise Unavailable(f"{holder} holds {file.name}: wait for it to end, then try again") from error
                time.sleep(0.05)
        yield
