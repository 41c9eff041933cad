"""The "most streamed Spotify songs 2023" table: no ids, several artists in a cell, and damaged text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from importers.credits import Names, artists_of, names_in
from importers.rows import (
    BadField,
    BadRow,
    ReadOptions,
    Record,
    Row,
    checked_date,
    csv_table,
    derived_id,
    header_of,
    number,
    parsed,
)
from importers.spotify_songs import SHARES, artist_id_of
from importers.text import open_lines

NAME = "spotify-2023"
DESCRIPTION = "Most streamed Spotify songs 2023: spotify-2023.csv, or a folder with it"
FILE = "spotify-2023.csv"
COUNTS = ("streams", "in_deezer_playlists", "in_shazam_charts")
"""Numbers that Segue does not keep; where one is no number, the row's cells have slipped."""

TITLE, ARTISTS = "track_name", "artist(s)_name"
COLUMNS = (
    *(TITLE, ARTISTS, "artist_count", "released_year", "released_month", "released_day", "bpm"),
    *COUNTS,
    *(f"{share}_%" for share in SHARES),
)
LOST = "\N{REPLACEMENT CHARACTER}"
"""Stands for letters that nobody can bring back: the table was saved once without them."""

# Cells were cut at a number of bytes, also in the middle of a replacement character.
_HALF_CHARACTERS = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_LOST_LETTERS = re.compile("(?:ï¿½)+(?:ï¿?$)?|ï¿$|ý{2,}")


def fits(path: Path) -> bool:
    """Whether this is such a file, or a folder with one."""
    if path.is_dir():
        return (path / FILE).is_file()
    return path.name == FILE or {TITLE, ARTISTS, "artist_count"} <= header_of(path)


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Each artist before their first track, then the track.

    Text is `repaired`; a name of which nothing is left is a `BadRow`. Who is meant by a cell with several artists the
    whole table tells (credits.py), so it is read before anything is yielded. Ids are derived from names. Loudness and
    length are not in the table.
    """
    file = path / FILE if path.is_dir() else path
    allowed = options.training_right(Source.SPOTIFY)
    seen: set[str] = set()
    with open_lines(file) as text:
        records = list(csv_table(file, text, COLUMNS, damaged=(TITLE, ARTISTS)))
    known = names_in(_credits(records))
    for found in parsed(file.name, records, partial(_artists_and_track, known=known, allowed=allowed)):
        if isinstance(found, BadRow):
            yield found
            continue
        line, (names, track) = found
        for artist_id, name in zip(track.artist_ids, names, strict=True):
            if artist_id not in seen:
                seen.add(artist_id)
                yield Row(
                    line,
                    Artist(artist_id=artist_id, name=name, source=Source.SPOTIFY, allow_training=allowed),
                )
        if track.track_id not in seen:
            seen.add(track.track_id)
            yield Row(line, track)


def repaired(text: str) -> str:
    """Latin-1 text as it should have been: "BeyoncÃ©" becomes "Beyoncé", letters that are lost become one `LOST`.

    What was no UTF-8 to begin with stays as it is.
    """
    return LOST.join(_decoded(part) for part in _LOST_LETTERS.split(text)).strip()


def _text(cells: Mapping[str, str], column: str) -> str:
    """The cell `repaired`: its bytes as UTF-8, the unreadable ones of the file among them, are looked at one by one."""
    text = _HALF_CHARACTERS.sub(LOST, cells[column])
    damaged = text.encode("utf-8", errors="surrogateescape").decode("latin-1")
    return unicodedata.normalize("NFC", repaired(damaged))


def _decoded(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def _credits(records: Iterable[Record | BadRow]) -> Iterator[tuple[str, int]]:
    """The artists' cells and how many artists each is said to hold, as far as it says so."""
    for record in records:
        if not isinstance(record, BadRow):
            with suppress(BadField):
                yield _text(record[1], ARTISTS), _count(record[1])


def _count(cells: Mapping[str, str]) -> int:
    return int(number(cells, "artist_count", low=1, high=32))


def _artist_names(cells: Mapping[str, str], known: Names) -> list[str]:
    """The artists in their order, none twice."""
    text = _text(cells, ARTISTS)
    try:
        names = artists_of(text, _count(cells), known)
    except BadField:
        raise
    except ValueError as error:
        raise BadField(ARTISTS, f"{text!r} {error}") from None
    if not names or not all(name.strip(LOST + " ") for name in names):
        raise BadField(ARTISTS, f"no readable name is left in {text!r}")
    return list({artist_id_of(name): name for name in names}.values())


def _artists_and_track(cells: Mapping[str, str], *, known: Names, allowed: bool) -> tuple[list[str], Track]:
    """The artists' names and the track, which has their ids in the same order."""
    names = _artist_names(cells, known)
    title = _text(cells, TITLE)
    if not title.strip(LOST + " "):
        raise BadField(TITLE, f"no readable name is left in {title!r}")
    for column in COUNTS:
        if cells[column].strip():
            number(cells, column, low=0, high=1e15, thousands=True)
    year, month, day = (int(number(cells, f"released_{part}", low=1, high=9999)) for part in ("year", "month", "day"))
    released_on = checked_date("released_day", f"{year:04}-{month:02}-{day:02}")
    artist_ids = tuple(artist_id_of(name) for name in names)
    track = Track(
        track_id=derived_id("spotify-track", title.casefold(), *artist_ids),
        title=title,
        artist_ids=artist_ids,
        released_on=released_on,
        audio_features=AudioFeatures(
            estimated=(),
            tempo=number(cells, "bpm", low=0, high=1000),
            loudness=0,
            **{share: number(cells, f"{share}_%", low=0, high=100) / 100 for share in SHARES},
        ),
        source=Source.SPOTIFY,
        allow_training=allowed,
    )
    return names, track
