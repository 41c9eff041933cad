"""Mapping files: TOML that says which column of a file holds what; docs/catalogue-import.md explains them."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from backend.domain.errors import InvalidInput, Violation
from backend.domain.rights import Source
from backend.domain.tracks import AUDIO_FEATURES
from importers.catalogue.cells import LIST, ONE
from importers.catalogue.mapping import FileMapping, Kind

UNITS: Final = {"ms": 1.0, "s": 1000.0, "min": 60_000.0}
"""Milliseconds of the units of a length."""

_SINGLE: Final = ("id", "title", "album", "released_on", "duration")
_SEVERAL: Final = ("artists", "artist_ids", "tags")
_TOP: Final = (
    *("kind", "source", "id_prefix", "artist_id_prefix", "share_of_one", "duration_unit", "merged"),
    *("columns", "written"),
)
_NAME_OF: Final = {"name": "title"}
"""What an artists' file may call its title."""


def read_mapping(path: Path) -> FileMapping:
    """The mapping in a file. Raises InvalidInput, naming each key that is wrong."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput([Violation(str(path), f"is no TOML: {error}")]) from error
    except OSError as error:
        raise InvalidInput([Violation(str(path), f"cannot be read: {error.strerror}")]) from error
    return _Reader(path, found).mapping()


class _Reader:
    """Reads one file's keys and collects what is wrong with them."""

    def __init__(self, path: Path, found: Mapping[str, Any]) -> None:
        self._path = path
        self._found = found
        self._violations: list[Violation] = []

    def mapping(self) -> FileMapping:
        self._known(self._found, _TOP, "")
        columns = self._table("columns")
        columns = {_NAME_OF.get(key, key): value for key, value in columns.items()}
        self._known(columns, (*_SINGLE, *_SEVERAL, *AUDIO_FEATURES), "columns.")
        written = self._table("written")
        self._known(written, _SEVERAL, "written.")
        found = FileMapping(
            name=self._path.name,
            kind=self._word("kind", Kind, Kind.TRACKS),
            source=self._word("source", Source, Source.FIRST_PARTY),
            id=self._column(columns, "id"),
            title=self._column(columns, "title"),
            artists=self._columns(columns, "artists"),
            artist_ids=self._columns(columns, "artist_ids"),
            album=self._column(columns, "album"),
            released_on=self._column(columns, "released_on"),
            duration=self._column(columns, "duration"),
            tags=self._columns(columns, "tags"),
            features={name: self._column(columns, name) for name in AUDIO_FEATURES if name in columns},
            written={name: self._text(written, name, f"written.{name}") for name in written},
            id_prefix=self._text(self._found, "id_prefix", "id_prefix"),
            artist_id_prefix=self._text(self._found, "artist_id_prefix", "artist_id_prefix"),
            most=self._most(),
            unit=self._unit(),
            merged=self._flag("merged"),
        )
        self._complete(found)
        if self._violations:
            raise InvalidInput(self._violations)
        return found

    def _complete(self, found: FileMapping) -> None:
        """What each kind of file must say."""
        if found.kind is Kind.FEATURES:
            if not found.id:
                self._wrong("columns.id", "must name the column of the track's id")
            return
        if not found.title:
            self._wrong("columns.title", "must name the column of the title (of an artist, the name)")
        if found.kind is Kind.TRACKS and not found.artists:
            self._wrong("columns.artists", "must name the column of the artists' names")

    def _wrong(self, key: str, reason: str) -> None:
        self._violations.append(Violation(f"{self._path.name}: {key}", reason))

    def _known(self, table: Mapping[str, Any], keys: Sequence[str], within: str) -> None:
        for key in table:
            if key not in keys:
                near = get_close_matches(key, keys, n=1) or [", ".join(keys)]
                self._wrong(within + key, f"there is no such key; did you mean {near[0]}?")

    def _table(self, key: str) -> dict[str, Any]:
        found = self._found.get(key, {})
        if isinstance(found, dict):
            return found
        self._wrong(key, f"must be a table, [{key}]")
        return {}

    def _text(self, table: Mapping[str, Any], name: str, key: str) -> str:
        found = table.get(name, "")
        if isinstance(found, str):
            return found
        self._wrong(key, f"must be text, not {found!r}")
        return ""

    def _column(self, columns: Mapping[str, Any], name: str) -> str:
        return self._text(columns, name, f"columns.{name}")

    def _columns(self, columns: Mapping[str, Any], name: str) -> tuple[str, ...]:
        found = columns.get(name, [])
        named = [found] if isinstance(found, str) else found
        if isinstance(named, list) and all(isinstance(one, str) and one for one in named):
            return tuple(named)
        if found != "":
            self._wrong(f"columns.{name}", f"must be a column, or a list of columns, not {found!r}")
        return ()

    def _word(self, key: str, words: Any, default: Any) -> Any:
        found = self._found.get(key, default)
        try:
            return words(found)
        except ValueError:
            self._wrong(key, f"must be one of {', '.join(words)}, not {found!r}")
            return default

    def _flag(self, key: str) -> bool:
        found = self._found.get(key, False)
        if not isinstance(found, bool):
            self._wrong(key, f"must be true or false, not {found!r}")
        return found is True

    def _most(self) -> float:
        found = self._found.get("share_of_one", 1)
        if isinstance(found, int | float) and not isinstance(found, bool) and found > 0:
            return float(found)
        self._wrong("share_of_one", f"must be what a share of 1 is written as (1, or 100 for percent), not {found!r}")
        return 1.0

    def _unit(self) -> float:
        found = self._found.get("duration_unit", "ms")
        if found in UNITS:
            return UNITS[found]
        self._wrong("duration_unit", f"must be one of {', '.join(UNITS)}, not {found!r}")
        return 1.0


def written_out(mapping: FileMapping, *, about: str) -> str:
    """The mapping as a file, which `read_mapping` reads as the same; `about` says in a line what it maps."""
    unit = next(name for name, size in UNITS.items() if size == mapping.unit)
    lines = [
        f"# {about}; docs/catalogue-import.md explains every line.",
        f"kind = {_toml(mapping.kind.value)}  # {', '.join(Kind)}",
        f"source = {_toml(mapping.source.value)}  # {', '.join(Source)}; models do not learn from spotify's",
        f"id_prefix = {_toml(mapping.id_prefix)}  # before each id, so that no other source has the same",
        f"artist_id_prefix = {_toml(mapping.artist_id_prefix)}",
        f"share_of_one = {mapping.most:g}  # what a share of 1 is written as: 1, or 100 for percent",
        f"duration_unit = {_toml(unit)}  # {', '.join(UNITS)}",
        f"merged = {_toml(mapping.merged)}  # true: rows of one id are one track with the tags of all",
        "",
        '[columns]  # the file\'s columns; "" or no line: it has none (ids are then made of names)',
        *(f"{name} = {_toml(getattr(mapping, name))}" for name in _SINGLE),
        *(f"{name} = {_toml(list(getattr(mapping, name)))}" for name in _SEVERAL),
        *(f"{name} = {_toml(mapping.features[name])}" for name in AUDIO_FEATURES if name in mapping.features),
        "",
        f'[written]  # cells: "{ONE}" thing, a "{LIST}" as Python or JSON writes it, or what stands between several',
        *(f"{name} = {_toml(mapping.how(name))}" for name in _SEVERAL if getattr(mapping, name)),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """Text, a truth value or a list of text; of these JSON's form is TOML's too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
