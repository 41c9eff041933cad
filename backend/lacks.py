"""What a machine lacks, in a sentence that ends with what to do: room on a disk, file handles, memory, processes."""

import errno
import re

ROOM = "no room is left on a disk: free some (see `df -h`, and `df -i` for its files)"
QUOTA = "the disk quota is used up: free some of it (see `quota`)"
FILE_SIZE = "files may not grow that large here: raise `ulimit -f`"
HANDLES = "no file handles are left: raise `ulimit -n` (see `segue doctor`)"
ALL_HANDLES = "this machine has no file handles left: raise `sysctl fs.file-max`, or close programs"
MEMORY = "no memory is left: close programs, or give the machine more (see `free -h`)"
PROCESSES = "no further process or thread may be started: raise `ulimit -u`, or the container's limit of processes"

_BY_NUMBER = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: QUOTA,
    errno.EFBIG: FILE_SIZE,
    errno.EMFILE: HANDLES,
    errno.ENFILE: ALL_HANDLES,
    errno.ENOMEM: MEMORY,
    errno.EAGAIN: PROCESSES,
}

_BY_WORDS = {
    "No space left on device": ROOM,
    "Disk quota exceeded": QUOTA,
    "Too many open files in system": ALL_HANDLES,
    "Too many open files": HANDLES,
    "unable to create native thread": PROCESSES,
    "can't start new thread": PROCESSES,
    "Resource temporarily unavailable": PROCESSES,
    "Cannot allocate memory": MEMORY,
    "insufficient memory for the Java Runtime": MEMORY,
    "MemoryError": MEMORY,
    "OutOfMemoryError": MEMORY,
}
"""As the C library and Java say it; the more exact one first."""


_OF_NUMPY = re.compile(r"\d+ requested and \d+ written")
"""NumPy, writing an array to a file, forgets the number of the error; there is one reason for it in practice."""


def lack_of(error: BaseException) -> str:
    """What was lacking when this was raised; "" where it was something else."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    if isinstance(error, OSError) and _OF_NUMPY.fullmatch(str(error)):
        return ROOM
    return lack_in(str(error)) if isinstance(error, OSError | RuntimeError) else ""


def lack_in(text: str) -> str:
    """What the last complaint in a program's output says that it lacked; "" where there is none."""
    latest = max(_BY_WORDS, key=text.rfind)  # of equals the first
    return _BY_WORDS[latest] if latest in text else ""
