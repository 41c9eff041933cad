"""The benches of the content side: their vectors and texts, what their rows are made of, and what they lack."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.adapters.encoder.onnx import OnnxTextEncoder
from backend.domain.errors import Unavailable
from backend.ports.vectors import Vectors
from bench import embedding, retrieval
from bench.embeddings import clustered, intrinsic_dimension
from training.content.export import export_encoder


class ExactIndex:
    """What the bench uses of hnswlib's Index, by brute force: a reference whose answers are known."""

    def __init__(self, *, space: str, dim: int) -> None:
        assert ("ip", 384) == (space, dim)
        self.vectors = np.empty((0, dim), dtype=np.float32)

    def init_index(self, *_: int, **__: int) -> None:
        """Nothing to prepare."""

    set_num_threads = set_ef = init_index

    def add_items(self, vectors: Vectors, **_: int) -> None:
        """Keep them."""
        self.vectors = vectors

    def save_index(self, file: str) -> None:
        """Two bytes a number and no more."""
        Path(file).write_bytes(self.vectors.astype(np.float16).tobytes())

    def knn_query(self, question: Vectors, count: int, **_: int) -> tuple[Any, Any]:
        """The nearest, best first."""
        scores = self.vectors @ question
        order = np.argsort(-scores)[None, :count]
        return order, scores[order]


class HnswlibModule:
    """The module's one name."""

    Index = ExactIndex


def test_vectors_are_of_length_one_repeatable_and_of_few_dimensions() -> None:
    """In 384 coordinates they spread in far fewer."""
    vectors = clustered(4_000, dimension=384, topics=100, seed=0)
    np.testing.assert_allclose(np.ones(4_000), np.linalg.norm(vectors, axis=1), rtol=1e-5)
    assert vectors.tobytes() == clustered(4_000, dimension=384, topics=100, seed=0).tobytes()
    assert 5 < intrinsic_dimension(vectors, sample=500, seed=0) < 40
    gaussian = np.random.default_rng(0).normal(size=(4_000, 384)).astype(np.float32)
    gaussian /= np.linalg.norm(gaussian, axis=1, keepdims=True)
    assert intrinsic_dimension(gaussian, sample=500, seed=0) > 40


def test_retrieval_measures_both_sides_on_the_same_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the size of a graph ours is exact, so is this reference: recalls of 1, and sizes as they are on disk."""
    monkeypatch.setattr(retrieval, "_hnswlib", HnswlibModule)
    plan = retrieval.Plan(vectors=2_000, dimension=384, questions=20, repeats=3, seed=0, kept=tmp_path)
    measured = retrieval.measure(plan, lambda _: None)
    rows = {row.name: row for row in measured.rows}
    assert ["qps_vs_hnswlib", "bytes_vs_hnswlib", "recall", "filtered_recall"] == list(rows)
    assert (1.0, 1.0) == (rows["recall"].ratio, rows["filtered_recall"].ours)
    assert 3 == len(rows["qps_vs_hnswlib"].ratios)
    assert rows["bytes_vs_hnswlib"].ours == pytest.approx(1_536, rel=0.01)
    assert 768 == rows["bytes_vs_hnswlib"].reference


def test_a_missing_reference_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no part of the environment: it would need a compiler there."""
    monkeypatch.setitem(__import__("sys").modules, "hnswlib", None)
    plan = retrieval.Plan(vectors=1_000, dimension=384, questions=10, repeats=1, seed=0)
    with pytest.raises(Unavailable, match="pip install hnswlib"):
        retrieval.measure(plan, lambda _: None)


def test_a_side_of_the_embedding_bench_answers_with_its_encoders_vectors(tmp_path: Path) -> None:
    """In a process of its own; a text beside others or alone."""
    export_encoder(tmp_path / "encoder")
    texts = embedding.catalogue_texts(8, seed=0)
    assert 8 == len(texts)
    assert all(" by " in text for text in texts)
    with embedding._side("onnx", tmp_path / "encoder") as side:
        told = side.ask(texts=texts, vectors=True)
        alone = side.ask(texts=texts[:2], single=True)
    expected = OnnxTextEncoder(tmp_path / "encoder", threads=1).encode(texts)
    np.testing.assert_allclose(expected, np.array(told["vectors"]), atol=1e-6)
    assert 0 < alone["seconds"]
    assert {"seconds"} == json.loads(json.dumps(alone)).keys()
