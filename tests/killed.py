"""A process that is killed in the middle of what it does to the files of an archive."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pyarrow import fs


class Killed(Exception):
    """Stands for SIGKILL."""


class _KilledAfter:
    """A file system on which so many changes succeed, and then the process is gone."""

    def __init__(self, files: Any, changes: int) -> None:
        self._files, self.changes = files, changes

    def __getattr__(self, name: str) -> Any:
        does = getattr(self._files, name)
        if name not in {"open_output_stream", "move", "delete_file"}:
            return does

        def change(*given: Any) -> Any:
            if self.changes == 0:
                raise Killed
            self.changes -= 1
            return does(*given)

        return change


@contextmanager
def killed_after(changes: int) -> Iterator[None]:
    """Whoever opens a file system in the block gets one that raises Killed after so many changes."""
    from_uri = fs.FileSystem.from_uri

    class Files:
        @staticmethod
        def from_uri(url: str) -> tuple[Any, str]:
            files, root = from_uri(url)
            return _KilledAfter(files, changes), root

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyarrow.fs.FileSystem", Files)
        yield
