"""Any table of who met what: listener, item[, count][, time], between tabs or commas, for `segue evaluate`."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np

from backend.domain.errors import InvalidInput, Violation
from importers.rows import BadField, BadRow, Value, csv_table, number, parsed, tab_table
from importers.text import first_line, open_lines
from training.data.dataset import PlayColumns

NAMES: Mapping[str, frozenset[str]] = {
    "listener": frozenset({"listener", "listenerid", "user", "userid", "username"}),
    "item": frozenset(
        {"item", "itemid", "track", "trackid", "artist", "artistid", "movie", "movieid", "song", "songid"}
    ),
    "count": frozenset({"count", "plays", "playcount", "weight", "rating"}),
    "time": frozenset({"time", "timestamp", "playedat", "date"}),
    "tag": frozenset({"tag", "tagid", "tagvalue"}),
    "friend": frozenset({"friend", "friendid"}),
}
"""Headers understood for each column, in lower case and without `_`, `-` and blanks."""

_MILLISECONDS_FROM = 1e11
"""Numbers from here on are milliseconds since 1970 (of 1973), below it seconds (until the year 5138)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One row. `count` is 1 and `time` (milliseconds since 1970 UTC) 0 where the table has no such column."""

    listener: str
    item: str
    count: float
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTable:
    """The rows of a file, those that were left out, and whether it has times."""

    pairs: tuple[Pair, ...]
    bad_rows: tuple[BadRow, ...]
    timed: bool


def read_pairs(path: Path) -> PairTable:
    """Read a table with a header that names listener and item (see `NAMES`), and perhaps count and time.

    Times are ISO 8601 (UTC where no zone is given) or seconds or milliseconds since 1970. Raises InvalidInput for a
    missing column, and where no row can be used.
    """
    columns = _columns(path, required=("listener", "item"), known=("count", "time"))
    pairs, bad = list[Pair](), list[BadRow]()
    for row in _rows(path, list(columns.values()), lambda cells: _pair(cells, columns)):
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            pairs.append(row[1])
    if not pairs:
        reason = f"; line {bad[0].line}: {bad[0].field} {bad[0].reason}" if bad else ""
        raise InvalidInput([Violation("path", f"{path} holds no row that can be used{reason}")])
    return PairTable(pairs=tuple(pairs), bad_rows=tuple(bad), timed="time" in columns)


def read_values(path: Path, names: Sequence[str]) -> tuple[list[tuple[str, ...]], list[BadRow]]:
    """The cells under these columns (keys of `NAMES`), as for tags and friends; empty cells make a bad row.

    Raises InvalidInput for a missing column.
    """
    columns = _columns(path, required=names, known=())
    rows, bad = list[tuple[str, ...]](), list[BadRow]()
    for row in _rows(path, list(columns.values()), lambda cells: tuple(_text(cells, columns[name]) for name in names)):
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            rows.append(row[1])
    return rows, bad


def numbered(*tables: Sequence[Pair]) -> tuple[PlayColumns, ...]:
    """Each table as columns; all share the numbering of the listeners and items that any of them holds."""
    listener_ids = sorted({pair.listener for pair in chain(*tables)})
    track_ids = sorted({pair.item for pair in chain(*tables)})
    listener_of = {name: place for place, name in enumerate(listener_ids)}
    track_of = {name: place for place, name in enumerate(track_ids)}
    return tuple(
        PlayColumns(
            listener_ids=listener_ids,
            track_ids=track_ids,
            listeners=np.array([listener_of[pair.listener] for pair in table], dtype=np.int32),
            tracks=np.array([track_of[pair.item] for pair in table], dtype=np.int32),
            counts=np.array([pair.count for pair in table], dtype=np.float32),
            played_at=np.array([pair.time for pair in table], dtype=np.int64),
        )
        for table in tables
    )


def _columns(path: Path, *, required: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """The file's own header for each column it has. Raises InvalidInput where a required one is missing."""
    header = _cells(first_line(path))
    plain = {cell.lower().translate(str.maketrans("", "", "_- ")): cell for cell in reversed(header)}
    found = {
        name: next(cell for spelling, cell in plain.items() if spelling in NAMES[name])
        for name in (*required, *known)
        if NAMES[name] & plain.keys()
    }
    missing = [name for name in required if name not in found]
    if missing:
        shown = ", ".join(header) or "nothing"
        raise InvalidInput(
            [
                Violation(name, f"{path} has no such column; found: {shown}; the first line must name one of "
                f"{', '.join(sorted(NAMES[name]))}")
                for name in missing
            ]
        )  # fmt: skip
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split("\t" if "\t" in line else ",")]


def _rows(
    path: Path, columns: Sequence[str], parse: Callable[[Mapping[str, str]], Value]
) -> Iterator[tuple[int, Value] | BadRow]:
    table = tab_table if "\t" in first_line(path) else csv_table
    with open_lines(path) as text:
        yield from parsed(path.name, table(path, text, columns), parse)


def _pair(cells: Mapping[str, str], columns: Mapping[str, str]) -> Pair:
    count = 1.0
    if "count" in columns:
        count = number(cells, columns["count"], low=0.0, high=math.inf)
        if not 0 < count < math.inf:
            raise BadField(columns["count"], f"{cells[columns['count']]} is not above 0")
    return Pair(
        listener=_text(cells, columns["listener"]),
        item=_text(cells, columns["item"]),
        count=count,
        time=_time(cells, columns["time"]) if "time" in columns else 0,
    )


def _text(cells: Mapping[str, str], column: str) -> str:
    value = cells[column].strip()
    if not value:
        raise BadField(column, "is empty")
    return value


def _time(cells: Mapping[str, str], column: str) -> int:
    text = cells[column].strip()
    try:
        return _instant(text)
    except (ValueError, OverflowError):
        raise BadField(column, f"{text!r} is no time: ISO 8601, or seconds or milliseconds since 1970") from None


def _instant(text: str) -> int:
    if text.replace(".", "", 1).isdigit():
        value = float(text)
        return int(value if value >= _MILLISECONDS_FROM else value * 1000)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
