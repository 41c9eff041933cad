"""What the Pinecone index does when the service is slow, full, half written, or refuses."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest

from backend.adapters.vectors.pinecone import PineconeVectorIndex
from backend.adapters.vectors.pinecone_language import batches, metadata
from backend.domain.errors import InvalidInput, NotFound, Unavailable
from backend.ports.vectors import Facets, Vectors
from tests.pinecone_double import INDEX, KEY, Fault, PineconeDouble
from tests.pinecone_server import pinecone_server

NAMESPACE = "v1.content"


@pytest.fixture
def double() -> Iterator[PineconeDouble]:
    """The documented service, empty and well."""
    with pinecone_server(PineconeDouble()) as running:
        yield running


@pytest.fixture
def index(double: PineconeDouble) -> Iterator[PineconeVectorIndex]:
    """The index on it, that waits a second for answers and for what was written."""
    with opened(double) as one:
        yield one


@contextmanager
def opened(
    double: PineconeDouble, *, key: str = KEY, name: str = INDEX, tenant: str = "t"
) -> Iterator[PineconeVectorIndex]:
    """A client of the service."""
    index = PineconeVectorIndex(
        key, index=name, tenant=tenant, controller=double.url, read_seconds=1.0, visible_seconds=1.0
    )
    with closing(index):
        yield index


def points(count: int, dimension: int = 8) -> tuple[list[str], Vectors]:
    """Ids and random vectors."""
    vectors = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return [f"t{number}" for number in range(count)], vectors


def found(index: PineconeVectorIndex, vectors: Vectors) -> list[str]:
    """The three nearest of the first vector."""
    return [one.id for one in index.search(NAMESPACE, vectors[0], limit=3, exclude=frozenset())]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(double: PineconeDouble, index: PineconeVectorIndex, status: int) -> None:
    """Reads and writes give what they give without it."""
    ids, vectors = points(20)
    double.faults += [Fault(path, status) for path in ("/vectors/upsert", "/namespaces/", "/describe_index_stats")]
    index.create(NAMESPACE, ids, vectors)
    assert [ids[place] for place in np.argsort(-(vectors @ vectors[0]))[:3]] == found(index, vectors)
    double.faults += [Fault("/query", status), Fault("/vectors/fetch", status)]
    assert ids[0] in found(index, vectors)
    assert {"t3"} == set(index.fetch(NAMESPACE, ["t3"]))
    assert [] == double.faults


def test_a_write_that_was_done_though_it_failed_is_done_once(
    double: PineconeDouble, index: PineconeVectorIndex
) -> None:
    """Vectors are written by id: sent again they are no others."""
    double.faults += [Fault("/vectors/upsert", 503, after_the_deed=True)]
    index.create(NAMESPACE, *points(20))
    assert 20 == index.count(NAMESPACE)


def test_pinecone_is_waited_for_as_long_as_it_asks(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """Retry-After, not less."""
    ids, vectors = points(5)
    index.create(NAMESPACE, ids, vectors)
    double.faults += [Fault("/query", 429, retry_after="0.6")]
    began = time.monotonic()
    assert ids[0] in found(index, vectors)
    assert 0.6 <= time.monotonic() - began


def test_a_wait_beyond_the_deadline_is_not_begun(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """The caller hears at once how long Pinecone asks to wait, and for which index."""
    index.create(NAMESPACE, *points(5))
    double.faults += [Fault("/query", 429, retry_after="30")]
    began = time.monotonic()
    with pytest.raises(Unavailable, match=rf"wait 30 s before index {INDEX}"):
        found(index, points(5)[1])
    assert time.monotonic() - began < 0.5


def test_an_answer_that_does_not_come_ends_with_the_deadline(
    double: PineconeDouble, index: PineconeVectorIndex
) -> None:
    """However often it is tried."""
    index.create(NAMESPACE, *points(5))
    double.faults += [Fault("/query", 200, seconds=3.0)] * 3
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"\(vectors_url\) did not answer within 1 s"):
        found(index, points(5)[1])
    assert time.monotonic() - began < 2.0


def test_a_refused_request_is_not_repeated(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """HTTP 400 stays what it is."""
    index.create(NAMESPACE, *points(5))
    double.requests.clear()
    double.faults += [Fault("/query", 400)]
    with pytest.raises(Unavailable, match="HTTP 400"):
        found(index, points(5)[1])
    assert ["POST /query"] == double.requests


def test_wrong_settings_are_named(double: PineconeDouble) -> None:
    """The key, the index's name, its metric."""
    double.metric = "cosine"
    for wrong, words in (
        ({"key": "other"}, r"pinecone_api_key: .*SEGUE_PINECONE_API_KEY"),
        ({"name": "elsewhere"}, "vectors_url: Pinecone has no index elsewhere"),
        ({}, "vectors_url: .* dotproduct, not cosine"),
    ):
        with pytest.raises(InvalidInput, match=words), opened(double, **wrong):
            pass


def test_a_key_that_no_longer_counts_is_unavailable(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """So that answers fall back to the trend list, and the log says what to set."""
    double.faults += [Fault("/describe_index_stats", 403)]
    with pytest.raises(Unavailable, match="SEGUE_PINECONE_API_KEY"):
        index.count(NAMESPACE)


def test_create_returns_when_readers_see_it(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """Also where one of that name, of the same size, is replaced."""
    double.lag_seconds = 0.15
    ids, vectors = points(20)
    index.create(NAMESPACE, ids, vectors)
    index.create(NAMESPACE, ids, -vectors)
    with opened(double) as reader:
        np.testing.assert_allclose(-vectors[3], reader.fetch(NAMESPACE, ["t3"])["t3"], atol=1e-6)
        index.remove(NAMESPACE, ["t3"])
        assert {} == reader.fetch(NAMESPACE, ["t3"])


def test_what_never_becomes_visible_is_no_namespace(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """`create` says which count was waited for, and what to do."""
    double.lag_seconds = 30.0
    with pytest.raises(Unavailable, match=r"counts 20 vectors within 1 s: .* `segue train` again"):
        index.create(NAMESPACE, *points(20))


def test_vectors_that_come_back_other_than_written_are_no_namespace(
    double: PineconeDouble, index: PineconeVectorIndex
) -> None:
    """The canaries are compared, not only counted."""
    upsert = double.upsert

    def spoiled(namespace: str, records: dict[str, dict[str, object]]) -> None:
        upsert(namespace, {one: {**record, "values": [1.0] * 32} for one, record in records.items()})

    double.upsert = spoiled  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="gives vectors as written"):
        index.create(NAMESPACE, *points(20))


@pytest.mark.parametrize("is_404", [False, True])
def test_an_unknown_namespace_is_not_found(double: PineconeDouble, index: PineconeVectorIndex, *, is_404: bool) -> None:
    """Whether the service says 404 of it or answers with nothing."""
    double.unknown_namespace_is_404 = is_404
    with pytest.raises(NotFound):
        found(index, points(1)[1])
    with pytest.raises(NotFound):
        index.fetch(NAMESPACE, ["t1"])


def test_batches_keep_to_the_limits_of_the_service(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """A thousand records and two megabytes; the double refuses more."""
    ids, vectors = points(2_300)
    index.create(NAMESPACE, ids, vectors, facets=[Facets(tags=("jazz", "x" * 800))] * 2_300)
    assert 2_300 == index.count(NAMESPACE)
    assert 2 < double.requests.count("POST /vectors/upsert") < 6
    small = [slice(0, 1_000), slice(1_000, 1_500)]
    assert small == list(batches(["t"] * 1_500, [metadata(Facets(), 8)] * 1_500, 8))
    with pytest.raises(ValueError, match="fewer tags"):
        index.create(NAMESPACE, ids[:1], vectors[:1], facets=[Facets(tags=("x" * 50_000,))])
    with pytest.raises(ValueError, match="all zeros"):
        index.create(NAMESPACE, ids[:1], np.zeros((1, 8), dtype=np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        index.create(NAMESPACE, *points(2, dimension=64))


def test_tenants_do_not_see_each_other(double: PineconeDouble, index: PineconeVectorIndex) -> None:
    """Namespaces of another tenant are neither listed nor found."""
    index.create(NAMESPACE, *points(3))
    with opened(double, tenant="u") as other:
        assert [] == other.namespaces()
        with pytest.raises(NotFound):
            other.count(NAMESPACE)
