"""Has the embedded store's file written anew: H2 keeps what was deleted in the file's old parts until it needs them.

Two files beside it: `….owed` says that something was deleted since it was last written anew, `….rewrite` asks the
process that has it open (stack/mongo_server.py) to do it, which takes its part away for a second. Nobody owes anything
where the store is another.
"""

import logging
import time
from pathlib import Path

from backend.files import write_whole

_log = logging.getLogger(__name__)

STORE_FILE = Path("mongo", "store.mv")
"""Under home."""

WAIT_SECONDS = 120.0
_LOOK_SECONDS = 0.2


def owed(file: Path) -> Path:
    """The file that says that a rewriting is owed."""
    return file.with_name(f"{file.name}.owed")


def asked(file: Path) -> Path:
    """The file that asks for one."""
    return file.with_name(f"{file.name}.rewrite")


def owe(file: Path | None) -> None:
    """Write down, before something is deleted, that the file is to be written anew after it. Raises OSError."""
    if file is not None and file.exists():
        write_whole(owed(file), "")


def forgive(file: Path | None) -> None:
    """Nothing was deleted after all. Raises OSError."""
    if file is not None:
        owed(file).unlink(missing_ok=True)


def go_on(file: Path | None, *, seconds: float = WAIT_SECONDS) -> bool:
    """Have the file written anew where that is owed; whether nothing is owed any more. Raises OSError."""
    if file is None or not owed(file).exists():
        return True
    write_whole(asked(file), "")
    deadline = time.monotonic() + seconds
    while asked(file).exists() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    if owed(file).exists():
        _log.warning("%s was not written anew within %.0f s: see logs/mongo.log; it is asked again", file, seconds)
        return False
    return True


def done(file: Path, *, is_written: bool) -> None:
    """What was asked was done, or could not be: then it stays owed."""
    if is_written:
        owed(file).unlink(missing_ok=True)
    asked(file).unlink(missing_ok=True)
