"""Records of tables whose cells may stand in quotes, line ends and all: a quote that is never closed costs one line."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

MOST_LINES: Final = 10
"""Lines that one quoted record may span."""


def quoted(
    lines: Iterable[str], *, most_lines: int = MOST_LINES, separator: str = ","
) -> Iterator[tuple[int, list[str] | str]]:
    """Each record's first line and its cells, or the reason why that line begins none."""
    rest, waiting = iter(lines), deque[str]()
    number, width = 1, 0
    while True:
        cells, size = _parsed(waiting, rest, width, most_lines, separator)
        if not waiting:
            return
        if isinstance(cells, list):
            width = width or len(cells)
        yield number, cells
        for _ in range(size):
            waiting.popleft()
        number += size


def _parsed(
    waiting: deque[str], rest: Iterator[str], width: int, most_lines: int, separator: str
) -> tuple[list[str] | str, int]:
    """The record at the head of `waiting` (filled from `rest`) and its number of lines, or a reason and 1."""
    reason = ""
    for size in range(1, most_lines + 1):
        waiting.extend(islice(rest, max(0, size - len(waiting))))
        try:
            cells: list[str] = next(csv.reader(islice(waiting, size), strict=True, delimiter=separator), [])
        except csv.Error as error:
            reason = reason or f"is not a record: {error}"
            continue
        # Lines that make another number of cells together were joined by a quote that is missing.
        if size == 1 or len(cells) == width:
            return cells, size
        break
    return reason, 1
