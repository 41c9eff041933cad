"""Reads the play archive: the folder of Parquet files that the streaming job `play_archive` writes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.fs as pafs
from numpy.typing import NDArray

from backend.buckets import files_at, reached
from backend.domain.errors import InvalidInput, NotFound, Violation
from backend.domain.plays import is_silent, is_skip
from training.data.dataset import PlayColumns

COLUMNS = (
    "event_id",
    "listener_id",
    "track_id",
    "played_at",
    "milliseconds_played",
    "track_milliseconds",
    "allow_training",
)


READ_AGAIN = 3
"""Times that a file may vanish between listing and reading: compaction replaces small files by larger ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """One file as it was read; `name` is its path below the archive, `size` its bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Exactly the files that a training read, by name."""

    files: Sequence[ArchiveFile]

    @cached_property
    def size(self) -> int:
        """Bytes of all."""
        return sum(file.size for file in self.files)

    @cached_property
    def sha256(self) -> str:
        """One digest for the whole: of every file's name, size and digest."""
        return hashlib.sha256(self.to_file()).hexdigest()

    def to_file(self) -> bytes:
        """As the version folder keeps it."""
        return json.dumps([asdict(file) for file in self.files], indent=0).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedPlays:
    """What training may learn from, how many rows were left out, by reason, and the files that all of it came from.

    Reasons, in the order they are applied: `allow_training` (the row carries no training right), `duplicate` (an event
    id seen before), `skip` and `silent` (see `backend.domain.plays`: only positive plays are left).
    """

    plays: PlayColumns
    excluded: Mapping[str, int]
    snapshot: Snapshot


def read_archive(url: str) -> ArchivedPlays:
    """Every finished file under `url` (file:///folder or s3://…), whatever order they were written in.

    Files and folders whose name begins with "." or "_" are in progress and are not looked at. Raises NotFound where
    there is no finished file, InvalidInput where a column is missing, Unavailable where an object store does not
    answer.
    """
    with reached(url):
        table, snapshot = _whole(url)
    total = table.num_rows
    table = table.filter(pc.fill_null(table["allow_training"], False))
    allowed = table.num_rows
    table = table.take(_first_of_each(table["event_id"]))
    unique = table.num_rows
    heard, length = (_milliseconds(table[name]) for name in ("milliseconds_played", "track_milliseconds"))
    skip, silent = is_skip(heard, length), is_silent(heard, length)
    table = table.filter(pa.array(~(skip | silent)))
    excluded = {
        "allow_training": total - allowed,
        "duplicate": allowed - unique,
        "skip": int(skip.sum()),
        "silent": int(silent.sum()),
    }
    return ArchivedPlays(plays=_columns(table), excluded=excluded, snapshot=snapshot)


def count_rows(url: str) -> int:
    """Rows of every finished file under `url`, from the files' footers. Raises as `read_archive`."""
    with reached(url):
        return int(_dataset(url).count_rows())


def _dataset(url: str) -> Any:
    filesystem, path = files_at(url, setting="archive_url")
    if filesystem.get_file_info(path).type != pafs.FileType.Directory:
        raise _nothing_at(url)
    dataset = pads.dataset(path, filesystem=filesystem, format="parquet", partitioning="hive")
    if not dataset.files:
        raise _nothing_at(url)
    return dataset


def _whole(url: str) -> tuple[Any, Snapshot]:
    """Rows and hashes of the same files, listed once."""
    for again in reversed(range(READ_AGAIN)):
        dataset = _dataset(url)
        try:
            return _table(dataset, url), _snapshot(dataset, url)
        except FileNotFoundError:
            if not again:
                raise
    raise AssertionError("the loop returns or raises")


def _snapshot(dataset: Any, url: str) -> Snapshot:
    root = files_at(url, setting="archive_url")[1]
    files = []
    for path in sorted(dataset.files):
        digest, size = hashlib.sha256(), 0
        with dataset.filesystem.open_input_stream(path) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
        files.append(ArchiveFile(name=path.removeprefix(f"{root}/"), size=size, sha256=digest.hexdigest()))
    return Snapshot(files=files)


def _table(dataset: Any, url: str) -> Any:
    missing = [name for name in COLUMNS if name not in dataset.schema.names]
    if missing:
        found = ", ".join(dataset.schema.names)
        raise InvalidInput(
            [Violation(name, f"column '{name}' is missing from the archive {url}; it has {found}") for name in missing]
        )
    return dataset.to_table(columns=list(COLUMNS))


def _nothing_at(url: str) -> NotFound:
    return NotFound(
        f"no finished play archive at {url}: send plays with `segue ingest`, "
        "then wait for one Flink checkpoint (10 s by default)"
    )


def _first_of_each(event_ids: Any) -> NDArray[np.int64]:
    codes = _codes(event_ids)[0]
    return np.sort(np.unique(codes, return_index=True)[1])


def _milliseconds(column: Any) -> NDArray[np.int64]:
    """A column's numbers; what is missing is unknown, which is 0."""
    return np.asarray(pc.fill_null(column, 0).to_numpy(), dtype=np.int64)


def _columns(table: Any) -> PlayColumns:
    listeners, listener_ids = _numbers(table["listener_id"])
    tracks, track_ids = _numbers(table["track_id"])
    moments = pc.cast(table["played_at"], pa.timestamp("ms", tz="UTC"), safe=False)
    return PlayColumns(
        listener_ids=listener_ids,
        track_ids=track_ids,
        listeners=listeners,
        tracks=tracks,
        counts=np.ones(table.num_rows, dtype=np.float32),
        played_at=pc.cast(moments, pa.int64()).to_numpy(),
    )


def _codes(column: Any) -> tuple[NDArray[np.int64], Sequence[str]]:
    """A code per row in order of first appearance, and the values that the codes stand for."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def _numbers(column: Any) -> tuple[NDArray[np.int32], Sequence[str]]:
    """A number per row, and the sorted ids that the numbers point to."""
    codes, values = _codes(column)
    order = sorted(range(len(values)), key=values.__getitem__)
    number_of_code = np.empty(len(values), dtype=np.int32)
    number_of_code[order] = np.arange(len(values), dtype=np.int32)
    return number_of_code[codes], [values[code] for code in order]
