"""The vector index's promise, on every implementation."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.errors import NotFound, Unavailable
from backend.ports.vectors import Facets, Filter, VectorIndex, Vectors
from tests.pinecone_double import INDEX, KEY, PineconeDouble
from tests.pinecone_server import pinecone_server

NAMESPACE = "20260301-a.content"


def points(count: int, dimension: int = 8, seed: int = 1) -> tuple[list[str], Vectors]:
    """Ids and random unit vectors."""
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return [f"t{number}" for number in range(count)], vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=["embedded", "graph", "pinecone"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndex]:
    """An empty index: exact files, files with a graph, or Pinecone's client.

    The client talks to the documented service in this process, or, with PINECONE_API_KEY, to the real one: to index
    SEGUE_TEST_PINECONE_INDEX, dense, dotproduct, of 32 dimensions or more.
    """
    if request.param != "pinecone":
        yield EmbeddedVectorIndex(tmp_path / "vectors", exact_up_to=10 if request.param == "graph" else 1_000)
        return
    from backend.adapters.vectors.pinecone import PineconeVectorIndex

    key = os.environ.get("PINECONE_API_KEY")
    if not key:
        with ExitStack() as stack:
            double = stack.enter_context(pinecone_server(PineconeDouble(lag_seconds=0.03)))
            pinecone = PineconeVectorIndex(KEY, index=INDEX, tenant="contract", controller=double.url)
            yield stack.enter_context(closing(pinecone))
        return
    name = os.environ.get("SEGUE_TEST_PINECONE_INDEX", INDEX)
    with closing(PineconeVectorIndex(key, index=name, tenant="contract")) as pinecone:
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
    near = 1e-3 if "graph" in request.node.name else 1e-4
    assert pytest.approx([exact[ids.index(name)] for name in names], abs=near) == [one.score for one in found]


def test_excluded_ids_make_room_for_others(index: VectorIndex) -> None:
    """The limit is reached without them."""
    ids, vectors = points(50)
    index.create(NAMESPACE, ids, vectors)
    best = [one.id for one in index.search(NAMESPACE, vectors[0], limit=6, exclude=frozenset())]
    found = index.search(NAMESPACE, vectors[0], limit=3, exclude=frozenset(best[:3]) | {"nobody"})
    assert best[3:] == [one.id for one in found]


def test_what_is_near_tracks_is_what_searches_for_them_find(index: VectorIndex) -> None:
    """Asked again too, when what was found is kept; neither the track itself nor the excluded, unknown ones passed."""
    ids, vectors = points(300)
    index.create(NAMESPACE, ids, vectors)
    for exclude in (frozenset[str](), frozenset({"t1", "t2", "nobody"}), frozenset(ids[100:])):
        near = index.near_tracks(NAMESPACE, ["t7", "nobody", "t3"], limit=5, exclude=exclude)
        assert ["t7", "t3"] == list(near.seeds)
        for seed, places, scores in zip(near.seeds, near.places, near.scores, strict=True):
            own = index.fetch(NAMESPACE, [seed])[seed]
            found = index.search(NAMESPACE, own, limit=5, exclude=exclude | {seed})
            assert [one.id for one in found] == [near.names[place] for place in places.tolist()]
            assert pytest.approx([one.score for one in found], abs=1e-6) == scores.tolist()
    index.remove(NAMESPACE, ["t7"])
    assert ["t3"] == list(index.near_tracks(NAMESPACE, ["t7", "t3"], limit=5, exclude=frozenset()).seeds)
    with pytest.raises(NotFound):
        index.near_tracks("20260301-b.content", ["t7"], limit=5, exclude=frozenset())


def test_fewer_than_the_limit_is_no_error(index: VectorIndex) -> None:
    """Everything comes, once."""
    ids, vectors = points(12)
    index.create(NAMESPACE, ids, vectors)
    assert set(ids) == {one.id for one in index.search(NAMESPACE, vectors[0], limit=100, exclude=frozenset())}


def test_vectors_are_fetched_as_they_were_written(index: VectorIndex, request: pytest.FixtureRequest) -> None:
    """The known ones among the ids; beside a graph to the twelfth bit."""
    ids, vectors = points(20)
    index.create(NAMESPACE, ids, vectors)
    found = index.fetch(NAMESPACE, ["t3", "nobody", "t5"])
    assert {"t3", "t5"} == set(found)
    near = np.abs(vectors).max() / 4_000 if "graph" in request.node.name else 1e-6
    np.testing.assert_allclose(vectors[3], found["t3"], atol=near)
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


def facets(count: int) -> list[Facets]:
    """Tags, years, artists and sources that take turns; every seventh is not known at all."""
    return [
        Facets()
        if place % 7 == 6
        else Facets(
            tags=(f"tag{place % 3}", "Jóga"),
            year=None if place % 5 == 4 else 1990 + place % 20,
            artists=(f"a{place % 11}",),
            source="fma" if place % 2 else "first_party",
        )
        for place in range(count)
    ]


@pytest.mark.parametrize(
    "where",
    [
        Filter(),
        Filter(tags=frozenset({"tag1"})),
        Filter(tags=frozenset({"tag1", "tag2"}), first_year=1995, last_year=2000),
        Filter(artists=frozenset({"a3", "nobody"}), sources=frozenset({"fma"})),
        Filter(first_year=2003),
        Filter(last_year=1991),
        Filter(tags=frozenset({"polka"})),
    ],
    ids=["all", "tag", "tags and years", "artist and source", "from", "until", "none"],
)
def test_a_filter_leaves_the_nearest_of_those_admitted(
    index: VectorIndex, where: Filter, request: pytest.FixtureRequest
) -> None:
    """In their order, as many as asked for, as `Filter.admits` tells; a graph may miss one of ten where most are."""
    ids, vectors = points(300)
    known = facets(300)
    index.create(NAMESPACE, ids, vectors, facets=known)
    scores = vectors @ vectors[5]
    wanted = [ids[place] for place in np.argsort(-scores) if place != 5 and where.admits(known[place])][:10]
    found = index.search(NAMESPACE, vectors[5], limit=10, exclude=frozenset({"t5"}), where=where)
    names = [one.id for one in found]
    if "graph" in request.node.name:
        assert len(set(wanted) - set(names)) <= 1
        assert len(wanted) == len(names)
    else:
        assert wanted == names


def test_a_filter_admits_nothing_where_nothing_is_known(index: VectorIndex) -> None:
    """A namespace without facets."""
    ids, vectors = points(20)
    index.create(NAMESPACE, ids, vectors)
    where = Filter(sources=frozenset({"fma"}))
    assert [] == index.search(NAMESPACE, vectors[0], limit=5, exclude=frozenset(), where=where)
    with pytest.raises(ValueError, match="facets"):
        index.create(NAMESPACE, ids, vectors, facets=[Facets()])


def test_removed_vectors_are_neither_found_nor_fetched_nor_counted(index: VectorIndex) -> None:
    """Twice is no error, nor are ids that never were; the others stay as they are."""
    ids, vectors = points(40)
    index.create(NAMESPACE, ids, vectors, facets=facets(40))
    before = [one.id for one in index.search(NAMESPACE, vectors[0], limit=40, exclude=frozenset())]
    gone = set(before[:3])
    index.remove(NAMESPACE, [*sorted(gone), "nobody"])
    index.remove(NAMESPACE, sorted(gone)[:1])
    assert 37 == index.count(NAMESPACE)
    assert {"t39"} - gone == set(index.fetch(NAMESPACE, [*sorted(gone), "t39"]))
    assert before[3:] == [one.id for one in index.search(NAMESPACE, vectors[0], limit=40, exclude=frozenset())]
    where = Filter(tags=frozenset({"Jóga"}))
    found = index.search(NAMESPACE, vectors[0], limit=40, exclude=frozenset(), where=where)
    assert [] == sorted(gone & {one.id for one in found})
    with pytest.raises(NotFound):
        index.remove("nowhere", ["t1"])


def test_ids_of_any_letters_come_back_as_they_were(index: VectorIndex) -> None:
    """Percent signs, blanks and letters beyond ASCII."""
    vectors = points(4)[1]
    ids = ["Björk/Jóga", "100%", "a b", "%20"]
    index.create(NAMESPACE, ids, vectors)
    assert set(ids) == {one.id for one in index.search(NAMESPACE, vectors[0], limit=4, exclude=frozenset())}
    assert set(ids) == set(index.fetch(NAMESPACE, ids))
    index.remove(NAMESPACE, ids[:1])
    assert {"100%"} == set(index.fetch(NAMESPACE, ids[:2]))


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


def test_many_vectors_take_less_than_half_their_size_and_hardly_differ(tmp_path: Path) -> None:
    """Twelve bits a number and the graph; fetched they are within 2e-4, and scores too."""
    ids, vectors = points(3_000, dimension=384)
    index = EmbeddedVectorIndex(tmp_path, exact_up_to=1_000)
    index.create(NAMESPACE, ids, vectors)
    size = sum(file.stat().st_size for file in (tmp_path / NAMESPACE).iterdir() if file.name != "ids.json")
    assert size < 0.5 * vectors.nbytes
    np.testing.assert_allclose(vectors[7], index.fetch(NAMESPACE, ["t7"])["t7"], atol=1e-4)
    best = index.search(NAMESPACE, vectors[7], limit=1, exclude=frozenset())[0]
    assert ("t7", pytest.approx(1.0, abs=2e-4)) == (best.id, best.score)


@pytest.mark.parametrize("scan_up_to", [10, 3_000])
def test_filters_beside_a_graph_find_what_brute_force_finds(tmp_path: Path, scan_up_to: int) -> None:
    """Whether those admitted are scored one by one or the graph is asked for more: recall at 10 is at least 0.95."""
    ids, vectors = points(5_000, dimension=32)
    known = facets(5_000)
    index = EmbeddedVectorIndex(tmp_path, exact_up_to=1_000, scan_up_to=scan_up_to)
    index.create(NAMESPACE, ids, vectors, facets=known)
    index.remove(NAMESPACE, ids[:500])
    for where in (Filter(artists=frozenset({"a3"})), Filter(sources=frozenset({"fma"})), Filter()):
        admitted = np.array([place >= 500 and where.admits(one) for place, one in enumerate(known)])
        found = 0
        for query in points(20, dimension=32, seed=2)[1]:
            best = {ids[place] for place in np.argsort(np.where(admitted, -(vectors @ query), np.inf))[:10]}
            names = [one.id for one in index.search(NAMESPACE, query, limit=10, exclude=frozenset(), where=where)]
            assert 10 == len(names)
            assert all(admitted[ids.index(name)] for name in names)
            found += len(best & set(names))
        assert found / (20 * 10) >= 0.95


@pytest.mark.parametrize("exact_up_to", [10, 1_000])
def test_a_removal_is_seen_by_who_had_opened_the_namespace(tmp_path: Path, exact_up_to: int) -> None:
    """And after a restart."""
    ids, vectors = points(50)
    writer, reader = (EmbeddedVectorIndex(tmp_path, exact_up_to=exact_up_to) for _ in range(2))
    writer.create(NAMESPACE, ids, vectors)
    assert 50 == reader.count(NAMESPACE)
    for gone in ("t0", "t1"):
        writer.remove(NAMESPACE, [gone])
    for index in (reader, EmbeddedVectorIndex(tmp_path)):
        assert 48 == index.count(NAMESPACE)
        assert {"t0", "t1"}.isdisjoint(
            one.id for one in index.search(NAMESPACE, vectors[0], limit=50, exclude=frozenset())
        )
    writer.create(NAMESPACE, ids, vectors)
    assert 50 == reader.count(NAMESPACE)


@pytest.mark.parametrize(("exact_up_to", "name"), [(1_000, "vectors.npy"), (10, "graph.usearch"), (10, "rest.npy")])
def test_a_damaged_file_is_found_when_it_is_opened(tmp_path: Path, exact_up_to: int, name: str) -> None:
    """One flipped bit is enough; the error names the file and what to do."""
    EmbeddedVectorIndex(tmp_path, exact_up_to=exact_up_to).create(NAMESPACE, *points(50))
    content = bytearray((tmp_path / NAMESPACE / name).read_bytes())
    content[-3] ^= 1
    (tmp_path / NAMESPACE / name).write_bytes(content)
    with pytest.raises(Unavailable, match=rf"{name} is damaged: `segue train`"):
        EmbeddedVectorIndex(tmp_path).count(NAMESPACE)


def test_a_namespace_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Ids and vectors, and nothing beside them."""
    ids, vectors = points(20)
    (tmp_path / NAMESPACE).mkdir()
    (tmp_path / NAMESPACE / "ids.json").write_text(json.dumps(ids))
    np.save(tmp_path / NAMESPACE / "vectors.npy", vectors)
    index = EmbeddedVectorIndex(tmp_path)
    assert "t3" == index.search(NAMESPACE, vectors[3], limit=1, exclude=frozenset())[0].id


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
