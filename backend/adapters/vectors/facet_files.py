"""Facets of a namespace in two files, `facets.npz` and `facets.json`, and which places a filter admits.

The years are one number a vector; of tags, artists and sources there are the names, and of each the places that have
it. So a filter costs a comparison a vector and the places of the names that it asks for, whatever there is beside them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.ports.vectors import Facets, Filter

FILES = ("facets.npz", "facets.json")

_UNKNOWN = np.iinfo(np.int32).min
_NAMED = ("tags", "artists", "sources")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Names:
    """Where each name is: `places[starts[n]:starts[n + 1]]` of the n-th one."""

    numbers: dict[str, int]
    starts: NDArray[np.int64]
    places: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class FacetTable:
    """The facets of one namespace's vectors by place; `years` is None where nothing is known of any."""

    count: int
    years: NDArray[np.int32] | None
    names: dict[str, _Names]

    def admitted(self, where: Filter) -> Mask:
        """(count,), as `Filter.admits` says of each."""
        mask = np.ones(self.count, dtype=np.bool_)
        for kind, wanted in zip(_NAMED, (where.tags, where.artists, where.sources), strict=True):
            if wanted:
                mask &= self._having(kind, wanted)
        if where.first_year is None and where.last_year is None:
            return mask
        if self.years is None:
            return np.zeros(self.count, dtype=np.bool_)
        mask &= self.years != _UNKNOWN
        if where.first_year is not None:
            mask &= self.years >= where.first_year
        if where.last_year is not None:
            mask &= self.years <= where.last_year
        return mask

    def _having(self, kind: str, wanted: frozenset[str]) -> Mask:
        mask = np.zeros(self.count, dtype=np.bool_)
        names = self.names.get(kind)
        if names is not None:
            for number in (names.numbers[one] for one in wanted if one in names.numbers):
                mask[names.places[names.starts[number] : names.starts[number + 1]]] = True
        return mask


def write_facets(folder: Path, facets: Sequence[Facets]) -> None:
    """Both files into the folder."""
    years = [_UNKNOWN if one.year is None else one.year for one in facets]
    arrays = {"years": np.array(years, dtype=np.int32)}
    names: dict[str, list[str]] = {}
    for kind in _NAMED:
        having: dict[str, list[int]] = {}
        for place, one in enumerate(facets):
            held = {one.source} - {""} if kind == "sources" else set(one.tags if kind == "tags" else one.artists)
            for name in held:
                having.setdefault(name, []).append(place)
        names[kind] = sorted(having)
        lengths = [len(having[name]) for name in names[kind]]
        arrays[f"{kind}_starts"] = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
        arrays[f"{kind}_places"] = np.array([at for name in names[kind] for at in having[name]], dtype=np.int32)
    with (folder / "facets.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flag
    (folder / "facets.json").write_text(json.dumps(names))


def read_facets(folder: Path, count: int) -> FacetTable:
    """The facets of a folder; where none were written, nothing is known of any."""
    if not (folder / "facets.npz").exists():
        return FacetTable(count, None, {})
    said = json.loads((folder / "facets.json").read_text())
    with np.load(folder / "facets.npz", allow_pickle=False) as arrays:
        names = {
            kind: _Names(
                {name: number for number, name in enumerate(said[kind])},
                arrays[f"{kind}_starts"],
                arrays[f"{kind}_places"],
            )
            for kind in _NAMED
        }
        return FacetTable(count, arrays["years"], names)
