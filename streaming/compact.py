"""Makes few large Parquet files of a past day's many small ones in the play archive.

Flink writes a file per checkpoint and task: thousands a day. Once nothing more is expected for a day, its files are
rewritten: deduplicated by event id, row group after row group.

No play is lost, whenever this is killed: the new files are written under hidden names and made durable, then renamed,
and only then are the old ones deleted. In between a play may stand in two files, which changes nothing: readers count
an event id once (training/data/archive.py). What a killed run left hidden is removed by the next. Only files that
Flink has committed are touched: their names start with "part-"; those it still writes start with "." or "_". A play
that comes after its day was compacted makes a new small file, and the day is compacted again. One compaction at a
time per home (`compacting`); a training that lists the files just before they go fails to open them, and is to be run
again.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.buckets import reached
from backend.extras import explained
from backend.files import only_one
from streaming.archive_files import HIDDEN, ROW_GROUP, NewFile, batches, day_folders, finished, flush, remove_remains

with explained("streaming"):
    import pyarrow as pa
    import pyarrow.parquet as pq

log = logging.getLogger(__name__)
TARGET_BYTES = 128 << 20
"""A compacted file is closed once its row groups come to this."""
SETTLED = "part-compacted-"
"""How the name of a file begins that a compaction has made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What became of one day: its committed files and their bytes before and after, and the rows kept and left out."""

    day: date
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    rows: int
    duplicates: int


@contextmanager
def compacting(home: Path) -> Iterator[None]:
    """Be the only one to compact. Raises Unavailable where another is; the kernel lets go of it with the process."""
    with only_one(home / "compact.lock", held="another compaction runs: wait for it to end, then try again"):
        yield


def _settling(lateness_minutes: int) -> timedelta:
    """What a day waits after its end until no play of it is expected: for late ones, and an hour."""
    return timedelta(minutes=lateness_minutes, hours=1)


def settled_at(day: date, *, lateness_minutes: int) -> datetime:
    """The moment, UTC, from which the day is settled."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) + _settling(lateness_minutes)


def last_settled_day(now: datetime, *, lateness_minutes: int) -> date:
    """The last day, UTC, of which no play is expected: it ended at least the lateness and an hour ago."""
    return (now.astimezone(UTC) - _settling(lateness_minutes)).date() - timedelta(days=1)


def last_day_to_compact(now: datetime, *, older_than_days: int, lateness_minutes: int) -> date:
    """The last day, UTC, that is settled and at least so many days before today."""
    return min(
        now.astimezone(UTC).date() - timedelta(days=older_than_days),
        last_settled_day(now, lateness_minutes=lateness_minutes),
    )


def compact(url: str, *, until: date, target_bytes: int = TARGET_BYTES) -> Iterator[Compaction]:
    """Compact each day up to and with `until` that has more committed files than it needs, oldest first.

    Yields after each day; what is not asked for is not done. `url` is the archive's, file:///folder or an object store.
    Raises Unavailable where an object store fails, OSError where a folder does; the day's files are then as they were,
    or twice.
    """
    files, days = day_folders(url)
    for day, folder in days:
        if day <= until:
            with reached(url):
                done = _if_worth_it(files, day, folder, target_bytes)
            if done is not None:
                yield done


def _if_worth_it(files: Any, day: date, folder: str, target_bytes: int) -> Compaction | None:
    remove_remains(files, folder)
    committed = _committed(files, folder)
    return _compact_day(files, day, folder, committed, target_bytes) if _is_worth_it(committed, target_bytes) else None


def _committed(files: Any, folder: str) -> list[Any]:
    """Files that Flink or a compaction has finished: compacted ones first, then as they were written.

    In this order the first of two plays with one event id counts, and the files are deleted: as long as a settled file
    stands that a newer one replaces, so does one that is not settled, and the next run takes the day up again.
    """
    return sorted(finished(files, folder), key=lambda entry: (not _is_settled(entry), entry.mtime_ns, entry.path))


def _is_settled(entry: Any) -> bool:
    return bool(entry.base_name.startswith(SETTLED))


def _is_worth_it(committed: Sequence[Any], target_bytes: int) -> bool:
    """Whether a file is there that no compaction made, and there are more files than their bytes need."""
    needed = -(-sum(entry.size for entry in committed) // target_bytes)
    return len(committed) > max(1, needed) and not all(map(_is_settled, committed))


def _compact_day(files: Any, day: date, folder: str, committed: Sequence[Any], target_bytes: int) -> Compaction:
    # A number of its own: a killed run may have left settled files, which are among the inputs.
    stem = uuid.uuid4().hex[:12]
    hidden, rows, read = _rewrite(files, folder, [entry.path for entry in committed], stem, target_bytes)
    settled = [f"{folder}/{SETTLED}{stem}-{place}.parquet" for place in range(len(hidden))]
    for source, target in zip(hidden, settled, strict=True):
        files.move(source, target)
    flush(files, folder)
    for entry in committed:
        files.delete_file(entry.path)
    made = files.get_file_info(settled)
    done = Compaction(
        day=day,
        files_before=len(committed),
        files_after=len(made),
        bytes_before=sum(entry.size for entry in committed),
        bytes_after=sum(entry.size for entry in made),
        rows=rows,
        duplicates=read - rows,
    )
    log.info("compacted %s: %d files to %d", day, done.files_before, done.files_after)
    return done


def _rewrite(
    files: Any, folder: str, inputs: Sequence[str], stem: str, target_bytes: int
) -> tuple[list[str], int, int]:
    """Write the inputs' plays into hidden files, each durable; their paths, the rows written and the rows read."""
    first = _first_of_each(files, inputs)
    paths: list[str] = []
    open_file: NewFile | None = None
    try:
        for table in _row_groups(files, inputs, first):
            if open_file is None:
                paths.append(f"{folder}/{HIDDEN}{stem}-{len(paths)}")
                open_file = NewFile(files, paths[-1], table.schema)
            if open_file.write(table) >= target_bytes:
                open_file.close()
                open_file = None
        if open_file is not None:
            open_file.close()
    except BaseException:
        # On a full disk, what is half written is in the way of everybody.
        if open_file is not None:
            with suppress(OSError):
                open_file.close()
        for path in paths:
            files.delete_file(path)
        raise
    return paths, int(first.sum()), len(first)


def _first_of_each(files: Any, inputs: Sequence[str]) -> NDArray[np.bool_]:
    """Per row of all inputs, in order: whether its event id stands in no row before it. About 60 bytes a row."""
    ids = [_read(files, path, lambda file: file.read(columns=["event_id"])["event_id"]) for path in inputs]
    codes = pa.chunked_array([chunk for column in ids for chunk in column.chunks]).combine_chunks().dictionary_encode()
    places = codes.indices.to_numpy(zero_copy_only=False)
    first = np.zeros(len(places), dtype=np.bool_)
    first[np.unique(places, return_index=True)[1]] = True
    return first


def _row_groups(files: Any, inputs: Sequence[str], keep: NDArray[np.bool_]) -> Iterator[Any]:
    """The kept rows as tables of about ROW_GROUP rows; small files share one."""
    waiting: list[Any] = []
    place = 0
    for path in inputs:
        for batch in batches(files, path):
            waiting.append(pa.Table.from_batches([batch]).filter(pa.array(keep[place : place + len(batch)])))
            place += len(batch)
            if sum(len(table) for table in waiting) >= ROW_GROUP:
                yield pa.concat_tables(waiting)
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _read(files: Any, path: str, read: Callable[[Any], Any]) -> Any:
    with files.open_input_file(path) as file:
        return read(pq.ParquetFile(file))
