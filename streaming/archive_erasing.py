"""Takes listeners out of the play archive: files that hold a row of theirs are written anew without them.

Of a file first only the column `listener_id` is read. One that holds a row of theirs is written without them under a
hidden name, made durable, renamed to its successor's name, and only then deleted. Whenever this is killed, every play
of others stands in at least one file; where it stands in two, readers count an event id once, and the next run goes on:
the successor's name follows from the file's own, so that it is written again and not beside. Files that Flink is still
writing are left alone: let a checkpoint come after the listeners' last play was read, then call this.
"""

import logging
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from backend.buckets import reached
from backend.extras import explained
from streaming.archive_files import HIDDEN, NewFile, batches, day_folders, finished, flush, remove_remains

with explained("streaming"):
    import pyarrow as pa
    import pyarrow.compute as pc

log = logging.getLogger(__name__)
_NAME = re.compile(r"(.*?)(?:\.without-(\d+))?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedArchive:
    """What was taken away: rows (a play that stood in two files counts twice), their days, and the files rewritten."""

    rows: int
    days: frozenset[date]
    files: int


def erase(url: str, pseudonyms: Collection[str]) -> ErasedArchive:
    """No finished file under `url` (file:///folder or an object store) holds a row of these listeners any more.

    Call it as the only rewriter (`compact.compacting`). Raises Unavailable where an object store fails, OSError where a
    folder does; what was done until then stays done.
    """
    wanted = pa.array(sorted(set(pseudonyms)), pa.string())
    files, folders = day_folders(url)
    rows, rewritten, days = 0, 0, set()
    for day, folder in folders:
        with reached(url):
            remove_remains(files, folder)
            # A successor comes after what it replaces, see `_successor`: it is written before its turn to be read.
            for path in sorted(entry.path for entry in finished(files, folder)):
                if _holds(files, path, wanted):
                    rows += _rewrite(files, folder, path, wanted)
                    rewritten += 1
                    days.add(day)
    if rewritten:
        log.info("%d rows taken out of %d files of %d days of the archive", rows, rewritten, len(days))
    return ErasedArchive(rows=rows, days=frozenset(days), files=rewritten)


def drop_days(url: str, *, before: date) -> int:
    """No finished file under `url` is of a day before that one any more; how many were. Raises as `erase`."""
    files, folders = day_folders(url)
    dropped = 0
    for day, folder in folders:
        if day >= before:
            return dropped
        with reached(url):
            remove_remains(files, folder)
            for entry in finished(files, folder):
                files.delete_file(entry.path)
                dropped += 1
            if files.type_name == "local":
                # Where Flink is writing a play of the day just now, its folder stays.
                with suppress(OSError):
                    Path(folder).rmdir()
    return dropped


def _holds(files: Any, path: str, wanted: Any) -> bool:
    return any(pc.any(_theirs(batch, wanted)).as_py() for batch in batches(files, path, ["listener_id"]))


def _theirs(batch: Any, wanted: Any) -> Any:
    return pc.is_in(batch.column("listener_id"), value_set=wanted)


def _rewrite(files: Any, folder: str, path: str, wanted: Any) -> int:
    """Put the file's successor in its place, none where no row is left; how many rows are gone."""
    name = path.rsplit("/", maxsplit=1)[-1]
    successor = _successor(name)
    hidden = f"{folder}/{HIDDEN}{successor}"
    taken = _written_without(files, path, hidden, wanted)
    if files.get_file_info(hidden).is_file:
        files.move(hidden, f"{folder}/{successor}")
        flush(files, folder)
    files.delete_file(path)
    # A deletion that a power cut undoes would bring back what the receipt calls gone.
    flush(files, folder)
    return taken


def _written_without(files: Any, path: str, hidden: str, wanted: Any) -> int:
    """Write the rows that stay, durably, where there are any; how many do not."""
    taken = 0
    new: NewFile | None = None
    try:
        for batch in batches(files, path):
            left = pa.Table.from_batches([batch]).filter(pc.invert(_theirs(batch, wanted)))
            taken += len(batch) - len(left)
            if len(left):
                new = new or NewFile(files, hidden, left.schema)
                new.write(left)
        if new is not None:
            new.close()
    except BaseException:
        # On a full disk, what is half written is in the way of everybody.
        if new is not None:
            with suppress(OSError):
                new.close()
            files.delete_file(hidden)
        raise
    return taken


def _successor(name: str) -> str:
    """The name of what replaces a file of this name: of its kind, as compaction tells it, and later in the alphabet."""
    found = _NAME.match(name)
    assert found is not None
    return f"{found[1]}.without-{int(found[2] or 0) + 1:06}"
