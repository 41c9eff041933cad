"""What is FMA's own: genres are numbers that another file names, and loudness stands among librosa's statistics."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from importers.catalogue import tables
from importers.catalogue.cells import Repair, is_null, listed, ranged
from importers.catalogue.entry import Entry
from importers.catalogue.features import FeatureTable
from importers.catalogue.known import FMA_TRACKS
from importers.rows import BadField, BadRow, Record

GENRES, TOP, TAGS = FMA_TRACKS.tags
RMS = "rmse.mean.01"


def genres_of(path: Path, names: dict[str, str]) -> Iterator[Entry]:
    """Read genres.csv into `names`: the genre's name by its number."""
    for record in tables.records(path, ("genre_id", "title")):
        if isinstance(record, BadRow):
            yield Entry(line=record.line, refused=Repair(record.field, record.reason))
            continue
        line, cells = record
        number, name = cells["genre_id"].strip(), cells["title"].strip()
        if number.isdigit() and name:
            names[number] = name
            yield Entry(line=line)
        else:
            yield Entry(line=line, refused=Repair("genre_id", f"{number!r} with title {name!r} names no genre"))


def loudness_of(path: Path, table: FeatureTable) -> Iterator[Entry]:
    """Read of features.csv what the catalogue has a place for: the mean root mean square, which tells loudness."""
    for record in tables.records(path, ("track_id", RMS)):
        if isinstance(record, BadRow):
            yield Entry(line=record.line, refused=Repair(record.field, record.reason))
            continue
        line, cells = record
        try:
            table.put_rms(FMA_TRACKS.id_prefix + cells["track_id"].strip(), ranged(RMS, cells[RMS], 0, 1e6))
            yield Entry(line=line)
        except BadField as wrong:
            yield Entry(line=line, refused=Repair(wrong.field, wrong.reason))


def naming_genres(names: dict[str, str]) -> Callable[[Record], Record]:
    """What gives the records of tracks.csv their genres' names: the top genre, the others, then the tags.

    A number that `names` does not have is left out. A list that cannot be read is left to who reads the tags.
    """

    def named(record: Record) -> Record:
        line, cells = record
        top = cells.get(TOP, "").strip()
        try:
            numbers = listed(cells.get(GENRES, "") or "[]")
        except ValueError:
            return record
        found = [] if is_null(top) else [top]
        found += [names[number] for number in numbers if number in names]
        return line, {**cells, GENRES: json.dumps(list(dict.fromkeys(found)), ensure_ascii=False), TOP: ""}

    return named
