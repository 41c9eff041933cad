"""Which track of the catalogue a file is: by a table, by the file's name, by the ids in its tags.

The server is asked for one id after the other until it knows one (`sending.py`), most certain first:

1. the table's (`--tracks`) for the file's path, else for its ISRC, MusicBrainz recording, or artist and title;
2. the file's name without its ending: six digits are FMA's track, anything else that may be an id is one;
3. `musicbrainz:recording:…` and `isrc:…` of its tags, with and without that beginning;
4. the ids that readers derive from artist and title where a data set has none (`rows.derived_id`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backend.domain.errors import InvalidInput, Violation
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from importers.audio.folder import AudioFile
from importers.audio.tags import Tags
from importers.rows import ID, BadRow, checked_id, csv_table, derived_id, header_of, parsed
from importers.text import open_lines

FMA_NAME = re.compile(r"[0-9]{6}")
FMA_TRACK: Final = "fma:track:{}"
"""As FMA's tracks.csv is imported."""

DERIVED: Final = re.compile(r"[a-z_]+-track:")
"""What ids that are derived from artist and title begin with."""

_KEYS: Final[tuple[str, ...]] = ("path", "isrc", "recording")


@dataclass(frozen=True, slots=True)
class Table:
    """Which track is meant: id by ("path", text), ("isrc", text), ("recording", text) or ("song", artist and title)."""

    ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    bad_rows: tuple[BadRow, ...] = ()


def read_table(path: Path) -> Table:
    """A CSV with `track_id` and one or more of `path`, `isrc`, `recording`, or both `artist` and `title`.

    Raises InvalidInput where it lacks those columns or cannot be read; a wrong row is a bad row and costs no other.
    """
    there = header_of(path)
    keys = [name for name in _KEYS if name in there]
    song = ["artist", "title"] if {"artist", "title"} <= there else []
    if not keys and not song:
        raise InvalidInput(
            [Violation("tracks", f"{path} needs a column path, isrc or recording, or both artist and title")]
        )
    ids: dict[tuple[str, str], str] = {}
    bad: list[BadRow] = []

    def row(cells: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
        means: list[tuple[str, str]] = [(key, _normal(key, cells[key])) for key in keys if cells[key].strip()]
        if song and all(cells[name].strip() for name in song):
            means.append(("song", song_key(cells["artist"], cells["title"])))
        return checked_id("track_id", cells["track_id"].strip()), means

    with open_lines(path) as lines:
        for found in parsed(path.name, csv_table(path, lines, ("track_id", *keys, *song)), row):
            if isinstance(found, BadRow):
                bad.append(found)
            else:
                ids.update(dict.fromkeys(found[1][1], found[1][0]))
    return Table(ids, tuple(bad))


def _normal(key: str, text: str) -> str:
    text = text.strip()
    if key == "path":
        return text.replace("\\", "/").removeprefix("./")
    return text.upper().replace("-", "") if key == "isrc" else text.lower()


def song_key(artist: str, title: str) -> str:
    """Artist and title as they are compared: in one case, with one space between words."""
    return "\x1f".join(" ".join(text.casefold().split()) for text in (artist, title))


def track_ids(file: AudioFile, tags: Tags, table: Table) -> tuple[str, ...]:
    """The ids that the file's track may have, most certain first, each once."""
    named = table.ids.get(("path", file.name)) or table.ids.get(("path", str(file.path.resolve())))
    if named:
        return (named,)
    return tuple(dict.fromkeys([*_by_tags(tags, table), *_by_name(file.path.stem), *_by_ids(tags), *_derived(tags)]))


def _by_tags(tags: Tags, table: Table) -> Iterator[str]:
    wanted = [("isrc", tags.isrc), ("recording", tags.recording)]
    wanted += [("song", song_key(artist, tags.title)) for artist in _credits(tags.artists)]
    yield from (table.ids[key] for key in wanted if key in table.ids)


def _credits(artists: Iterable[str]) -> list[str]:
    together = list(artists)
    return list(dict.fromkeys([*together, ", ".join(together)])) if together else []


def _by_name(stem: str) -> Iterator[str]:
    if FMA_NAME.fullmatch(stem):
        yield FMA_TRACK.format(int(stem))
    if ID.fullmatch(stem):
        yield stem


def _by_ids(tags: Tags) -> Iterator[str]:
    for kind, one in (("musicbrainz:recording", tags.recording), ("isrc", tags.isrc)):
        if one:
            yield f"{kind}:{one}"
            yield one


def _derived(tags: Tags) -> Iterator[str]:
    if not tags.title or not tags.artists:
        return
    for source in Source:
        yield _derived_track(source, tags)
    yield derived_id("lastfm-track", tags.artists[0], tags.title)


def _derived_track(source: Source, tags: Tags) -> str:
    return derived_id(
        f"{source}-track", tags.title.casefold(), *(_derived_artist(source, name) for name in tags.artists)
    )


def _derived_artist(source: Source, name: str) -> str:
    return derived_id(f"{source}-artist", name.casefold())


def new_track(tags: Tags, *, file_seconds: float) -> tuple[Track, tuple[Artist, ...]] | None:
    """A track of what the tags say, and its artists; None where they lack title or artist.

    Its id is that of the MusicBrainz recording or the ISRC, else one derived from artists and title.
    """
    if not tags.title or not tags.artists:
        return None
    source = Source.FIRST_PARTY
    artists = tuple(Artist(artist_id=_derived_artist(source, name), name=name) for name in tags.artists)
    own = next(_by_ids(tags), _derived_track(source, tags))
    track = Track(
        track_id=own,
        title=tags.title,
        artist_ids=tuple(dict.fromkeys(artist.artist_id for artist in artists)),
        album=tags.album,
        released_on=tags.released_on,
        duration_milliseconds=min(round(file_seconds * 1000), 86_400_000),
        tags=tuple(genre[:128] for genre in tags.genres),
    )
    return track, artists
