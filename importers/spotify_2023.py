"""The "most streamed Spotify songs 2023" table: no ids, several artists in a cell, and damaged text."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from importers.rows import BadField, BadRow, ReadOptions, Row, csv_table, derived_id, first_line, number, open_text
from importers.spotify_songs import SHARES, artist_id_of

NAME = "spotify-2023"
DESCRIPTION = "Most streamed Spotify songs 2023: spotify-2023.csv, or a folder with it"
FILE = "spotify-2023.csv"
COUNTS = ("streams", "in_deezer_playlists", "in_shazam_charts")
"""Numbers that Segue does not keep; where one is no number, the row's cells have slipped."""

COLUMNS = (
    *("track_name", "artist(s)_name", "artist_count", "released_year", "released_month", "released_day", "bpm"),
    *COUNTS,
    *(f"{share}_%" for share in SHARES),
)
LOST = "\N{REPLACEMENT CHARACTER}"
"""Stands for letters that nobody can bring back: the table was saved once without them."""

# Cells were cut at a number of bytes, also in the middle of a replacement character.
_LOST_LETTERS = re.compile("(?:ï¿½)+(?:ï¿?$)?|ï¿$|ý{2,}")


def fits(path: Path) -> bool:
    """Whether this is such a file, or a folder with one."""
    if path.is_dir():
        return (path / FILE).is_file()
    return path.name == FILE or first_line(path).startswith("track_name,artist(s)_name,artist_count")


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Each artist before their first track, then the track.

    Text is `repaired`; a name of which nothing is left is a `BadRow`. Ids are derived from names. Loudness and length
    are not in the table.
    """
    file = path / FILE if path.is_dir() else path
    allowed = options.training_right(Source.SPOTIFY)
    seen: set[str] = set()
    with open_text(file, "latin-1") as text:
        for record in csv_table(file, text, COLUMNS):
            if isinstance(record, BadRow):
                yield record
                continue
            line, cells = record
            try:
                names = _artist_names(cells)
                track = _track(cells, names, allowed=allowed)
            except BadField as wrong:
                yield BadRow(file.name, line, wrong.field, wrong.reason)
                continue
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


def _decoded(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def _artist_names(cells: Mapping[str, str]) -> list[str]:
    """The artists in their order, none twice."""
    column = "artist(s)_name"
    text = repaired(cells[column])
    count = int(number(cells, "artist_count", low=1, high=32))
    # "Tyler, The Creator" is one artist: a cell for one artist is not taken apart.
    names = [text] if count == 1 else [name.strip() for name in text.split(", ")]
    if not all(name.strip(LOST + " ") for name in names):
        raise BadField(column, f"no readable name is left in {text!r}")
    return list({artist_id_of(name): name for name in names}.values())


def _track(cells: Mapping[str, str], names: list[str], *, allowed: bool) -> Track:
    title = repaired(cells["track_name"])
    if not title.strip(LOST + " "):
        raise BadField("track_name", f"no readable name is left in {title!r}")
    for column in COUNTS:
        if cells[column].strip():
            number(cells, column, low=0, high=1e15, thousands=True)
    year, month, day = (int(number(cells, f"released_{part}", low=1, high=9999)) for part in ("year", "month", "day"))
    try:
        released_on = date(year, month, day).isoformat()
    except ValueError as error:
        raise BadField("released_day", f"{year}-{month}-{day}: {error}") from None
    artist_ids = tuple(artist_id_of(name) for name in names)
    return Track(
        track_id=derived_id("spotify-track", title.casefold(), *artist_ids),
        title=title,
        artist_ids=artist_ids,
        released_on=released_on,
        audio_features=AudioFeatures(
            tempo=number(cells, "bpm", low=0, high=1000),
            loudness=0,
            **{share: number(cells, f"{share}_%", low=0, high=100) / 100 for share in SHARES},
        ),
        source=Source.SPOTIFY,
        allow_training=allowed,
    )
