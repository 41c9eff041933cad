"""The play archive's Parquet files, asked for one listener's rows."""

from collections.abc import Iterator
from dataclasses import fields

from backend.buckets import files_at, reached
from backend.domain.errors import NotFound, Unavailable
from backend.extras import explained
from backend.ports.archive import ArchivedPlay

COLUMNS = [field.name for field in fields(ArchivedPlay)]
BATCH = 16_384
"""Rows held at a time, before those of others are left out."""


class ParquetPlayArchive:
    """`PlayArchive` at file:///folder or s3://bucket/folder. Files that are in the making ("." or "_") are not seen."""

    def __init__(self, url: str) -> None:
        self._url = url

    def of(self, listener_id: str) -> Iterator[ArchivedPlay]:
        """See `PlayArchive.of`."""
        with explained("streaming"):
            import pyarrow.dataset as pads  # noqa: PLC0415 - the server starts without it
            from pyarrow import fs  # noqa: PLC0415 - as above

        with reached(self._url):
            filesystem, folder = files_at(self._url, setting="archive_url")
            if filesystem.get_file_info(folder).type != fs.FileType.Directory:
                raise NotFound("no play archive is to be seen from here")
            dataset = pads.dataset(folder, filesystem=filesystem, format="parquet", partitioning="hive")
            if not dataset.files:
                return
            scanner = dataset.scanner(
                columns=COLUMNS,
                filter=pads.field("listener_id") == listener_id,
                batch_size=BATCH,
                batch_readahead=1,
                fragment_readahead=1,
            )
            try:
                for batch in scanner.to_batches():
                    for row in batch.to_pylist():
                        yield ArchivedPlay(**row)
            except FileNotFoundError as error:
                raise Unavailable("the archive's files are written anew at the moment: try again") from error
