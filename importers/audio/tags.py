"""What a file says of itself in its tags (ID3, Vorbis comments): mutagen's "easy" names."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backend.extras import explained
from backend.visible import OBEYED
from importers.rows import BadField, checked_date

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_GENRES: Final = 16
LONGEST: Final = 512
"""Characters of a text that are kept: the contract's most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Each "" or empty where the file does not say; `isrc` in capitals, no hyphens; `recording` is MusicBrainz's id."""

    title: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    released_on: str = ""
    genres: tuple[str, ...] = ()
    isrc: str = ""
    recording: str = ""


def read_tags(path: Path) -> Tags:
    """The file's tags; none where it has none or they cannot be read: sound that can be heard needs none."""
    with explained("audio"):
        import mutagen  # noqa: PLC0415 - the extra is asked for only where a file is read

    try:
        found = mutagen.File(path, easy=True)
    except (mutagen.MutagenError, OSError):
        return Tags()
    return Tags() if found is None or found.tags is None else _tags(found.tags)


def _tags(found: Any) -> Tags:
    return Tags(
        title=next(iter(_texts(found, "title")), ""),
        artists=tuple(dict.fromkeys(_texts(found, "artist"))),
        album=next(iter(_texts(found, "album")), ""),
        released_on=_date(next(iter(_texts(found, "date")), "")),
        genres=tuple(dict.fromkeys(_texts(found, "genre")))[:MOST_GENRES],
        isrc=_matching(_ISRC, (one.upper().replace("-", "") for one in _texts(found, "isrc"))),
        # MusicBrainz calls a recording "track" in the tags of files.
        recording=_matching(_MBID, (one.lower() for one in _texts(found, "musicbrainz_trackid"))),
    )


def _texts(found: Any, name: str) -> list[str]:
    """The values of a tag that hold something, in one line, at most LONGEST characters of each.

    What a terminal obeys is left out, as the catalogue's import does: the contract refuses it.
    """
    try:
        values = found.get(name) or []
    except (KeyError, ValueError):  # a name that this kind of tags does not have
        return []
    plain = (OBEYED.sub("", " ".join(str(value).split())) for value in values)
    return [text for each in plain if (text := each[:LONGEST].strip())]


def _matching(pattern: re.Pattern[str], values: Any) -> str:
    return next((value for value in values if pattern.fullmatch(value)), "")


def _date(text: str) -> str:
    """A date as precise as it is given, "" where it is none."""
    try:
        return checked_date("date", text[:10])
    except BadField:
        return ""
