"""The vector index on Pinecone (client 10)."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import numpy as np
from pinecone.errors import NotFoundError

from backend.adapters.vectors.pinecone_calls import Calls
from backend.adapters.vectors.pinecone_language import (
    BATCH_RECORDS,
    batches,
    condition,
    dimension_of,
    metadata,
    stored_id,
)
from backend.domain.errors import InvalidInput, NotFound, Unavailable, Violation
from backend.ports.vectors import EVERYTHING, Facets, Filter, Neighbour, Vectors, check, near_each
from backend.ranking.lists import NearTracks

FETCH_IDS = 50
"""Ids in one fetch: they travel in the URL."""
MOST_MATCHES = 10_000
READ_SECONDS = 5.0
"""For all tries of one question: who waits for an answer rather has the trend list."""
WRITE_SECONDS = 120.0
"""For all tries of one batch."""
VISIBLE_SECONDS = 300.0
"""How long to wait until Pinecone shows what was written: it is eventually consistent."""
CANARIES = 5
_FIRST_LOOK, _LATER_LOOK = 0.05, 1.0


class PineconeVectorIndex:
    """`VectorIndex` on one Pinecone index of metric "dotproduct"; `tenant` starts every namespace's name.

    Vectors shorter than the index's dimension are padded with zeros, which changes no inner product, so that factors
    and content embeddings share an index. `create` returns when Pinecone counts every vector and gives CANARIES of them
    back as they were written; until then others could see a part of the namespace, so versions are pointed to only
    afterwards. Vectors of zeros are refused, as Pinecone does, and no search finds more than MOST_MATCHES. A namespace
    whose last vector was removed is gone.
    """

    def __init__(
        self,
        api_key: str,
        *,
        index: str,
        tenant: str,
        controller: str = "",
        read_seconds: float = READ_SECONDS,
        visible_seconds: float = VISIBLE_SECONDS,
    ) -> None:
        self._prefix = f"{tenant}."
        self._read_seconds, self._visible_seconds = read_seconds, visible_seconds
        self._calls = Calls(api_key, index=index, controller=controller)
        stats = self._calls.ask(read_seconds, lambda one, timeout: one.describe_index_stats(timeout=timeout))
        if stats.metric not in {None, "dotproduct"} or stats.dimension is None:
            self.close()
            message = f"Pinecone index {index} must be dense with metric dotproduct, not {stats.metric}: create another"
            raise InvalidInput([Violation("vectors_url", message)])
        self._dimension: int = stats.dimension

    def close(self) -> None:
        """Let go of the connections."""
        self._calls.close()

    def create(
        self, namespace: str, ids: Sequence[str], vectors: Vectors, *, facets: Sequence[Facets] | None = None
    ) -> None:
        """See `VectorIndex.create`."""
        check(ids, vectors, facets)
        padded = self._padded(vectors)
        empty = np.flatnonzero(~vectors.any(axis=1))
        if len(empty):
            raise ValueError(f"the vector of {ids[empty[0]]} is all zeros, which Pinecone does not store: leave it out")
        stored = [stored_id(one) for one in ids]
        said = [metadata(one, vectors.shape[1]) for one in facets or [Facets()] * len(ids)]
        parts = list(batches(stored, said, self._dimension))
        self.delete(namespace)
        self._wait(f"{namespace} is deleted", lambda: namespace not in self._counts())
        for part in parts:
            rows = padded[part].astype(float).tolist()
            self._upsert(namespace, list(zip(stored[part], rows, said[part], strict=True)))
        self._wait(f"{namespace} counts {len(ids)} vectors", lambda: self._counts().get(namespace) == len(ids))
        self._wait(f"{namespace} gives vectors as written", lambda: self._is_as_written(namespace, ids, vectors))

    def _upsert(self, namespace: str, batch: list[tuple[str, list[float], dict[str, Any]]]) -> None:
        self._calls.ask(
            WRITE_SECONDS,
            lambda index, timeout: index.upsert(vectors=batch, namespace=self._prefix + namespace, timeout=timeout),
        )

    def _is_as_written(self, namespace: str, ids: Sequence[str], vectors: Vectors) -> bool:
        """Whether canaries from first to last are fetched as written, and one of them finds what is nearest to it."""
        places = np.unique(np.linspace(0, len(ids) - 1, CANARIES).astype(int)).tolist()
        found = self.fetch(namespace, [ids[place] for place in places])
        for place in places:
            if ids[place] not in found or not np.allclose(found[ids[place]], vectors[place], rtol=1e-4, atol=1e-5):
                return False
        query = vectors[places[0]]
        nearest = self.search(namespace, query, limit=1, exclude=frozenset())
        own = float(query @ query)
        # Its index is approximate: the nearest must be no farther than the canary itself.
        return bool(nearest) and nearest[0].score >= own - 1e-3 * own

    def search(
        self, namespace: str, query: Vectors, *, limit: int, exclude: frozenset[str], where: Filter = EVERYTHING
    ) -> list[Neighbour]:
        """See `VectorIndex.search`."""
        matches = self._matches(namespace, query, limit + len(exclude), where)
        # Vectors of another dimension are not admitted either.
        if not matches and self.count(namespace) and not self._matches(namespace, query, 1, EVERYTHING):
            raise ValueError(f"{namespace} has another dimension than the query's {len(query)}")
        found = (Neighbour(unquote(match.id), match.score) for match in matches)
        return [neighbour for neighbour in found if neighbour.id not in exclude][:limit]

    def _matches(self, namespace: str, query: Vectors, count: int, where: Filter) -> list[Any]:
        vector = self._padded(query[np.newaxis])[0].astype(float).tolist()
        with _known(namespace):
            answer = self._calls.ask(
                self._read_seconds,
                lambda index, timeout: index.query(
                    vector=vector,
                    top_k=max(1, min(count, MOST_MATCHES)),
                    namespace=self._prefix + namespace,
                    filter=condition(where, len(query)),
                    timeout=timeout,
                ),
            )
        return list(answer.matches)

    def near_tracks(self, namespace: str, ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """See `VectorIndex.near_tracks`."""
        return near_each(self, namespace, ids, limit=limit, exclude=exclude)

    def fetch(self, namespace: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """See `VectorIndex.fetch`."""
        found: dict[str, Vectors] = {}
        for start in range(0, len(ids), FETCH_IDS):
            found |= self._fetch(namespace, [stored_id(one) for one in ids[start : start + FETCH_IDS]])
        if not found:
            self.count(namespace)
        return found

    def _fetch(self, namespace: str, stored: list[str]) -> dict[str, Vectors]:
        with _known(namespace):
            answer = self._calls.ask(
                self._read_seconds,
                lambda index, timeout: index.fetch(ids=stored, namespace=self._prefix + namespace, timeout=timeout),
            )
        return {
            unquote(one): np.asarray(vector.values[: dimension_of(vector.metadata)], dtype=np.float32)
            for one, vector in answer.vectors.items()
        }

    def count(self, namespace: str) -> int:
        """See `VectorIndex.count`."""
        counts = self._counts()
        if namespace not in counts:
            raise NotFound(f"there is no vector namespace {namespace}")
        return counts[namespace]

    def remove(self, namespace: str, ids: Sequence[str]) -> None:
        """See `VectorIndex.remove`."""
        there = list(self.fetch(namespace, ids))
        left = self.count(namespace) - len(there)
        for start in range(0, len(there), BATCH_RECORDS):
            self._delete(namespace, [stored_id(one) for one in there[start : start + BATCH_RECORDS]])
        self._wait(f"{namespace} counts {left} vectors", lambda: self._counts().get(namespace, 0) <= left)
        canaries = [stored_id(one) for one in there[-FETCH_IDS:]]
        if left and canaries:
            self._wait(f"{namespace} has let vectors go", lambda: not self._fetch(namespace, canaries))

    def _delete(self, namespace: str, stored: list[str]) -> None:
        with _known(namespace):
            self._calls.ask(
                WRITE_SECONDS,
                lambda index, timeout: index.delete(ids=stored, namespace=self._prefix + namespace, timeout=timeout),
            )

    def namespaces(self) -> list[str]:
        """See `VectorIndex.namespaces`; also what a writer that was killed left, so that it can be deleted."""
        return sorted(self._counts())

    def delete(self, namespace: str) -> None:
        """See `VectorIndex.delete`."""
        name = self._prefix + namespace
        try:
            self._calls.ask(WRITE_SECONDS, lambda index, timeout: index.delete_namespace(name=name, timeout=timeout))
        except NotFoundError:
            return

    def _counts(self) -> dict[str, int]:
        """Vectors of each of this tenant's namespaces."""
        stats = self._calls.ask(self._read_seconds, lambda index, timeout: index.describe_index_stats(timeout=timeout))
        return {
            name.removeprefix(self._prefix): summary.vector_count
            for name, summary in stats.namespaces.items()
            if name.startswith(self._prefix)
        }

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        """Until Pinecone shows it, asking less and less often. Raises Unavailable after `visible_seconds`."""
        deadline, pause = time.monotonic() + self._visible_seconds, _FIRST_LOOK
        while not is_so():
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Pinecone did not come to show that {what} within {self._visible_seconds:g} s: "
                    "see status.pinecone.io, then `segue train` again"
                )
            time.sleep(pause)
            pause = min(2 * pause, _LATER_LOOK)

    def _padded(self, vectors: Vectors) -> Vectors:
        missing = self._dimension - vectors.shape[1]
        if missing < 0:
            raise ValueError(
                f"vectors of {vectors.shape[1]} numbers do not fit an index of dimension {self._dimension}"
            )
        return np.pad(vectors.astype(np.float32), ((0, 0), (0, missing)))


@contextmanager
def _known(namespace: str) -> Iterator[None]:
    """Turns the client's NotFoundError into ours."""
    try:
        yield
    except NotFoundError as error:
        raise NotFound(f"there is no vector namespace {namespace}") from error
