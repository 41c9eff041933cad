"""The vector index in files: exact search on memory-mapped vectors, and an HNSW graph where there are very many."""

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import NotFound
from backend.files import remove_folder, whole_folder
from backend.ports.vectors import Neighbour, Vectors
from backend.ranking.lists import best_places

EXACT_UP_TO = 200_000
"""Vectors searched one by one: at 384 dimensions that is 0.3 GB to read, some tens of milliseconds."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class _Namespace:
    """An opened namespace; `inode` tells whether the folder is still the one that was opened."""

    inode: int
    ids: list[str]
    places: dict[str, int]
    vectors: Vectors
    graph: Any | None

    def search(self, query: Vectors, limit: int, exclude: frozenset[str]) -> list[Neighbour]:
        places = self._near(query, limit + len(exclude)) if self.graph is not None else None
        scores: Vectors = (self.vectors if places is None else self.vectors[places]) @ query
        if places is None:
            places = best_places(scores, limit + len(exclude))
            scores = scores[places]
        # By score, then by place: the same question has the same answer.
        order = np.lexsort((places, -scores))
        found = (Neighbour(self.ids[places[at]], float(scores[at])) for at in order)
        return [neighbour for neighbour in found if neighbour.id not in exclude][:limit]

    def _near(self, query: Vectors, count: int) -> NDArray[np.int64]:
        assert self.graph is not None
        matches = self.graph.search(query, min(count, len(self.ids)), threads=1)
        return np.asarray(matches.keys, dtype=np.int64)


class EmbeddedVectorIndex:
    """`VectorIndex` in a folder: one subfolder per namespace with `ids.json`, `vectors.npy` and, above `exact_up_to`
    vectors, `graph.usearch`.

    Searches of smaller namespaces are exact; the graph's candidates are scored exactly. Thread-safe; several
    processes may read while one writes.
    """  # noqa: D205 - the first sentence needs two lines

    def __init__(self, folder: Path, *, exact_up_to: int = EXACT_UP_TO) -> None:
        self._folder = folder
        self._exact_up_to = exact_up_to
        self._opened: dict[str, _Namespace] = {}
        self._lock = threading.Lock()

    def create(self, namespace: str, ids: Sequence[str], vectors: Vectors) -> None:
        """See `VectorIndex.create`."""
        if vectors.ndim != 2 or len(vectors) != len(ids) or not len(ids):
            raise ValueError(f"{len(ids)} ids need vectors of shape ({len(ids)}, dimension), not {vectors.shape}")
        if len(set(ids)) != len(ids):
            raise ValueError("ids must be unique")
        if not np.isfinite(vectors).all():
            raise ValueError("vectors must be finite")
        contiguous = np.ascontiguousarray(vectors, dtype=np.float32)
        with whole_folder(self._path(namespace)) as draft:
            (draft / "ids.json").write_text(json.dumps(list(ids)))
            np.save(draft / "vectors.npy", contiguous)
            if len(ids) > self._exact_up_to:
                graph = _graph(contiguous.shape[1])
                graph.add(np.arange(len(ids)), contiguous)
                graph.save(str(draft / "graph.usearch"))

    def search(self, namespace: str, query: Vectors, *, limit: int, exclude: frozenset[str]) -> list[Neighbour]:
        """See `VectorIndex.search`."""
        opened = self._open(namespace)
        if query.shape != (opened.vectors.shape[1],):
            raise ValueError(f"{namespace} has dimension {opened.vectors.shape[1]}, the query {query.shape}")
        return opened.search(np.asarray(query, dtype=np.float32), limit, exclude)

    def fetch(self, namespace: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """See `VectorIndex.fetch`."""
        opened = self._open(namespace)
        return {one: np.array(opened.vectors[opened.places[one]]) for one in ids if one in opened.places}

    def count(self, namespace: str) -> int:
        """See `VectorIndex.count`."""
        return len(self._open(namespace).ids)

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
        path = self._path(namespace)
        try:
            inode = path.stat().st_ino
            opened = self._opened.get(namespace)
            if opened is None or opened.inode != inode:
                opened = _read(path, inode)
                with self._lock:
                    self._opened[namespace] = opened
        except FileNotFoundError as error:
            raise NotFound(f"there is no vector namespace {namespace}") from error
        return opened


def _read(path: Path, inode: int) -> _Namespace:
    ids: list[str] = json.loads((path / "ids.json").read_text())
    vectors: Vectors = np.load(path / "vectors.npy", mmap_mode="r")
    graph = None
    if (path / "graph.usearch").exists():
        graph = _graph(vectors.shape[1])
        graph.view(str(path / "graph.usearch"))
    return _Namespace(inode, ids, {one: place for place, one in enumerate(ids)}, vectors, graph)


def _graph(dimension: int) -> Any:
    # usearch loaded before onnxruntime crashes the latter's import (seen with usearch 2.26.6 and onnxruntime 1.31.1).
    import onnxruntime  # noqa: F401, PLC0415 - the order matters; only large indexes need either
    from usearch.index import Index  # noqa: PLC0415 - only large indexes need it

    return Index(ndim=dimension, metric="ip", dtype="f32", connectivity=16, expansion_add=128, expansion_search=256)
