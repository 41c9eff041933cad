"""Disks that are soon full: a file system in memory of a few megabytes, mounted where this machine lets us."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


class NoDisk(OSError):
    """Nothing may be mounted on this machine; the message says why."""


@contextmanager
def small_disk(megabytes: int, *, files: int = 0) -> Iterator[Path]:
    """A folder on a disk of its own; skips the test where none may be mounted. `files`: that it can hold; 0: enough."""
    with ExitStack() as keep:
        try:
            folder = keep.enter_context(own_disk(megabytes, files=files))
        except NoDisk as error:
            pytest.skip(f"a small disk cannot be mounted here, which takes root ({error})")
        yield folder


@contextmanager
def own_disk(megabytes: int, *, files: int = 0) -> Iterator[Path]:
    """The same. Raises NoDisk."""
    folder = Path(tempfile.mkdtemp(prefix="segue-small-disk-"))
    options = f"size={megabytes}m,mode=0700" + (f",nr_inodes={files}" if files else "")
    mount = ["mount", "-t", "tmpfs", "-o", options, "segue-test", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        why = done.stderr.strip()
    except FileNotFoundError as error:
        why = str(error)
    if why:
        folder.rmdir()
        raise NoDisk(why)
    try:
        yield folder
    finally:
        # Lazily: what still holds a file there lets go of it as it ends.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def left(folder: Path) -> int:
    """Bytes that are left on the folder's disk."""
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize


def fill(folder: Path, *, leave: int = 0, name: str = "ballast") -> None:
    """Let a file take all but `leave` bytes of the folder's disk. Others may write meanwhile."""
    with (folder / name).open("ab") as ballast:
        while (more := left(folder) - leave) > 0:
            try:
                os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), more)
            except OSError:
                continue  # somebody else was faster: what is left now
