"""What was heard as FMA's features.csv has it: a header of four rows, then a row a track."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from backend.files import write_whole
from importers.audio.listening import MOMENTS
from importers.audio.sound import Sound, Statistics


def write_statistics(path: Path, sounds: Iterable[tuple[str, Sound]]) -> None:
    """A row for each track id, in this order; the file appears whole, and holds its header where there is no row.

    Columns are feature, statistic, number, as in FMA's file; `track_id` is Segue's. Raises OSError.
    """

    def fill(binary: BinaryIO) -> None:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
        table = csv.writer(text, lineterminator="\n")
        columns: list[tuple[str, str, str]] | None = None
        for track_id, sound in sounds:
            if columns is None:
                columns = _columns(sound.statistics)
                _write_header(table, columns)
            table.writerow([track_id, *_cells(sound.statistics)])
        if columns is None:
            _write_header(table, [])
        text.detach()

    write_whole(path, fill, mode=0o644)


def _columns(statistics: Statistics) -> list[tuple[str, str, str]]:
    return [
        (feature, moment, f"{number + 1:02}")
        for feature, rows in sorted(statistics.items())
        for moment, row in zip(MOMENTS, rows, strict=True)
        for number in range(len(row))
    ]


def _cells(statistics: Statistics) -> list[float]:
    return [one for _, rows in sorted(statistics.items()) for row in rows for one in row]


def _write_header(table: "csv.Writer", columns: list[tuple[str, str, str]]) -> None:  # type: ignore[name-defined]
    for place, name in enumerate(("feature", "statistics", "number")):
        table.writerow([name, *(column[place] for column in columns)])
    table.writerow(["track_id", *("" for _ in columns)])
