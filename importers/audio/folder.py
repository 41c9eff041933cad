"""Audio files in a folder, in any layout: an album a folder, or FMA's `fma_small/000/000002.mp3`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.domain.errors import InvalidInput, Violation

SUFFIXES: Final = frozenset({".wav", ".ogg", ".oga", ".mp3", ".flac"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFile:
    """A file by its `path`; `name` is the path below the folder that was asked for.

    `size` and `modified_ns` are as it was found, 0 where that cannot be told: whoever opens it learns why.
    """

    path: Path
    name: str
    size: int
    modified_ns: int


def find(path: Path) -> Iterator[AudioFile | OSError]:
    """The file itself, or each audio file below the folder, in order; a folder that cannot be entered is its error.

    Hidden files and folders are passed over. Raises InvalidInput: there is no such path, or no folder nor audio file.
    """
    if path.is_dir():
        yield from _below(path)
    elif path.exists() and path.suffix.lower() in SUFFIXES:
        yield _file(path, path.name)
    else:
        what = f"is none of {', '.join(sorted(SUFFIXES))}" if path.exists() else "is not there"
        raise InvalidInput([Violation("path", f"{path} {what}; give a folder with audio files, or one of them")])


def _below(root: Path) -> Iterator[AudioFile | OSError]:
    errors: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=errors.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                yield _file(path, path.relative_to(root).as_posix())
    yield from errors


def _file(path: Path, below: str) -> AudioFile:
    name = os.fsencode(below).decode(errors="replace")  # a name that is no UTF-8 can be told all the same
    try:
        found = path.stat()
    except OSError:
        return AudioFile(path=path, name=name, size=0, modified_ns=0)
    return AudioFile(path=path, name=name, size=found.st_size, modified_ns=found.st_mtime_ns)
