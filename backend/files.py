"""Files and folders that appear whole or not at all, also after a power cut; and locks between processes.

Everything of Segue that writes a file others read, or must be the only one to do a thing, does it with these.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from backend.domain.errors import Unavailable

_log = logging.getLogger(__name__)


def sync(path: Path) -> None:
    """Force a file's contents, or a folder's entries, to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(path: Path) -> None:
    """Make the folder where it is missing, and those above it, for its owner only (0700). Raises OSError."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def write_whole(path: Path, content: bytes | str | Callable[[BinaryIO], None], *, mode: int = 0o600) -> None:
    """Fill a file beside `path` (with bytes, text as UTF-8, or by a function), then put it in place in one step.

    Durable when it returns; readers see the old file or the new one. Until it is in place only its owner can read it,
    then whom `mode` lets. Raises OSError; nothing is left behind then.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    draft = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - Path.open takes no descriptor
            if isinstance(content, bytes | str):
                file.write(content.encode() if isinstance(content, str) else content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def noted(path: Path) -> dict[str, Any]:
    """The JSON object that a file keeps for next time; {} where there is none, or, which is logged, a broken file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        _log.warning("%s is broken and passed over; `segue up` writes it anew", path)
        return {}
    return found


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; it takes the name `path` when the block ends well, and goes otherwise.

    Only its owner can enter it. A folder of that name is replaced; its open files stay readable to who holds them.
    """
    private_folder(path.parent)
    draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=".draft-"))
    try:
        yield draft
        for file in draft.rglob("*"):
            sync(file)
        sync(draft)
        if path.exists():
            remove_folder(path)
        draft.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Take a folder away in one step: it is renamed before its files go. Takes no room, for it is how room is made."""
    grave = path.with_name(f".gone-{uuid.uuid4().hex}")
    path.rename(grave)
    shutil.rmtree(grave)


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def only_one(path: Path, *, held: str, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path`, waiting for others up to `seconds`; the kernel lets go of it with the process.

    Raises Unavailable with the sentence `held`, which says who holds it and what to do, and the path.
    """
    private_folder(path.parent)
    deadline = time.monotonic() + seconds
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise Unavailable(f"{held} (lock: {path})") from error
                time.sleep(0.05)
        yield
