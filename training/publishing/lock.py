"""Locks beside the published models: every process that publishes to them meets the same ones.

The kernel lets go of a lock when its process ends, however it ends. A bucket has no such locks: there, only the
processes of one home meet each other. Of two machines that point at the same moment one is told
(`adapters/models/bucket.py`), but they must not train or prune at the same time (ADR 9).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.files import only_one

POINTER_SECONDS = 60.0
_HELD = "{holder} is under way: wait for it to end, then try again"


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Hold `folder/training.lock` for a whole training, so that no second one works for nothing or publishes beside it.

    Raises Unavailable where another process holds it.
    """
    with only_one(folder / "training.lock", held=_HELD.format(holder="another training")):
        yield


@contextmanager
def tuning_lock(folder: Path) -> Iterator[None]:
    """Hold `folder/tuning.lock` while a study is written to. Raises Unavailable where another process holds it."""
    with only_one(folder / "tuning.lock", held=_HELD.format(holder="another search")):
        yield


@contextmanager
def pointer_lock(folder: Path, seconds: float = POINTER_SECONDS) -> Iterator[None]:
    """Hold `folder/pointer.lock` while the pointer moves or versions are removed; waits for others up to `seconds`.

    Apart from the training lock, so that a rollback never waits for a training. Raises Unavailable.
    """
    held = _HELD.format(holder="another promotion or pruning")
    with only_one(folder / "pointer.lock", held=held, seconds=seconds):
        yield
