"""Room on disks: the reserve that new plays leave free, and what is said when something is lacking."""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend import wiring
from backend.domain.errors import NoRoom
from backend.lacks import FILE_SIZE, HANDLES, MEMORY, PROCESSES, ROOM, lack_in, lack_of
from backend.room import MEGABYTE, Disk, Room, disk_of
from backend.settings import Settings
from cli.main import explain
from tests.small_disk import fill, small_disk

ALL = 1 << 60
"""More than any disk has."""


def disk(**changed: int) -> Disk:
    """A disk of 100 GB with much left."""
    usual = {"bytes_left": 50_000, "bytes_in_all": 100_000}
    sizes = {name: changed.pop(name, size) * MEGABYTE for name, size in usual.items()}
    counts = {"files_left": 1_000_000, "files_in_all": 2_000_000} | changed
    return Disk(folder=Path("/somewhere"), **sizes, **counts)


@pytest.mark.parametrize(
    ("looked_at", "expected"),
    [
        (disk(), ""),
        (disk(bytes_left=999), "999 MB left, less than the reserve of 1,000 MB"),
        (disk(bytes_left=1_000), ""),
        (disk(bytes_left=399, bytes_in_all=4_000), "399 MB left, less than the reserve of 400 MB"),
        (disk(bytes_left=400, bytes_in_all=4_000), ""),
        (disk(files_left=1_999), "room for 1,999 more files (inodes), less than the reserve"),
        (disk(files_left=99, files_in_all=1_000), "room for 99 more files (inodes), less than the reserve"),
        (disk(files_left=0, files_in_all=0), ""),
    ],
)
def test_a_disk_lacks_bytes_or_files(looked_at: Disk, expected: str) -> None:
    """The reserve is at most a tenth of the disk; file systems that do not count files have enough of them."""
    assert expected == looked_at.lack(1_000 * MEGABYTE, share=10)


def test_a_reserve_of_nothing_is_always_there() -> None:
    """Who sets 0 takes plays until the disk is full."""
    assert "" == disk(bytes_left=0, files_left=0).lack(0, share=1)


def test_a_folder_that_is_not_there_yet_lies_on_the_disk_of_those_above(tmp_path: Path) -> None:
    """Parts make their folders when they start."""
    assert disk_of(tmp_path).bytes_in_all == disk_of(tmp_path / "not" / "yet").bytes_in_all


def test_room_is_refused_and_given_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Below the reserve the refusal says what is left and what to do; each change is logged once."""
    folders = [tmp_path]
    room = Room(lambda: folders, reserve=ALL, share=1)
    with caplog.at_level(logging.INFO):
        room.look()
        room.look()
        with pytest.raises(NoRoom, match=r"MB left, less than the reserve .*Free some, and send") as no:
            room.require()
        assert f"the disk of {tmp_path} has" in room.shortage
        assert str(tmp_path) not in str(no.value)  # clients are told of no folders
        folders.clear()
        room.look()
        room.require()
    assert "" == room.shortage
    assert ["WARNING", "INFO"] == [one.levelname for one in caplog.records]


def test_a_disk_of_a_few_megabytes_is_short_before_it_is_full() -> None:
    """On a real one: free, short at a tenth, free again once a file is gone, short of files."""
    with small_disk(10) as folder:
        room = Room(lambda: [folder], reserve=1_000 * MEGABYTE)
        told = []
        for leave in (2 * MEGABYTE, MEGABYTE // 2):
            fill(folder, leave=leave)
            room.look()
            told.append(bool(room.shortage))
        (folder / "ballast").unlink()
        room.look()
        assert [False, True, False] == [*told, bool(room.shortage)]
    with small_disk(10, files=50) as folder:
        room = Room(lambda: [folder], reserve=1_000 * MEGABYTE)
        for number in range(46):
            (folder / str(number)).touch()
        room.look()
        assert "inodes" in room.shortage


def test_the_embedded_parts_disks_are_looked_at_and_no_others(tmp_path: Path) -> None:
    """A home that holds tokens only is no reason to refuse; what is set is obeyed, however large."""
    settings = Settings(home=tmp_path, disk_reserve_megabytes=ALL)
    room = wiring.room(settings)
    room.look()
    assert "" == room.shortage
    (tmp_path / "kafka").mkdir()
    room.look()
    assert str(tmp_path / "kafka") in room.shortage


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ROOM),
        (OSError("1048576 requested and 65536 written"), ROOM),
        (OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"), ROOM),
        (OSError(errno.EMFILE, "Too many open files"), HANDLES),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), PROCESSES),
        (RuntimeError("can't start new thread"), PROCESSES),
        (MemoryError(), MEMORY),
        (FileNotFoundError(errno.ENOENT, "No such file"), ""),
        (ValueError("No space left on device"), ""),
    ],
)
def test_what_was_lacking_is_told_from_the_error(error: Exception, expected: str) -> None:
    """By its number, and by its words where a library lost the number."""
    assert expected == lack_of(error)


def test_the_last_complaint_in_a_log_counts() -> None:
    """A log that was full of one lack a day ago, and of another now."""
    assert HANDLES == lack_in("java.io.IOException: No space left on device\n…\nException: Too many open files\n")
    assert "" == lack_in("all is well")


WRITERS = """
import sys
from pathlib import Path
import numpy as np
from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.files import write_whole
from cli.main import explain
folder, ids, array = Path(sys.argv[1]), list(map(str, range(20_000))), np.ones((20_000, 64), "f4")
for write in (
    lambda: write_whole(folder / "whole", bytes(5_000_000)),
    lambda: write_whole(folder / "part.npz", lambda file: np.savez(file, vectors=array)),
    lambda: EmbeddedVectorIndex(folder / "vectors").create("namespace", ids, array),
):
    try:
        write()
    except Exception as error:
        print(explain(error))
"""


@pytest.mark.parametrize("how", ["full disk", "limit"])
def test_what_does_not_fit_leaves_nothing_and_says_why(how: str, tmp_path: Path) -> None:
    """Files and indexes that a full disk, or a limit on their size, cuts short: one clear line, and nothing stays."""

    def told(folder: Path, *before: str) -> tuple[list[str], list[Path]]:
        argv = [*before, sys.executable, "-c", WRITERS, str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return done.stdout.splitlines(), [path for path in folder.rglob("*") if path.is_file()]

    if how == "limit":
        said, left_behind = told(tmp_path, "prlimit", f"--fsize={MEGABYTE}")
    else:
        with small_disk(2) as folder:
            said, left_behind = told(folder)
    assert [] == left_behind
    expected = ROOM if how == "full disk" else FILE_SIZE
    assert [True] * 3 == [expected in line or ROOM in line for line in said], said


def test_models_can_be_removed_from_a_full_disk() -> None:
    """Removing is how room is made: it needs none."""
    from backend.files import remove_folder

    with small_disk(1, files=6) as disk:
        (disk / "version").mkdir()
        (disk / "version" / "factors.npy").write_bytes(bytes(100_000))
        fill(disk)
        (disk / "last").mkdir()
        (disk / "file").touch()
        with pytest.raises(OSError, match="No space left"):
            (disk / "more").mkdir()
        remove_folder(disk / "version")
        assert not (disk / "version").exists()


def test_a_command_that_lacks_something_ends_with_one_line() -> None:
    """Exit code 1, what was lacking, and what to do."""
    told = explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/factors.npy"))
    assert told is not None
    assert ("/x/factors.npy" in told[0], "see `df -h`" in told[0], 1) == (True, True, told[1])
    assert FILE_SIZE in (explain(OSError(errno.EFBIG, "File too large")) or ("", 0))[0]
    assert explain(OSError(errno.ECONNRESET, "reset")) is None


def test_numpy_forgets_why_a_file_could_not_be_written(tmp_path: Path) -> None:
    """What `lack_of` goes by: NumPy's own words, of this version."""
    with small_disk(1) as disk, pytest.raises(OSError, match="written") as failed:
        np.save(disk / "array.npy", np.ones(1_000_000))
    assert ROOM == lack_of(failed.value)
