"""What readers yield, and what they share: rows with their line, tables with checked columns, ids made of names."""

import csv
import re
import unicodedata
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from backend.domain.errors import InvalidInput, Violation
from backend.domain.plays import Play
from backend.domain.rights import Source, default_training_right
from backend.domain.tracks import Artist, Track
from importers.quoting import MOST_LINES, quoted
from importers.text import first_line, unreadable

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
"""The contract's form of ids."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The contract takes no play from before."""

NAMESPACE: Final = uuid.UUID("0d9c3a4e-6f0b-5c39-8d3a-7a2f64c5b7e1")
"""Of every id that a reader derives, so that the same file gives the same ids on every machine."""


LONGEST_TOLD: Final = 500
"""Characters of a header that a complaint shows."""

_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")

Record = tuple[int, Mapping[str, str]]
"""The line a record starts on, and its cells by column."""

Value = TypeVar("Value")


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


def csv_table(
    path: Path,
    lines: Iterable[str],
    columns: Sequence[str],
    *,
    damaged: Container[str] = (),
    most_lines: int = MOST_LINES,
    separator: str = ",",
) -> Iterator[Record | BadRow]:
    """The records of a table with a header, cells between `separator`s and perhaps in quotes.

    Each comes with the line it starts on and its cells by column.

    Columns are found whatever the case of their letters and the spaces around them. A record that is cut short, too
    long, badly quoted or not `readable` is a `BadRow` and costs no other: a quote that is never closed ends with its
    line, and one record spans at most `most_lines`. In `damaged` columns what is unreadable is left to the reader.
    Raises InvalidInput where the header lacks one of `columns`.
    """
    return _records(path, quoted(lines, most_lines=most_lines, separator=separator), columns, damaged)


def tab_table(path: Path, lines: Iterable[str], columns: Sequence[str]) -> Iterator[Record | BadRow]:
    """The same for cells between tabs, where quotes mean nothing."""
    plain = ((number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(lines, start=1))
    return _records(path, plain, columns)


def parsed(
    file: str, records: Iterable[Record | BadRow], parse: Callable[[Mapping[str, str]], Value]
) -> Iterator[tuple[int, Value] | BadRow]:
    """What `parse` makes of each record's cells, with its line; where it raises BadField the record is a `BadRow`."""
    for record in records:
        if isinstance(record, BadRow):
            yield record
            continue
        line, cells = record
        try:
            yield line, parse(cells)
        except BadField as wrong:
            yield BadRow(file, line, wrong.field, wrong.reason)


def column_name(text: str) -> str:
    """A header's cell as columns are compared: in one case and one width, without what is not seen."""
    seen = (sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return "".join(seen).strip().casefold()


def header_of(path: Path) -> set[str]:
    """The columns that a comma-separated file's first line names, as they are compared; none where it is no row."""
    try:
        return {column_name(cell) for cell in next(csv.reader([first_line(path)]), [])}
    except csv.Error:
        return set()


def _records(
    path: Path,
    rows: Iterable[tuple[int, list[str] | str]],
    columns: Sequence[str],
    damaged: Container[str] = (),
) -> Iterator[Record | BadRow]:
    rest = iter(rows)
    header = _header(path, next(rest, (0, ""))[1], columns)
    for line, cells in rest:
        if isinstance(cells, str):
            yield BadRow(path.name, line, "", cells)
        elif len(cells) == len(header):
            record = dict(zip(header, cells, strict=True))
            if all(map(str.isascii, cells)):  # nothing of it can be unreadable
                yield line, record
                continue
            asked = ((column, unreadable(record[column])) for column in columns if column not in damaged)
            column, reason = next((one for one in asked if one[1]), ("", ""))
            yield BadRow(path.name, line, column, reason) if reason else (line, record)
        elif cells not in ([], [""]):
            yield BadRow(path.name, line, "", f"has {len(cells)} cells where the header has {len(header)}")


def _header(path: Path, cells: list[str] | str, columns: Sequence[str]) -> list[str]:
    """The header's cells, those of `columns` spelt so. Raises InvalidInput where one is missing or stands twice."""
    names = {column_name(column): column for column in columns}
    found = [] if isinstance(cells, str) else [column_name(cell) for cell in cells]
    told = ", ".join(cell.strip() for cell in cells)[:LONGEST_TOLD] if found else "none"
    wrong = {0: f"{path} has no such column; found: {told}", 2: f"{path} has this column twice; found: {told}"}
    violations = [
        Violation(column, wrong[times])
        for name, column in names.items()
        if (times := min(2, found.count(name))) in wrong
    ]
    if violations:
        raise InvalidInput(violations)
    return [names.get(name, name) for name in found]


def checked_id(field: str, value: str) -> str:
    """The value where it may be an id. Raises BadField."""
    if not ID.fullmatch(value):
        raise BadField(field, f"{value!r} is no id: letters, digits and ._:@- only, 1 to 128 of them")
    return value


def is_count(text: str) -> bool:
    """Whether this is a whole number as files write it: 1 to 15 digits, which `int` takes."""
    return text.isascii() and text.isdigit() and len(text) <= 15


def checked_time(field: str, text: str, *, now: datetime) -> datetime:
    """An ISO 8601 time with its zone, in UTC, of a year that a play may be of. Raises BadField."""
    try:
        time = datetime.fromisoformat(text)
        found = time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):  # in the first and the last year a zone can lead out of the calendar
        found = None
    if found is None:
        raise BadField(field, f"{text!r} is not a time such as 2009-05-04T23:08:57Z")
    if not EARLIEST <= found <= now + timedelta(days=1):
        raise BadField(field, f"{text} is not between {EARLIEST:%Y-%m-%d} and now")
    return found


def checked_date(field: str, text: str) -> str:
    """YYYY, YYYY-MM or YYYY-MM-DD of the calendar, as precise as it is given. Raises BadField."""
    if not _DATE.fullmatch(text):
        raise BadField(field, f"{text!r} is not YYYY, YYYY-MM or YYYY-MM-DD")
    try:
        date.fromisoformat(text + "0000-01-01"[len(text) :])
    except ValueError as error:
        raise BadField(field, f"{text}: {error}") from None
    return text


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
