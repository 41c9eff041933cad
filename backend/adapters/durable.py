"""Files and folders that appear whole or not at all, also after a power cut."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sync(path: Path) -> None:
    """Force a file's or a folder's contents to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str) -> None:
    """Write a text file in one atomic step: readers see the old text or the new one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    sync(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; it takes the name `path` when the block ends well, and goes otherwise.

    A folder of that name is replaced; its open files stay readable for those who hold them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=".draft-"))
    try:
        yield draft
        for file in draft.rglob("*"):
            sync(file)
        sync(draft)
        draft.chmod(0o755)
        if path.exists():
            remove_folder(path)
        draft.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Take a folder away in one step: it is renamed before its files go."""
    grave = Path(tempfile.mkdtemp(dir=path.parent, prefix=".gone-"))
    path.rename(grave / path.name)
    shutil.rmtree(grave)
