"""What readers yield, and what they share: rows with their line, tables with checked columns, ids made of names."""

import csv
import gzip
import re
import uuid
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from backend.domain.errors import InvalidInput, Violation
from backend.domain.plays import Play
from backend.domain.rights import Source, default_training_right
from backend.domain.tracks import Artist, Track

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
"""The contract's form of ids."""

NAMESPACE: Final = uuid.UUID("0d9c3a4e-6f0b-5c39-8d3a-7a2f64c5b7e1")
"""Of every id that a reader derives, so that the same file gives the same ids on every machine."""


MOST_LINES: Final = 10
"""Lines that one quoted record may span."""

Record = tuple[int, Mapping[str, str]]
"""The line a record starts on, and its cells by column."""


@dataclass(frozen=True, slots=True)
class Row:
    """A value and the line of the file (from 1) it was read from."""

    line: int
    value: Artist | Track | Play


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that was left out: where it stands, which field is wrong, and how."""

    file: str
    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """`now` (aware) ends histories that carry no time; `allow_training` None leaves each source its default."""

    now: datetime
    allow_training: bool | None = None

    def training_right(self, source: Source) -> bool:
        """Whether models may learn from rows of this source."""
        return default_training_right(source) if self.allow_training is None else self.allow_training


class BadField(ValueError):
    """One field of a record is wrong; readers turn it into a `BadRow`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def derived_id(kind: str, *parts: str) -> str:
    """A stable id for what has none of its own: `kind`, and a UUID made of the parts."""
    return f"{kind}:{uuid.uuid5(NAMESPACE, chr(31).join((kind, *parts)))}"


def event_id(*parts: str) -> str:
    """A stable event id (UUID) made of what tells one play from all others."""
    return str(uuid.uuid5(NAMESPACE, chr(31).join(("play", *parts))))


@contextmanager
def open_text(path: Path, encoding: str = "utf-8-sig") -> Iterator[TextIO]:
    """The file's text, unpacked where its name ends in .gz; bytes that are not `encoding` become U+FFFD.

    Lines end with a line feed only. Raises InvalidInput for a file that cannot be read and a packed one that is broken.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding=encoding, errors="replace", newline="\n") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput([Violation("path", f"{path} is no whole gzip file: {error}")]) from error
    except OSError as error:
        raise InvalidInput([Violation("path", f"{path} cannot be read: {error.strerror}")]) from error


def first_line(path: Path) -> str:
    """The file's first line, at most 4,000 characters of it."""
    with open_text(path, "latin-1") as file:
        return file.readline(4_000).rstrip("\r\n")


def csv_table(path: Path, lines: Iterable[str], columns: Sequence[str]) -> Iterator[Record | BadRow]:
    """The records of a comma-separated table with a header: each with the line it starts on and its cells by column.

    A record that is cut short, too long or badly quoted is a `BadRow` and costs no other: a quote that is never closed
    ends with its line. Raises InvalidInput where the header lacks one of `columns`.
    """
    return _records(path, _quoted(lines), columns)


def tab_table(path: Path, lines: Iterable[str], columns: Sequence[str]) -> Iterator[Record | BadRow]:
    """The same for cells between tabs, where quotes mean nothing."""
    plain = ((number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(lines, start=1))
    return _records(path, plain, columns)


def _records(
    path: Path, rows: Iterable[tuple[int, list[str] | str]], columns: Sequence[str]
) -> Iterator[Record | BadRow]:
    rest = iter(rows)
    header = next(rest, (0, ""))[1]
    missing = [column for column in columns if column not in header]
    if missing or isinstance(header, str):
        found = "none" if isinstance(header, str) else ", ".join(header)
        raise InvalidInput([Violation(column, f"{path} has no such column; found: {found}") for column in missing])
    for line, cells in rest:
        if isinstance(cells, str):
            yield BadRow(path.name, line, "", cells)
        elif len(cells) == len(header):
            yield line, dict(zip(header, cells, strict=True))
        elif cells not in ([], [""]):
            yield BadRow(path.name, line, "", f"has {len(cells)} cells where the header has {len(header)}")


def _quoted(lines: Iterable[str]) -> Iterator[tuple[int, list[str] | str]]:
    """Each record's first line and its cells, or the reason why that line begins none."""
    rest, waiting = iter(lines), deque[str]()
    number, width = 1, 0
    while True:
        cells, size = _parsed(waiting, rest, width)
        if not waiting:
            return
        if isinstance(cells, list):
            width = width or len(cells)
        yield number, cells
        for _ in range(size):
            waiting.popleft()
        number += size


def _parsed(waiting: deque[str], rest: Iterator[str], width: int) -> tuple[list[str] | str, int]:
    """The record at the head of `waiting` (filled from `rest`) and its number of lines, or a reason and 1."""
    reason = ""
    for size in range(1, MOST_LINES + 1):
        waiting.extend(islice(rest, max(0, size - len(waiting))))
        try:
            cells: list[str] = next(csv.reader(islice(waiting, size), strict=True), [])
        except csv.Error as error:
            reason = reason or f"is not a record: {error}"
            continue
        # Lines that make another number of cells together were joined by a quote that is missing.
        if size == 1 or len(cells) == width:
            return cells, size
        break
    return reason, 1


def checked_id(field: str, value: str) -> str:
    """The value where it may be an id. Raises BadField."""
    if not ID.fullmatch(value):
        raise BadField(field, f"{value!r} is no id: letters, digits and ._:@- only, 1 to 128 of them")
    return value


def number(cells: Mapping[str, str], field: str, *, low: float, high: float, thousands: bool = False) -> float:
    """The field as a number in low..high, "2,445" too with `thousands`. Raises BadField."""
    text = cells[field].strip()
    try:
        value = float(text.replace(",", "") if thousands else text)
    except ValueError:
        raise BadField(field, f"{text!r} is not a number") from None
    if not low <= value <= high:  # NaN is in no range
        raise BadField(field, f"{text} is not in {low:g}..{high:g}")
    return value
