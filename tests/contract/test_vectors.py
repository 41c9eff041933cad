"""The vector index's promise, on every implementation."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.errors import NotFound
from backend.ports.vectors import VectorIndex, Vectors

NAMESPACE = "20260301-a.content"


def points(count: int, dimension: int = 8, seed: int = 1) -> tuple[list[str], Vectors]:
    """Ids and random unit vectors."""
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return [f"t{number}" for number in range(count)], vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=["embedded", "graph", "pinecone"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndex]:
    """An empty index: exact files, files with a graph, or a real Pinecone index."""
    if request.param != "pinecone":
        yield EmbeddedVectorIndex(tmp_path / "vectors", exact_up_to=10 if request.param == "graph" else 1_000)
        return
    key = os.environ.get("SEGUE_TEST_PINECONE_API_KEY")
    if not key:
        pytest.skip("Pinecone needs an account: set SEGUE_TEST_PINECONE_API_KEY and SEGUE_TEST_PINECONE_INDEX")
    from backend.adapters.vectors.pinecone import PineconeVectorIndex

    pinecone = PineconeVectorIndex(key, index=os.environ["SEGUE_TEST_PINECONE_INDEX"], tenant="contract")
    yield pinecone
    for namespace in pinecone.namespaces():
        pinecone.delete(namespace)


def test_the_nearest_are_found_best_first(index: VectorIndex, request: pytest.FixtureRequest) -> None:
    """As brute force finds them, with their inner products; a graph, made by several threads, may miss one of ten."""
    ids, vectors = points(300)
    index.create(NAMESPACE, ids, vectors)
    query = vectors[7] + 0.1 * vectors[8]
    exact = vectors @ query
    best = np.argsort(-exact)[:10]
    found = index.search(NAMESPACE, query, limit=10, exclude=frozenset())
    names = [one.id for one in found]
    missed = {ids[place] for place in best} - set(names)
    assert len(missed) <= ("graph" in request.node.name)
    assert sorted(names, key=lambda name: -exact[ids.index(name)]) == names
    assert pytest.approx([exact[ids.index(name)] for name in names], abs=1e-4) == [one.score for one in found]


def test_excluded_ids_make_room_for_others(index: VectorIndex) -> None:
    """The limit is reached without them."""
    ids, vectors = points(50)
    index.create(NAMESPACE, ids, vectors)
    best = [one.id for one in index.search(NAMESPACE, vectors[0], limit=6, exclude=frozenset())]
    found = index.search(NAMESPACE, vectors[0], limit=3, exclude=frozenset(best[:3]) | {"nobody"})
    assert best[3:] == [one.id for one in found]


def test_fewer_than_the_limit_is_no_error(index: VectorIndex) -> None:
    """Everything comes, once."""
    ids, vectors = points(12)
    index.create(NAMESPACE, ids, vectors)
    assert set(ids) == {one.id for one in index.search(NAMESPACE, vectors[0], limit=100, exclude=frozenset())}


def test_vectors_are_fetched_as_they_were_written(index: VectorIndex) -> None:
    """The known ones among the ids."""
    ids, vectors = points(20)
    index.create(NAMESPACE, ids, vectors)
    found = index.fetch(NAMESPACE, ["t3", "nobody", "t5"])
    assert {"t3", "t5"} == set(found)
    np.testing.assert_allclose(vectors[3], found["t3"], atol=1e-6)
    assert 20 == index.count(NAMESPACE)


def test_creating_again_replaces(index: VectorIndex) -> None:
    """Also for a reader that had opened the old one."""
    index.create(NAMESPACE, *points(20))
    index.search(NAMESPACE, points(1)[1][0], limit=1, exclude=frozenset())
    index.create(NAMESPACE, ["only"], points(1)[1])
    assert 1 == index.count(NAMESPACE)
    assert ["only"] == [one.id for one in index.search(NAMESPACE, points(1)[1][0], limit=5, exclude=frozenset())]


def test_namespaces_are_listed_and_deleted(index: VectorIndex) -> None:
    """Deleting twice is no error; a deleted one is not found."""
    index.create("b", *points(3))
    index.create("a", *points(3))
    assert ["a", "b"] == index.namespaces()
    index.delete("a")
    index.delete("a")
    assert ["b"] == index.namespaces()
    with pytest.raises(NotFound):
        index.search("a", points(1)[1][0], limit=1, exclude=frozenset())
    with pytest.raises(NotFound):
        index.fetch("a", ["t1"])
    with pytest.raises(NotFound):
        index.count("a")


def test_what_does_not_fit_is_refused(index: VectorIndex) -> None:
    """Repeated ids, missing ids, a query of another dimension."""
    ids, vectors = points(3)
    with pytest.raises(ValueError, match="unique"):
        index.create(NAMESPACE, ["x", "x", "y"], vectors)
    with pytest.raises(ValueError, match="shape"):
        index.create(NAMESPACE, ids[:2], vectors)
    index.create(NAMESPACE, ids, vectors)
    with pytest.raises(ValueError, match="dimension"):
        index.search(NAMESPACE, points(1, dimension=5)[1][0], limit=1, exclude=frozenset())


def test_the_graph_finds_what_brute_force_finds(tmp_path: Path) -> None:
    """Recall at 20 is at least 0.95 on 5,000 vectors in 32 dimensions."""
    ids, vectors = points(5_000, dimension=32)
    index = EmbeddedVectorIndex(tmp_path, exact_up_to=1_000)
    index.create(NAMESPACE, ids, vectors)
    found = 0
    for query in points(50, dimension=32, seed=2)[1]:
        best = {ids[place] for place in np.argsort(-(vectors @ query))[:20]}
        found += len(best & {one.id for one in index.search(NAMESPACE, query, limit=20, exclude=frozenset())})
    assert found / (50 * 20) >= 0.95


def test_a_namespace_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    """A crash while writing leaves neither a namespace nor a broken one."""
    index = EmbeddedVectorIndex(tmp_path)
    index.create("whole", *points(3))
    (tmp_path / ".draft-of-a-crashed-writer").mkdir()
    assert ["whole"] == index.namespaces()


def test_readers_and_a_writer_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Every answer is of one version or another, never a mix of two, never an error but "not there"."""
    index, broken, done = EmbeddedVectorIndex(tmp_path), [], threading.Event()
    sets = [([f"{name}{number}" for number in range(50)], points(50)[1]) for name in "ab"]
    index.create(NAMESPACE, *sets[0])

    def read() -> None:
        while not done.is_set():
            try:
                found = index.search(NAMESPACE, sets[0][1][0], limit=50, exclude=frozenset())
            except NotFound:
                continue
            if len({one.id[0] for one in found}) != 1 or len(found) != 50:
                broken.append(found)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(30):
        index.create(NAMESPACE, *sets[turn % 2])
    done.set()
    for reader in readers:
        reader.join()
    assert [] == broken
