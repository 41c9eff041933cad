"""Which files an import reads, in which order, and what each is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from backend.domain.errors import InvalidInput, Violation
from backend.domain.rights import Source
from importers.catalogue import tables
from importers.catalogue.cells import Repair
from importers.catalogue.fitting import fitted
from importers.catalogue.known import FMA_FEATURES, FMA_GENRES, LAYOUTS, Layout, layout_of
from importers.catalogue.mapping import FileMapping, Kind
from importers.rows import column_name


class Turn(IntEnum):
    """When a file is read: what others need comes before them."""

    UNUSED = 0
    JOINED = 1
    ARTISTS = 2
    TRACKS = 3


_TURNS: Final = {Kind.FEATURES: Turn.JOINED, Kind.ARTISTS: Turn.ARTISTS, Kind.TRACKS: Turn.TRACKS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file of an import: its layout, and its mapping as it fits the file (None where a layout reads itself).

    `missing` are columns that the mapping names and the file has not; `problem` says why it cannot be read at all.
    """

    path: Path
    layout: Layout
    turn: Turn
    mapping: FileMapping | None = None
    missing: tuple[Repair, ...] = ()
    problem: Repair | None = None

    @property
    def source(self) -> Source:
        """Where its records came from."""
        return self.layout.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The parts in their order, and the files that are no part of it."""

    parts: tuple[Part, ...]
    passed_over: tuple[str, ...]


def plan(path: Path, mapping: FileMapping | None = None) -> Plan:
    """What to read of a file, or of the files of a folder: those that `mapping` is given for, or whose layout is known.

    Raises InvalidInput where there is nothing to read, and where tracks are there by audio features alone.
    """
    if not path.exists():
        raise InvalidInput([Violation("path", f"{path} does not exist")])
    found, passed_over = list[Part](), list[str]()
    for file in _files(path):
        part = _part(file, mapping) if file == path or _is_table(file) else None
        if part is None:
            passed_over.append(file.name)
        else:
            found.append(part)
    found.sort(key=lambda part: (part.turn, part.path.name))
    if not found:
        names = ", ".join(layout.name for layout in LAYOUTS)
        raise InvalidInput(
            [
                Violation(
                    "path",
                    f"{path} is in no layout that is known by its columns ({names}); write a mapping file with "
                    f"`segue ingest tracks --guess {path}` and give it with --mapping",
                )
            ]
        )
    if not any(part.turn in (Turn.ARTISTS, Turn.TRACKS) or part.problem for part in found):
        names = ", ".join(f"{part.path.name} ({part.layout.name})" for part in found)
        raise InvalidInput(
            [Violation("path", f"{names}: no file here names tracks or artists; give the folder that holds them all")]
        )
    return Plan(parts=tuple(found), passed_over=tuple(passed_over))


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))


def _part(file: Path, mapping: FileMapping | None) -> Part | None:
    """None where the file is of no layout that is known."""
    try:
        columns = tables.columns_of(file)
    except InvalidInput as error:
        unknown = Layout(name="unknown", told_by=frozenset())
        return Part(path=file, layout=unknown, turn=Turn.TRACKS, problem=_told(error))
    if mapping is not None:
        layout = Layout(name=mapping.name, told_by=frozenset(), mapping=mapping, source=mapping.source)
    elif (known := layout_of({column_name(column) for column in columns})) is not None:
        layout = known
    else:
        return None
    turn = _turn(layout)
    if layout.mapping is None:
        return Part(path=file, layout=layout, turn=turn)
    try:
        fit, missing = fitted(file, layout.mapping, columns)
    except InvalidInput as error:
        return Part(path=file, layout=layout, turn=turn, problem=_told(error))
    # Of a known layout columns may be missing: its files differ. Who wrote a mapping meant each that it names.
    return Part(path=file, layout=layout, turn=turn, mapping=fit, missing=tuple(missing if mapping else ()))


def _is_table(file: Path) -> bool:
    """Whether a file's name says that it is a table, or says nothing and it has a header of several columns."""
    if tables.form_of(file) is not None:
        return True
    try:
        return file.suffix.lower() in ("", ".gz", ".txt", ".data") and len(tables.columns_of(file)) > 1
    except InvalidInput:  # pictures, archives
        return False


def _turn(layout: Layout) -> Turn:
    if layout.mapping is not None:
        return _TURNS[layout.mapping.kind]
    if layout.name in (FMA_GENRES, FMA_FEATURES):
        return Turn.JOINED
    return Turn.TRACKS if layout.read is not None else Turn.UNUSED


def _told(error: InvalidInput) -> Repair:
    return Repair(error.violations[0].field, "; ".join(one.description for one in error.violations))
