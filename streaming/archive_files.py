"""The play archive's folders and files, as whoever rewrites them sees them.

A day is a folder `day=YYYY-MM-DD`. Files that are finished are called "part-…"; those that Flink still writes begin
with "." or "_". A rewriter fills a file under a HIDDEN name, makes it durable and renames it; what a killed one left
hidden the next removes. One rewriter at a time per home (`compact.compacting`).
"""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from backend.buckets import files_at, reached
from backend.extras import explained

with explained("streaming"):
    import pyarrow.parquet as pq
    from pyarrow import fs

log = logging.getLogger(__name__)
HIDDEN = ".compacting-"
"""How the name of a file begins that a rewriter has in the making."""
ROW_GROUP = 128 << 10
"""Rows held in memory at a time."""
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})$")


def day_folders(url: str) -> tuple[Any, list[tuple[date, str]]]:
    """The archive's file system, and its days with their folders, oldest first. Raises Unavailable."""
    with reached(url):
        files, root = files_at(url, setting="archive_url")
        folders = files.get_file_info(fs.FileSelector(root, allow_not_found=True))
    found = ((_DAY.search(entry.path), entry.path) for entry in folders)
    return files, sorted((date.fromisoformat(match[1]), path) for match, path in found if match)


def finished(files: Any, folder: str) -> list[Any]:
    """The folder's files that readers see."""
    entries = files.get_file_info(fs.FileSelector(folder))
    return [entry for entry in entries if entry.is_file and entry.base_name.startswith("part-")]


def remove_remains(files: Any, folder: str) -> None:
    """Delete what a killed rewriter left hidden."""
    for entry in files.get_file_info(fs.FileSelector(folder)):
        if entry.base_name.startswith(HIDDEN):
            log.info("removing %s, which a killed compaction or erasure left", entry.path)
            files.delete_file(entry.path)


def batches(files: Any, path: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """A file's rows, at most ROW_GROUP at a time; only these columns of them, where some are named."""
    with files.open_input_file(path) as file:
        yield from pq.ParquetFile(file).iter_batches(batch_size=ROW_GROUP, columns=columns)


def flush(files: Any, path: str) -> None:
    """Make a local file, or the names in a local folder, durable; an object store's are once they are closed."""
    if files.type_name != "local":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class NewFile:
    """A Parquet file in the making."""

    def __init__(self, files: Any, path: str, schema: Any) -> None:
        self._files, self._path = files, path
        self._sink = files.open_output_stream(path)
        self._writer = pq.ParquetWriter(self._sink, schema, compression="snappy")

    def write(self, table: Any) -> int:
        """Add one row group; the bytes of the file so far."""
        self._writer.write_table(table, row_group_size=len(table) or None)
        return int(self._sink.tell())

    def close(self) -> None:
        """Write the footer and make the file durable."""
        self._writer.close()
        self._sink.close()
        flush(self._files, self._path)
