"""The vector index: nearest neighbours by inner product."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A found id and its inner product with the query."""

    id: str
    score: float


class VectorIndex(Protocol):
    """Named sets of vectors ("namespaces"), written whole and then only read.

    A namespace becomes visible when `create` returns, complete or not at all. Scores are inner products; callers that
    want cosine store unit vectors. Unknown namespaces raise NotFound; a query of another dimension raises
    ValueError; a technology that is down raises Unavailable.
    """

    def create(self, namespace: str, ids: Sequence[str], vectors: Vectors) -> None:
        """Write a namespace: `vectors` is (len(ids), dimension) float32; ids are unique. Replaces one of that name."""
        ...

    def search(self, namespace: str, query: Vectors, *, limit: int, exclude: frozenset[str]) -> list[Neighbour]:
        """The `limit` nearest of `query` (dimension,), best first, none of `exclude`."""
        ...

    def fetch(self, namespace: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of the known ones among these ids."""
        ...

    def count(self, namespace: str) -> int:
        """How many vectors it holds."""
        ...

    def namespaces(self) -> list[str]:
        """Names of the complete ones, sorted."""
        ...

    def delete(self, namespace: str) -> None:
        """Remove a namespace; removing one that is not there is no error."""
        ...
