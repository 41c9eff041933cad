"""The vector index on Pinecone (client 9 or later)."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from pinecone import Pinecone
from pinecone.errors import ApiError, NotFoundError, PineconeError

from backend.domain.errors import NotFound, Unavailable
from backend.ports.vectors import Neighbour, Vectors

BATCH_RECORDS = 1_000
BATCH_BYTES = 2_000_000
BYTES_PER_NUMBER = 24
"""The longest a float32 gets in JSON, with its comma."""
BYTES_PER_RECORD = 700
"""Room for an id, the metadata and the JSON around them."""
FETCH_IDS = 50
"""Ids in one fetch: they travel in the URL."""
VISIBLE_SECONDS = 300
"""How long to wait until Pinecone counts what was written: it is eventually consistent."""


class PineconeVectorIndex:
    """`VectorIndex` on one Pinecone index of metric "dotproduct"; `tenant` starts every namespace's name.

    Vectors shorter than the index's dimension are padded with zeros, which changes no inner product, so that factors
    and content embeddings share an index. `create` returns when Pinecone counts every vector; until then others
    could see a part of the namespace, so versions are pointed to only afterwards.
    """

    def __init__(self, api_key: str, *, index: str, tenant: str) -> None:
        self._prefix = f"{tenant}."
        with _reachable():
            self._index = Pinecone(api_key=api_key).index(index)
            stats = self._index.describe_index_stats()
        if stats.metric not in {None, "dotproduct"} or stats.dimension is None:
            raise ValueError(f"Pinecone index {index} must be dense with metric dotproduct, not {stats.metric}")
        self._dimension: int = stats.dimension

    def create(self, namespace: str, ids: Sequence[str], vectors: Vectors) -> None:
        """See `VectorIndex.create`."""
        if vectors.ndim != 2 or len(vectors) != len(ids) or not len(ids):
            raise ValueError(f"{len(ids)} ids need vectors of shape ({len(ids)}, dimension), not {vectors.shape}")
        if len(set(ids)) != len(ids):
            raise ValueError("ids must be unique")
        padded = self._padded(vectors)
        metadata = {"dimension": int(vectors.shape[1])}
        size = min(BATCH_RECORDS, BATCH_BYTES // (self._dimension * BYTES_PER_NUMBER + BYTES_PER_RECORD))
        self.delete(namespace)
        with _reachable():
            for start in range(0, len(ids), size):
                part = slice(start, start + size)
                batch = [
                    (one, row, metadata)
                    for one, row in zip(ids[part], padded[part].astype(float).tolist(), strict=True)
                ]
                self._index.upsert(vectors=batch, namespace=self._prefix + namespace)
        self._wait_until_counted(namespace, len(ids))

    def _wait_until_counted(self, namespace: str, count: int) -> None:
        deadline = time.monotonic() + VISIBLE_SECONDS
        while (seen := self._counts().get(namespace, 0)) != count:
            if time.monotonic() > deadline:
                raise Unavailable(f"Pinecone counts {seen} vectors in {namespace} where {count} were written")
            time.sleep(1)

    def search(self, namespace: str, query: Vectors, *, limit: int, exclude: frozenset[str]) -> list[Neighbour]:
        """See `VectorIndex.search`."""
        with _reachable():
            matches = self._index.query(
                vector=self._padded(query[np.newaxis])[0].astype(float).tolist(),
                top_k=limit + len(exclude),
                namespace=self._prefix + namespace,
                include_metadata=True,
            ).matches
        if not matches:
            self.count(namespace)
        if any(_dimension(match.metadata) != len(query) for match in matches):
            raise ValueError(f"{namespace} has another dimension than the query's {len(query)}")
        return [Neighbour(match.id, match.score) for match in matches if match.id not in exclude][:limit]

    def fetch(self, namespace: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """See `VectorIndex.fetch`."""
        found: dict[str, Vectors] = {}
        with _reachable():
            for start in range(0, len(ids), FETCH_IDS):
                part = list(ids[start : start + FETCH_IDS])
                for one, vector in self._index.fetch(ids=part, namespace=self._prefix + namespace).vectors.items():
                    found[one] = np.asarray(vector.values[: _dimension(vector.metadata)], dtype=np.float32)
        if not found:
            self.count(namespace)
        return found

    def count(self, namespace: str) -> int:
        """See `VectorIndex.count`."""
        counts = self._counts()
        if namespace not in counts:
            raise NotFound(f"there is no vector namespace {namespace}")
        return counts[namespace]

    def namespaces(self) -> list[str]:
        """See `VectorIndex.namespaces`."""
        return sorted(self._counts())

    def delete(self, namespace: str) -> None:
        """See `VectorIndex.delete`."""
        with _reachable():
            try:
                self._index.delete_namespace(name=self._prefix + namespace)
            except NotFoundError:
                return

    def _counts(self) -> dict[str, int]:
        """Vectors of each of this tenant's namespaces."""
        with _reachable():
            stats = self._index.describe_index_stats()
        return {
            name.removeprefix(self._prefix): summary.vector_count
            for name, summary in stats.namespaces.items()
            if name.startswith(self._prefix)
        }

    def _padded(self, vectors: Vectors) -> Vectors:
        missing = self._dimension - vectors.shape[1]
        if missing < 0:
            raise ValueError(
                f"vectors of {vectors.shape[1]} numbers do not fit an index of dimension {self._dimension}"
            )
        return np.pad(vectors.astype(np.float32), ((0, 0), (0, missing)))


def _dimension(metadata: Mapping[str, object] | None) -> int:
    """The length a vector had before it was padded. Raises Unavailable where the record is not one of ours."""
    dimension = (metadata or {}).get("dimension")
    if not isinstance(dimension, int | float):
        raise Unavailable("Pinecone holds a record that Segue did not write: publish a new model version")
    return int(dimension)


@contextmanager
def _reachable() -> Iterator[None]:
    """Turns the client's errors into Unavailable."""
    try:
        yield
    except ApiError as error:
        raise Unavailable(f"Pinecone refused: {error}") from error
    except PineconeError as error:
        raise Unavailable(f"Pinecone cannot be reached: {error}") from error
