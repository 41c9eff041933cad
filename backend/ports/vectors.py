"""The vector index: nearest neighbours by inner product, among all or among those that a filter admits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.tracks import Track
from backend.ranking.lists import NearTracks

Vectors = NDArray[np.float32]


class Neighbour(NamedTuple):
    """A found id and its inner product with the query. A tuple, as hundreds are made for every answer."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What a vector can be filtered by, as far as it is known: texts letter by letter, artists by their ids."""

    tags: tuple[str, ...] = ()
    year: int | None = None
    artists: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Admits facets that hold one of `tags`, one of `artists`, one of `sources`, and a year within the bounds.

    A set that is empty and a bound that is None ask for nothing. Bounds are inclusive; what is not known is not
    admitted where it is asked for.
    """

    tags: frozenset[str] = frozenset()
    artists: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    first_year: int | None = None
    last_year: int | None = None

    def admits(self, facets: Facets) -> bool:
        """Whether all that is asked for holds."""
        if self.first_year is not None and (facets.year is None or facets.year < self.first_year):
            return False
        if self.last_year is not None and (facets.year is None or facets.year > self.last_year):
            return False
        return (
            (not self.tags or not self.tags.isdisjoint(facets.tags))
            and (not self.artists or not self.artists.isdisjoint(facets.artists))
            and (not self.sources or facets.source in self.sources)
        )


EVERYTHING = Filter()


def facets_of(track: Track) -> Facets:
    """What the catalogue knows of a track; its year is that of `released_on`, where this begins with one."""
    year = track.released_on[:4]
    return Facets(
        tags=track.tags,
        year=int(year) if len(year) == 4 and year.isascii() and year.isdigit() else None,
        artists=track.artist_ids,
        source=track.source.value,
    )


class VectorIndex(Protocol):
    """Named sets of vectors ("namespaces"), written whole and then only read, except that vectors can be removed.

    A namespace becomes visible when `create` returns, complete or not at all. Scores are inner products; callers that
    want cosine store unit vectors. A large namespace may be kept in fewer bits: a number then differs by at most a
    4,000th of the largest one, and a search may miss a few of the nearest. Unknown namespaces raise NotFound; a query
    of another dimension raises ValueError; a technology that is down raises Unavailable.
    """

    def create(
        self, namespace: str, ids: Sequence[str], vectors: Vectors, *, facets: Sequence[Facets] | None = None
    ) -> None:
        """Write a namespace: `vectors` is (len(ids), dimension) float32; ids are unique. Replaces one of that name.

        `facets` are those of each id, None where nothing is known of any.
        """
        ...

    def search(
        self, namespace: str, query: Vectors, *, limit: int, exclude: frozenset[str], where: Filter = EVERYTHING
    ) -> list[Neighbour]:
        """The `limit` nearest of `query` (dimension,) among those admitted, best first, none of `exclude`."""
        ...

    def near_tracks(self, namespace: str, ids: Sequence[str], *, limit: int, exclude: frozenset[str]) -> NearTracks:
        """The `limit` nearest of each of the known ones among these ids, in their order: neither it nor `exclude`.

        The same as a search with the vector of each, but what is near an id may be kept for the next one who asks.
        """
        ...

    def fetch(self, namespace: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of the known ones among these ids."""
        ...

    def count(self, namespace: str) -> int:
        """How many vectors it holds."""
        ...

    def remove(self, namespace: str, ids: Sequence[str]) -> None:
        """Take single vectors out, for every reader, once it returns; ids that are not there are no error."""
        ...

    def namespaces(self) -> list[str]:
        """Names of the complete ones, sorted."""
        ...

    def delete(self, namespace: str) -> None:
        """Remove a namespace; removing one that is not there is no error."""
        ...


def check(ids: Sequence[str], vectors: Vectors, facets: Sequence[Facets] | None) -> None:
    """What every index asks of a namespace before it writes any of it. Raises ValueError."""
    if vectors.ndim != 2 or len(vectors) != len(ids) or not len(ids):
        raise ValueError(f"{len(ids)} ids need vectors of shape ({len(ids)}, dimension), not {vectors.shape}")
    if len(set(ids)) != len(ids):
        raise ValueError("ids must be unique")
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite")
    if facets is not None and len(facets) != len(ids):
        raise ValueError(f"{len(ids)} ids need as many facets, not {len(facets)}")


def near_each(
    index: VectorIndex, namespace: str, ids: Sequence[str], *, limit: int, exclude: frozenset[str]
) -> NearTracks:
    """`VectorIndex.near_tracks` by one search for each; for an index that can do no better."""
    names: dict[str, int] = {}
    seeds, places, scores = [], [], []
    vectors = index.fetch(namespace, ids)
    for seed in (one for one in ids if one in vectors):
        found = index.search(namespace, vectors[seed], limit=limit, exclude=exclude | {seed})
        seeds.append(seed)
        places.append(np.array([names.setdefault(one.id, len(names)) for one in found], dtype=np.int64))
        scores.append(np.array([one.score for one in found], dtype=np.float32))
    return NearTracks(seeds=seeds, places=places, scores=scores, names=list(names))
