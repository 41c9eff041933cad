"""The vector index in files: exact search on memory-mapped vectors, and a graph of fewer bits where there are many."""

import json
import os
import re
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from sys import intern

import numpy as np

from backend.adapters.vectors.facet_files import FacetTable, Mask, read_facets, write_facets
from backend.adapters.vectors.kept import KeptNear
from backend.adapters.vectors.rows import PlainRows, QuantisedRows, Rows
from backend.domain.errors import NotFound, Unavailable
from backend.files import only_one, remove_folder, whole_folder, write_whole
from backend.ports.vectors import EVERYTHING, Facets, Filter, Neighbour, Vectors, check
from backend.ranking.lists import NearTracks, Places, marked, without

EXACT_UP_TO = 50_000
"""Vectors searched one by one: at 384 dimensions that is 77 MB to read, some ten milliseconds."""
SCAN_UP_TO = 20_000
"""Vectors that a filter admits and that are searched one by one beside a graph."""
LOCK_SECONDS = 10.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_REMOVED = "removed.json"
_CONTENTS = "contents.json"


@dataclass(frozen=True, slots=True)
class _Namespace:
    """An opened namespace; `state` tells whether the folder is still the one that was opened, and nothing removed."""

    path: Path
    state: tuple[int, ...]
    ids: list[str]
    places: dict[str, int]
    rows: Rows
    facets: FacetTable
    alive: Mask | None
    kept: KeptNear = field(default_factory=KeptNear)

    def search(
        self, query: Vectors, limit: int, exclude: frozenset[str], where: Filter, scan_up_to: int
    ) -> list[Neighbour]:
        mask = self.alive if where == EVERYTHING else self._admitted(where)
        left_out, count = marked(self.places, exclude, self.rows.count)
        places, scores = without(self._near(mask, query, limit + count, scan_up_to), left_out, limit=limit)
        return list(map(Neighbour, [self.ids[place] for place in places.tolist()], scores.tolist()))

    def near_tracks(self, ids: Sequence[str], limit: int, exclude: frozenset[str], scan_up_to: int) -> NearTracks:
        seeds = [one for one in ids if one in self.places]
        left_out, excluded = marked(self.places, exclude, self.rows.count)

        def find(place: int, count: int) -> tuple[Places, Vectors]:
            return self._near(self.alive, self.rows.at(np.array([place]))[0], count, scan_up_to)

        found = []
        for place in (self.places[one] for one in seeds):
            near = self.kept.near(place, limit + excluded + 1, partial(find, place))
            found.append(without(near, left_out, limit=limit, also=place))
        return NearTracks(
            seeds=seeds, places=[one for one, _ in found], scores=[one for _, one in found], names=self.ids
        )

    def _near(self, mask: Mask | None, query: Vectors, wanted: int, scan_up_to: int) -> tuple[Places, Vectors]:
        return self.rows.near(query, wanted) if mask is None else self._near_among(mask, query, wanted, scan_up_to)

    def _admitted(self, where: Filter) -> Mask:
        mask = self.facets.admitted(where)
        return mask if self.alive is None else mask & self.alive

    def _near_among(self, mask: Mask, query: Vectors, wanted: int, scan_up_to: int) -> tuple[Places, Vectors]:
        """Few are all scored; of many the graph is asked for so many that enough of them are admitted."""
        admitted = int(np.count_nonzero(mask))
        asked = wanted
        while not self.rows.exact and admitted > scan_up_to:
            asked = 2 * asked * len(mask) // admitted
            if asked > len(mask) // 8:
                break
            places, scores = self.rows.near(query, asked)
            kept = mask[places]
            if np.count_nonzero(kept) >= wanted:
                return places[kept][:wanted], scores[kept][:wanted]
        return self.rows.nearest_of(np.flatnonzero(mask), query, min(wanted, admitted))


class EmbeddedVectorIndex:
    """`VectorIndex` in a folder: one subfolder per namespace.

    There are `ids.json`, the facets, and `vectors.npy`, or, above `exact_up_to` vectors, the files of
    `rows.QuantisedRows`: searches are exact there only where a filter admits few. `contents.json` has sizes and
    CRC-32 of them all, which are compared when a process opens the namespace; what is damaged is Unavailable.
    `removed.json` holds the ids that were removed since. Thread-safe; several processes may read while one writes.
    """

    def __init__(self, folder: Path, *, exact_up_to: int = EXACT_UP_TO, scan_up_to: int = SCAN_UP_TO) -> None:
        self._folder = folder
        self._exact_up_to = exact_up_to
        self._scan_up_to = scan_up_to
        self._opened: dict[str, _Namespace] = {}
        self._lock = threading.Lock()

    def create(
        self, namespace: str, ids: Sequence[str], vectors: Vectors, *, facets: Sequence[Facets] | None = None
    ) -> None:
        """See `VectorIndex.create`."""
        check(ids, vectors, facets)
        contiguous = np.ascontiguousarray(vectors, dtype=np.float32)
        quantised = len(ids) > self._exact_up_to and contiguous.shape[1] % 2 == 0
        with whole_folder(self._path(namespace)) as draft:
            (draft / "ids.json").write_text(json.dumps(list(ids)))
            (QuantisedRows if quantised else PlainRows).write(draft, contiguous)
            if facets is not None:
                write_facets(draft, facets)
            (draft / _CONTENTS).write_text(json.dumps({one.name: _size_and_sum(one) for one in draft.iterdir()}))

    def search(
        self, namespace: str, query: Vectors, *, limit: int, exclude: frozenset[str], where: Filter = EVERYTHING
    ) -> list[Neighbour]:
        """See `VectorIndex.search`."""
        opened = self._open(namespace)
        if query.shape != (opened.rows.dimension,):
            raise ValueError(f"{namespace} has dimension {opened.rows.dimension}, the query {query.shape}")
        return opened.search(np.asarray(query, dtype=np.float32), limit, exclude, where, self._scan_up_to)

    def near_tracks(self, namespace: str, ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """See `VectorIndex.near_tracks`."""
        return self._open(namespace).near_tracks(ids, limit, exclude, self._scan_up_to)

    def fetch(self, namespace: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """See `VectorIndex.fetch`."""
        opened = self._open(namespace)
        known = [one for one in ids if one in opened.places]
        if not known:
            return {}
        vectors = opened.rows.at(np.array([opened.places[one] for one in known], dtype=np.int64))
        return dict(zip(known, vectors, strict=True))

    def count(self, namespace: str) -> int:
        """See `VectorIndex.count`."""
        return len(self._open(namespace).places)

    def remove(self, namespace: str, ids: Sequence[str]) -> None:
        """See `VectorIndex.remove`."""
        path = self._path(namespace)
        with only_one(self._folder / ".removing", held="vectors are being removed; try again", seconds=LOCK_SECONDS):
            gone = set(ids) & self._open(namespace).places.keys()
            if gone:
                with _there(namespace):
                    write_whole(path / _REMOVED, json.dumps(sorted(gone | set(_removed(path)))))

    def namespaces(self) -> list[str]:
        """See `VectorIndex.namespaces`."""
        if not self._folder.exists():
            return []
        return sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def delete(self, namespace: str) -> None:
        """See `VectorIndex.delete`."""
        path = self._path(namespace)
        if path.exists():
            remove_folder(path)
        with self._lock:
            self._opened.pop(namespace, None)

    def _path(self, namespace: str) -> Path:
        if not _NAME.fullmatch(namespace):
            raise ValueError(f"{namespace!r} cannot name a namespace")
        return self._folder / namespace

    def _open(self, namespace: str) -> _Namespace:
        with _there(namespace):
            while True:
                opened = self._opened.get(namespace)
                path = self._path(namespace) if opened is None else opened.path
                state = _state(path)
                if opened is not None and opened.state == state:
                    return opened
                try:
                    opened = _read(path, state)
                except Unavailable:
                    if _state(path) == state:
                        raise
                    continue
                # Replaced meanwhile, it could be made of two.
                if _state(path) == state:
                    with self._lock:
                        self._opened[namespace] = opened
                    return opened


@contextmanager
def _there(namespace: str) -> Iterator[None]:
    """Turns a missing file into NotFound."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"there is no vector namespace {namespace}") from error


def _read(path: Path, state: tuple[int, ...]) -> _Namespace:
    _check(path)
    # One string for an id in all namespaces: less memory, and a ranking's look-ups need not compare letters.
    ids: list[str] = list(map(intern, json.loads((path / "ids.json").read_text())))
    rows: Rows = QuantisedRows(path) if (path / "rest.npy").exists() else PlainRows(path)
    places = {one: place for place, one in enumerate(ids)}
    alive = None
    removed = [places.pop(one) for one in _removed(path) if one in places]
    if removed:
        alive = np.ones(len(ids), dtype=np.bool_)
        alive[removed] = False
    return _Namespace(path, state, ids, places, rows, read_facets(path, len(ids)), alive)


def _check(path: Path) -> None:
    """Raises Unavailable where a file is not what was written; namespaces of earlier versions say nothing of theirs."""
    if not (path / _CONTENTS).exists():
        return
    for name, written in json.loads((path / _CONTENTS).read_text()).items():
        if _size_and_sum(path / name) != written:
            raise Unavailable(f"{path / name} is damaged: `segue train` writes the vectors anew, with a new version")


def _size_and_sum(file: Path) -> list[int]:
    total = 0
    with file.open("rb") as opened:
        while part := opened.read(1 << 20):
            total = zlib.crc32(part, total)
        return [opened.tell(), total]


def _removed(path: Path) -> list[str]:
    try:
        found: list[str] = json.loads((path / _REMOVED).read_text())
    except FileNotFoundError:
        return []
    return found


def _state(path: Path) -> tuple[int, ...]:
    """Another one after each replacement and each removal, which replaces its file too."""
    written = os.stat(f"{path}/ids.json")  # noqa: PTH116 - asked by every search, and pathlib takes as long as the graph
    try:
        removed = os.stat(f"{path}/{_REMOVED}")  # noqa: PTH116 - as above
    except FileNotFoundError:
        return written.st_ino, written.st_mtime_ns
    return written.st_ino, written.st_mtime_ns, removed.st_ino, removed.st_mtime_ns
