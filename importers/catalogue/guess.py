"""A mapping for a file that nobody has described: by its columns' names, and what stands in its first records."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from backend.domain.errors import InvalidInput, Violation
from backend.domain.rights import Source
from backend.domain.tracks import AUDIO_FEATURES
from importers.catalogue import tables
from importers.catalogue.cells import LIST, ONE, is_null
from importers.catalogue.known import layout_of
from importers.catalogue.mapping import SHARES, FileMapping, Kind
from importers.rows import LONGEST_TOLD, BadRow, column_name

LOOKED_AT: Final = 200
"""Records that are looked at."""

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "id": ("trackid", "songid", "id", "uri", "trackuri", "isrc", "recordingid", "mbid"),
    "title": ("trackname", "songname", "songtitle", "tracktitle", "title", "name", "track", "song"),
    "artists": ("artists", "artistnames", "artistname", "trackartist", "artist", "performers", "performer", "band"),
    "artist_ids": ("artistids", "idartists", "artistsids", "artistid"),
    "album": ("albumname", "albumtitle", "album", "record", "release"),
    "released_on": ("releasedate", "albumreleasedate", "released", "releasedon", "date", "releaseyear", "year"),
    "duration": ("durationms", "lengthms", "duration", "length", "seconds", "durationsec", "durations", "runtime"),
    "tags": ("tags", "genres", "trackgenre", "genre", "subgenre", "style", "mood"),
} | {name: (name, f"{name}%") for name in AUDIO_FEATURES}  # fmt: skip
_MORE: Final = {"tempo": ("bpm",)}
_SPOTIFY_ID: Final = re.compile(r"[0-9A-Za-z]{22}")
_BETWEEN: Final = ("|", ";", " / ")
_SHORT: Final = 3_600
"""No song of so many minutes, but of so many seconds: an hour."""


def guess(path: Path) -> FileMapping:
    """The mapping of a known layout, or the likeliest one. Raises InvalidInput where no column names a title."""
    columns = tables.columns_of(path)
    known = layout_of({column_name(column) for column in columns})
    if known is not None and known.mapping is not None:
        return known.mapping
    found = _by_name(columns)
    if "title" not in found or "artists" not in found:
        raise InvalidInput(
            [
                Violation(
                    "path",
                    f"no column of {path} is called as one of titles and one of artists are; found: "
                    f"{', '.join(columns)[:LONGEST_TOLD] or 'none'}; "
                    "write the mapping by hand, see docs/catalogue-import.md",
                )
            ]
        )
    cells = _Cells(path, list(found.values()))
    features = {name: found[name] for name in AUDIO_FEATURES if name in found}
    is_spotify = "id" in found and cells.share(found["id"], lambda text: bool(_SPOTIFY_ID.fullmatch(text))) > 0.9
    several = [name for name in ("artists", "artist_ids", "tags") if name in found]
    return FileMapping(
        name=path.name,
        kind=Kind.TRACKS,
        source=Source.SPOTIFY if is_spotify else Source.FIRST_PARTY,
        id=found.get("id", ""),
        title=found["title"],
        artists=(found["artists"],),
        artist_ids=(found["artist_ids"],) if "artist_ids" in found else (),
        album=found.get("album", ""),
        released_on=found.get("released_on", ""),
        duration=found.get("duration", ""),
        tags=(found["tags"],) if "tags" in found else (),
        features=features,
        written={name: cells.how(found[name]) for name in several},
        id_prefix="spotify:track:" if is_spotify else "",
        artist_id_prefix="spotify:artist:" if is_spotify else "",
        most=100.0 if max((cells.most(features[name]) for name in SHARES if name in features), default=0) > 2 else 1.0,
        unit=_unit(found.get("duration", ""), cells),
        merged="id" in found and cells.repeats(found["id"]),
    )


def _by_name(columns: Sequence[str]) -> dict[str, str]:
    """The column of each field: of several that would do the one whose name says it best."""
    plain = {re.sub(r"[^a-z0-9%]", "", column_name(column)): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        column = next((plain[name] for name in (*names, *_MORE.get(field, ())) if name in plain), None)
        if column is not None and column not in found.values():
            found[field] = column
    return found


class _Cells:
    """The first records of a file."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        rows = islice((one for one in tables.records(path, columns) if not isinstance(one, BadRow)), LOOKED_AT)
        self._rows = [cells for _, cells in rows]

    def _texts(self, column: str) -> list[str]:
        return [text for cells in self._rows if not is_null(text := cells[column])]

    def share(self, column: str, fits: Callable[[str], bool]) -> float:
        """How many of a column's cells are so, 0..1."""
        texts = self._texts(column)
        return sum(map(fits, texts)) / len(texts) if texts else 0.0

    def how(self, column: str) -> str:
        """How a column writes several things."""
        if self.share(column, lambda text: text.startswith("[") and text.endswith("]")) > 0.5:
            return LIST
        return next((sign for sign in _BETWEEN if self.share(column, lambda text, sign=sign: sign in text) > 0.02), ONE)  # type: ignore[misc]

    def most(self, column: str) -> float:
        """The greatest number of a column, but for its highest hundredth, which may be a slip; 0 where it has none."""
        found: list[float] = []
        for text in self._texts(column):
            try:
                found.append(float(text))
            except ValueError:
                continue
        found.sort()
        return found[int(0.99 * (len(found) - 1))] if found else 0.0

    def repeats(self, column: str) -> bool:
        """Whether an id stands more than once."""
        texts = self._texts(column)
        return len(set(texts)) < len(texts)


def _unit(column: str, cells: _Cells) -> float:
    if not column or column_name(column).endswith("ms"):
        return 1.0
    return 1000.0 if cells.most(column) < _SHORT else 1.0
