"""Room on the disks that Segue writes to: how much is left, and the reserve that new plays may not touch.

What is accepted goes on being written after the last play was taken: checkpoints, result tables, the archive, indexes,
the log's compaction. The reserve is theirs; ADR 14 has the figures.
"""

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import NoRoom

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

MEGABYTE = 1_000_000

SHARE = 10
"""The usual reserve is at most one part in so many of its disk."""

FILES = 2_000
"""Files that a disk must have left for Segue to make: a disk can run out of these (inodes) before its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The disk under a folder: bytes and files that we could still make there, and that it holds in all."""

    folder: Path
    bytes_left: int
    bytes_in_all: int
    files_left: int
    files_in_all: int

    def lack(self, reserve: int, *, share: int) -> str:
        """What is less than it should be, in words without the folder; "" where there is enough.

        `reserve` in bytes; no more than one part in `share` of the disk is asked for. A disk that does not count files
        has no end of them.
        """
        kept = min(reserve, self.bytes_in_all // share)
        if self.bytes_left < kept:
            return f"{self.left} left, less than the reserve of {_megabytes(kept)}"
        if reserve and self.files_left < min(FILES, self.files_in_all // SHARE):
            return f"room for {self.files_left:,} more files (inodes), less than the reserve"
        return ""

    @property
    def left(self) -> str:
        """The bytes left, for people."""
        return _megabytes(self.bytes_left)


def _megabytes(count: int) -> str:
    return f"{count / MEGABYTE:,.0f} MB"


def disk_of(folder: Path) -> Disk:
    """The disk on which the folder is, or will be. Raises OSError."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    told = os.statvfs(folder)
    return Disk(
        folder=folder,
        bytes_left=told.f_bavail * told.f_frsize,
        bytes_in_all=told.f_blocks * told.f_frsize,
        files_left=told.f_favail,
        files_in_all=told.f_files,
    )


class Room:
    """Whether every disk under some folders has its reserve left, as of the last look.

    `folders` is asked at each look: parts make theirs when they start. The reserve is in bytes, at most one part in
    `share` of the disk; 0 is always there.
    """

    def __init__(
        self, folders: Callable[[], Iterable[Path]] = lambda: (), *, reserve: int = 0, share: int = SHARE
    ) -> None:
        self._folders = folders
        self._reserve = reserve
        self._share = share
        self._short: tuple[Disk, str] | None = None

    def measure(self) -> None:
        """Look at the disks now. Raises OSError where one does not tell."""
        disks = (disk_of(folder) for folder in self._folders())
        self._short = next(
            ((disk, lack) for disk in disks if (lack := disk.lack(self._reserve, share=self._share))), None
        )

    def look(self) -> None:
        """Measure, and log what has changed. Raises OSError where a disk does not tell."""
        was_short = bool(self._short)
        self.measure()
        if self._short and not was_short:
            _log.warning("no plays, feedback or catalogue are taken: %s", self.shortage)
        elif was_short and not self._short:
            _log.info("there is room again: plays, feedback and catalogue are taken")

    @property
    def shortage(self) -> str:
        """For operators: which disk lacks what, and what to do; "" where there is room."""
        if self._short is None:
            return ""
        disk, lack = self._short
        return f"the disk of {disk.folder} has {lack} (disk_reserve_megabytes); free some (see `df -h`)"

    def require(self) -> None:
        """Raises NoRoom, in words for clients, where there was none at the last look."""
        if self._short is not None:
            _, lack = self._short
            raise NoRoom(
                f"the server's disk is nearly full, and nothing of this call was written: it has {lack}. "
                "Free some, and send the call again: it is taken as soon as there is room"
            )
