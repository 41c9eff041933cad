"""A file's records, one at a time, whatever it is written in: CSV, TSV, JSON lines (each packed, too) or Parquet.

Cells come as text, null as ""; lists of JSON and Parquet as JSON writes them (`cells.listed` reads them).
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import orjson

from backend.domain.errors import InvalidInput, Violation
from backend.extras import explained
from importers.rows import BadRow, Record, column_name, csv_table, tab_table
from importers.text import first_line, open_lines, unreadable

PARQUET_BATCH: Final = 4_096
"""Rows of a Parquet file that are in memory at once."""

_HEADER_ROWS: Final = 4
"""The most rows of a stacked header."""

_STACKED_LINES: Final = 200
"""Lines that a record may span where biographies stand in cells, as in FMA's."""


class Form(StrEnum):
    """What a file is written in."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SUFFIXES: Final = {
    ".csv": Form.CSV,
    ".tsv": Form.TSV,
    ".tab": Form.TSV,
    ".jsonl": Form.JSONL,
    ".ndjson": Form.JSONL,
    ".parquet": Form.PARQUET,
    ".pq": Form.PARQUET,
}


def form_of(path: Path) -> Form | None:
    """What the file is written in, by the end of its name (`.gz` aside); None where that tells nothing."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    return _SUFFIXES.get(next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), ""))


def columns_of(path: Path) -> list[str]:
    """The file's columns as it spells them; of JSON lines those of its first hundred records.

    Raises InvalidInput for a file that cannot be read.
    """
    match form_of(path):
        case Form.PARQUET:
            return [str(name) for name in _parquet(path).schema_arrow.names]
        case Form.JSONL:
            with open_lines(path) as lines:
                found = [_object(line) for line in islice(lines, 100)]
            return list(dict.fromkeys(chain.from_iterable(one for one in found if not isinstance(one, str))))
        case Form.TSV:
            return first_line(path).split("\t")
        case _:
            with open_lines(path) as lines:
                rows, _ = _header(lines)
            return rows


def rows_in(path: Path) -> int:
    """How many records there are, as far as counting line ends tells: for a progress bar."""
    if form_of(path) is Form.PARQUET:
        return int(_parquet(path).metadata.num_rows)
    found = 0 if form_of(path) is Form.JSONL else -1
    with suppress(InvalidInput), open_lines(path) as lines:  # who reads them says what is wrong
        for _ in lines:
            found += 1
    return max(0, found)


def records(path: Path, columns: Sequence[str]) -> Iterator[Record | BadRow]:
    """Every record with its line (of Parquet its row, from 1) and at least these of its cells, or why it is none.

    `columns` are among `columns_of`. Raises InvalidInput for a file that cannot be read.
    """
    match form_of(path):
        case Form.PARQUET:
            yield from _parquet_records(path, columns)
        case Form.JSONL:
            yield from _json_records(path, columns)
        case Form.TSV:
            with open_lines(path) as lines:
                yield from tab_table(path, lines, columns)
        case _:
            yield from _csv_records(path, columns)


def _csv_records(path: Path, columns: Sequence[str]) -> Iterator[Record | BadRow]:
    with open_lines(path) as lines:
        head = list(islice(lines, _HEADER_ROWS))
        names, size = _header(iter(head))
        if size <= 1:
            yield from csv_table(path, chain(head, lines), columns, separator=_separator(head[0] if head else ""))
            return
        text = io.StringIO()
        csv.writer(text).writerow(names)
        for found in csv_table(path, chain([text.getvalue()], head[size:], lines), columns, most_lines=_STACKED_LINES):
            if isinstance(found, BadRow):
                yield BadRow(found.file, found.line + size - 1, found.field, found.reason)
            else:
                yield found[0] + size - 1, found[1]


def _header(lines: Iterator[str]) -> tuple[list[str], int]:
    """The columns and the number of rows they are named in.

    A stacked header, as pandas writes one, ends with the row whose first cell is the index's name, `track_id`; its
    columns are named by all that stands above one another: `album.title`, `rmse.mean.01`.
    """
    rows: list[list[str]] = []
    for line in islice(lines, _HEADER_ROWS):
        try:
            rows.append(next(csv.reader([line], delimiter=_separator(line)), []))
        except csv.Error:
            break
    if not rows:
        return [], 0
    end = next((nth for nth, row in enumerate(rows) if row and column_name(row[0]) == "track_id"), 0)
    if end == 0 or len({len(row) for row in rows[: end + 1]}) > 1:
        return rows[0], 1
    stacked = zip(*rows[: end + 1], strict=True)
    names = [".".join(part for cell in column if (part := cell.strip())) for column in stacked]
    return ["track_id", *names[1:]], end + 1


def _separator(header: str) -> str:
    """What stands between the cells of a CSV file: commas, or what else its header holds where it holds none."""
    return next((sign for sign in (",", ";", "\t", "|") if sign in header), ",")


def _json_records(path: Path, columns: Sequence[str]) -> Iterator[Record | BadRow]:
    spelt = {column_name(column): column for column in columns}
    with open_lines(path) as lines:
        for line, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            found = _object(text)
            if isinstance(found, str):
                yield BadRow(path.name, line, "", found)
                continue
            cells = dict.fromkeys(columns, "")
            for name, value in found.items():
                if (column := spelt.get(column_name(name))) is not None:
                    cells[column] = _text(value)
            yield _checked(path, line, cells)


def _object(line: str) -> Mapping[str, Any] | str:
    """The JSON object of a line, or why it is none."""
    try:
        found = orjson.loads(line)
    except ValueError as error:
        return f"is no JSON: {error}"
    return found if isinstance(found, dict) else "is no JSON object"


def _parquet_records(path: Path, columns: Sequence[str]) -> Iterator[Record | BadRow]:
    line = 0
    for batch in _parquet(path).iter_batches(batch_size=PARQUET_BATCH, columns=list(columns)):
        for row in batch.to_pylist():
            line += 1
            yield _checked(path, line, {name: _text(value) for name, value in row.items()})


def _parquet(path: Path) -> Any:
    with explained():
        from pyarrow import ArrowInvalid  # noqa: PLC0415 - an extra, and a second of import
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    try:
        return ParquetFile(path)
    except (ArrowInvalid, OSError) as error:
        raise InvalidInput([Violation("path", f"{path} is no Parquet file: {error}")]) from error


def _checked(path: Path, line: int, cells: dict[str, str]) -> Record | BadRow:
    found = next(((name, why) for name, text in cells.items() if (why := unreadable(text))), None)
    return (line, cells) if found is None else BadRow(path.name, line, *found)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value if value.isascii() else unicodedata.normalize("NFC", value)
        case bool():
            return "true" if value else "false"
        case date():  # or a datetime
            return value.isoformat()
        case list() | dict() | tuple():
            return _text(orjson.dumps(value, default=str).decode())
        case _:
            return str(value)
