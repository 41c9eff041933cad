"""The vectors of a namespace in files, memory-mapped: as they are, or, where there are many, in twelve bits a number.

Twelve bits are two files. The upper eight stand in `graph.usearch`, an HNSW graph (Malkov and Yashunin, 2018) whose
own copies of the vectors are all there are; the lower four in `rest.npy`, two numbers a byte. The graph finds
candidates by eight bits, and these are scored again by all twelve.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import Unavailable
from backend.ports.vectors import Vectors
from backend.ranking.lists import Places, best_places

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 64
"""How many neighbours a vector of the graph has, and how many candidates are kept while it is made and asked."""
SPARE = 20
"""Candidates beyond those asked for, so that eight bits need not put the last ones in order."""
_LARGEST = 127 * 16
_HEADER_BYTES = 8
_SORTED_WHOLE = 256
_CHUNK = 4_096
"""Rows that are scored at once: as floats they still fit the processor's cache."""


class Rows(Protocol):
    """(count, dimension) vectors that can be searched by inner product. `exact` says whether `near` misses none."""

    count: int
    dimension: int
    exact: bool

    def near(self, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """The places of the `limit` nearest and their scores, best first."""
        ...

    def nearest_of(self, places: Places, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """The same among these places, none missed."""
        ...

    def at(self, places: Places) -> Vectors:
        """The vectors at these places."""
        ...


class PlainRows:
    """`Rows` in `vectors.npy`, searched one by one."""

    exact = True

    def __init__(self, folder: Path) -> None:
        # As a plain array over the mapped file: numpy's memmap passes its own class on to every result.
        self._vectors: Vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))
        self.count, self.dimension = self._vectors.shape

    @staticmethod
    def write(folder: Path, vectors: Vectors) -> None:
        """The file into the folder."""
        np.save(folder / "vectors.npy", vectors)

    def near(self, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """See `Rows.near`."""
        return _best(np.arange(self.count), self._vectors @ query, limit)

    def nearest_of(self, places: Places, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """See `Rows.nearest_of`."""
        # Copying many rows out costs more than scoring them all.
        some = len(places) < self.count // 8
        return _best(places, self._vectors[places] @ query if some else (self._vectors @ query)[places], limit)

    def at(self, places: Places) -> Vectors:
        """See `Rows.at`."""
        return np.array(self._vectors[places])


class QuantisedRows:
    """`Rows` in `graph.usearch`, `rest.npy` and `step.npy`; a vector is `step` times whole numbers of twelve bits."""

    exact = False

    def __init__(self, folder: Path) -> None:
        self._rest = np.asarray(np.load(folder / "rest.npy", mmap_mode="r"))
        self._step = float(np.load(folder / "step.npy"))
        self.count, self.dimension = self._rest.shape[0], self._rest.shape[1] * 2
        self._graph = _graph(self.dimension)
        self._graph.view(str(folder / "graph.usearch"))
        self._upper = _upper(folder, self.count, self.dimension)

    @staticmethod
    def write(folder: Path, vectors: Vectors) -> None:
        """The files into the folder; the dimension is even. Made by one thread: the same vectors, the same graph."""
        count, dimension = vectors.shape
        step = max(float(np.abs(vectors).max()), 1e-30) / _LARGEST
        whole = np.rint(vectors / np.float32(step)).astype(np.int16)
        upper = ((whole + 8) >> 4).astype(np.int8)
        rest = (whole - (upper.astype(np.int16) << 4) + 8).astype(np.uint8)
        graph = _graph(dimension)
        graph.add(np.arange(count), upper, threads=1)
        graph.save(str(folder / "graph.usearch"))
        if not np.array_equal(_upper(folder, count, dimension), upper):
            raise Unavailable("usearch keeps vectors otherwise than it did: install the version in requirements.lock")
        np.save(folder / "rest.npy", rest[:, 0::2] | (rest[:, 1::2] << 4))
        np.save(folder / "step.npy", np.float64(step))

    def near(self, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """See `Rows.near`."""
        largest = float(np.abs(query).max()) or 1.0
        asked = np.rint(query * (127 / largest)).astype(np.int8)
        matches = self._graph.search(asked, min(limit + SPARE, self.count), threads=1)
        return self._scored_again(np.asarray(matches.keys, dtype=np.int64), query, limit)

    def nearest_of(self, places: Places, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """See `Rows.nearest_of`."""
        scores = np.empty(len(places), dtype=np.float32)
        for start in range(0, len(places), _CHUNK):
            part = places[start : start + _CHUNK]
            scores[start : start + _CHUNK] = self._upper[part].astype(np.float32) @ query
        return self._scored_again(places[best_places(scores, limit + SPARE)], query, limit)

    def at(self, places: Places) -> Vectors:
        """See `Rows.at`; within half a step of what was written."""
        packed = self._rest[places]
        whole = self._upper[places].astype(np.float32) * 16 - 8
        whole[:, 0::2] += packed & 15
        whole[:, 1::2] += packed >> 4
        return whole * np.float32(self._step)

    def _scored_again(self, places: Places, query: Vectors, limit: int) -> tuple[Places, Vectors]:
        """As `at(places) @ query`, without putting the vectors together."""
        packed = self._rest[places]
        scores = self._upper[places].astype(np.float32) @ (16 * query) - 8 * query.sum()
        scores += (packed & 15).astype(np.float32) @ query[0::2] + (packed >> 4).astype(np.float32) @ query[1::2]
        return _best(places, scores * np.float32(self._step), limit)


def _best(places: Places, scores: Vectors, limit: int) -> tuple[Places, Vectors]:
    """By score, then by place: the same question has the same answer."""
    if len(places) > _SORTED_WHOLE and limit < len(places):
        some = best_places(scores, limit)
        places, scores = places[some], scores[some]
    order = np.lexsort((places, -scores))[:limit]
    return places[order], scores[order]


def _upper(folder: Path, count: int, dimension: int) -> NDArray[np.int8]:
    """The vectors inside usearch's file: it begins with their number and size, then has them in the order of adding."""
    return np.asarray(np.memmap(folder / "graph.usearch", np.int8, "r", _HEADER_BYTES, (count, dimension)))


def _graph(dimension: int) -> Any:
    # usearch loaded before onnxruntime crashes the latter's import (seen with usearch 2.26.6 and onnxruntime 1.31.1).
    import onnxruntime  # noqa: F401, PLC0415 - the order matters; only large indexes need either
    from usearch.index import Index  # noqa: PLC0415 - only large indexes need it

    return Index(
        ndim=dimension,
        metric="ip",
        dtype="i8",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
