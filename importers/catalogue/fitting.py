"""A mapping and a file's columns brought together: what is missing is told, and costs only what it would fill."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from backend.domain.errors import InvalidInput, Violation
from importers.catalogue.cells import Repair
from importers.catalogue.mapping import SHARES, FileMapping
from importers.rows import LONGEST_TOLD, column_name


def fitted(path: Path, mapping: FileMapping, columns: Sequence[str]) -> tuple[FileMapping, list[Repair]]:
    """The mapping without the columns that the file has not, the others spelt as the file spells them; what is missing.

    Raises InvalidInput, naming each, where the file lacks a column that it cannot do without or has one twice.
    """
    spelt = {column_name(column): column for column in reversed(columns)}
    seen = [column_name(column) for column in columns]
    told = ", ".join(columns)[:LONGEST_TOLD] or "none"
    violations = [
        Violation(column, f"{path} has no such column, which {mapping.name} needs; found: {told}")
        for column in mapping.needed
        if column_name(column) not in spelt
    ]
    violations += [
        Violation(column, f"{path} has this column twice; rename one")
        for column in mapping.columns
        if seen.count(column_name(column)) > 1
    ]
    if violations:
        raise InvalidInput(violations)
    missing = [
        Repair(column, f"the file has no such column, which {mapping.name} names; what it would say is left out")
        for column in mapping.columns
        if column_name(column) not in spelt
    ]

    def one(column: str) -> str:
        return spelt.get(column_name(column), "") if column else ""

    def all_of(named: Iterable[str]) -> tuple[str, ...]:
        return tuple(filter(None, map(one, named)))

    features = {name: column for name, wanted in mapping.features.items() if (column := one(wanted))}
    found = replace(
        mapping,
        id=one(mapping.id),
        title=one(mapping.title),
        artists=all_of(mapping.artists),
        artist_ids=all_of(mapping.artist_ids),
        album=one(mapping.album),
        released_on=one(mapping.released_on),
        duration=one(mapping.duration),
        tags=all_of(mapping.tags),
        features=features if features.keys() >= set(SHARES) else {},
    )
    return found, missing
