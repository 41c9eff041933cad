"""How the embedded vector index answers beside hnswlib, one question after the other, in turns, on one thread.

Both are made of the same vectors. hnswlib searches with the least `ef` that finds, on questions of their own, as many
of the ten nearest as ours does. A question is one call, as a server makes it, with all that the adapter does around it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.errors import Unavailable
from backend.ports.vectors import EVERYTHING, Facets, Filter, Vectors
from bench.embeddings import clustered, intrinsic_dimension
from bench.rows import Pair, Row, row

NEAREST = 10
SELECTIVITY = 0.01
REFERENCE_M, REFERENCE_EF_CONSTRUCTION = 16, 200
_EFS = (10, 14, 18, 22, 26, 30, 34, 38, 42, 46, 50, 56, 62, 68, 76, 84, 96, 110, 130, 160, 200, 300, 400)
_NAMESPACE = "bench.content"
_RARE = Filter(tags=frozenset({"rare"}))

Search = Callable[[Vectors], Sequence[int]]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`kept` is a folder where the indexes stay for another run, None where they go with this one."""

    vectors: int
    dimension: int
    questions: int
    repeats: int
    seed: int
    kept: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The rows, and what they were measured with: sizes, `ef` of hnswlib, bytes a vector, the vectors' dimension."""

    rows: Sequence[Row]
    settings: dict[str, float]


def measure(plan: Plan, say: Callable[[str], None]) -> Measured:
    """Make both indexes, choose hnswlib's `ef`, then ask in turns. Raises Unavailable where hnswlib is missing."""
    hnswlib = _hnswlib()
    made = clustered(plan.vectors + 2 * plan.questions, dimension=plan.dimension, topics=1_000, seed=plan.seed)
    vectors, calibration, questions = np.split(made, [plan.vectors, plan.vectors + plan.questions])
    rare = np.random.default_rng(plan.seed).random(plan.vectors) < SELECTIVITY
    with ExitStack() as stack:
        folder = plan.kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="segue-bench-")))
        where = folder / f"{plan.vectors}-{plan.dimension}-{plan.seed}"
        where.mkdir(parents=True, exist_ok=True)
        index = _ours(where, vectors, rare, say)
        reference = _reference(hnswlib, where / "hnswlib.bin", vectors, say)

        def ours(question: Vectors, admitted: Filter = EVERYTHING) -> Sequence[int]:
            found = index.search(_NAMESPACE, question, limit=NEAREST, exclude=frozenset(), where=admitted)
            return [int(one.id) for one in found]

        def theirs(question: Vectors) -> Sequence[int]:
            found: list[int] = reference.knn_query(question, NEAREST, num_threads=1)[0][0].tolist()
            return found

        known = _exact(vectors, calibration)
        target = _recall(ours, calibration, known)
        ef = _least_ef(reference, theirs, calibration, known, target)
        say(f"hnswlib needs ef {ef} for our recall of {target:.4f}")
        nearest = _exact(vectors, questions)
        places = np.flatnonzero(rare)
        filtered = _recall(lambda one: ours(one, _RARE), questions, places[_exact(vectors[places], questions)])
        recalls = Pair(ours=_recall(ours, questions, nearest), reference=_recall(theirs, questions, nearest))
        speeds = [_turn(number, ours, theirs, questions) for number in range(plan.repeats)]
        rare_speeds = [_speed(lambda one: ours(one, _RARE), questions) for _ in range(plan.repeats)]
        bytes_of = Pair(
            ours=_bytes(where / "ours" / _NAMESPACE) / plan.vectors,
            reference=(where / "hnswlib.bin").stat().st_size / plan.vectors,
        )
    return Measured(
        rows=[
            row("qps_vs_hnswlib", speeds, unit="questions/s"),
            row("bytes_vs_hnswlib", [bytes_of], unit="bytes/vector"),
            row("recall", [recalls], unit="recall@10"),
            row("filtered_recall", [Pair(ours=filtered, reference=1.0)], unit="recall@10"),
        ],
        settings={
            "vectors": plan.vectors,
            "dimension": plan.dimension,
            "intrinsic dimension": intrinsic_dimension(vectors, sample=1_000, seed=plan.seed),
            "hnswlib ef": ef,
            "filtered questions/s": float(np.median(rare_speeds)),
        },
    )


def _hnswlib() -> Any:
    try:
        import hnswlib
    except ModuleNotFoundError as error:
        raise Unavailable(
            "hnswlib, which ours is measured beside, is not installed; it comes as source and needs g++: "
            "`.bootstrap/bin/uv pip install hnswlib==0.8.0`"
        ) from error
    return hnswlib


def _ours(where: Path, vectors: Vectors, rare: NDArray[np.bool_], say: Callable[[str], None]) -> EmbeddedVectorIndex:
    index = EmbeddedVectorIndex(where / "ours")
    if _NAMESPACE not in index.namespaces():
        began = time.monotonic()
        facets = [Facets(tags=("rare",) if one else ("usual",)) for one in rare.tolist()]
        index.create(_NAMESPACE, [str(place) for place in range(len(vectors))], vectors, facets=facets)
        say(f"ours: {len(vectors):,} vectors written in {time.monotonic() - began:.0f} s")
    return index


def _reference(hnswlib: Any, file: Path, vectors: Vectors, say: Callable[[str], None]) -> Any:
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    if file.exists():
        index.load_index(str(file))
    else:
        began = time.monotonic()
        index.init_index(len(vectors), ef_construction=REFERENCE_EF_CONSTRUCTION, M=REFERENCE_M, random_seed=100)
        index.add_items(vectors, num_threads=1)
        index.save_index(str(file))
        say(f"hnswlib: {len(vectors):,} vectors written in {time.monotonic() - began:.0f} s")
    index.set_num_threads(1)
    return index


def _exact(vectors: Vectors, questions: Vectors) -> Places:
    """(questions, NEAREST): the nearest by brute force."""
    found = []
    for part in np.array_split(questions, max(1, len(questions) // 50)):
        scores = part @ vectors.T
        some = np.argpartition(-scores, NEAREST, axis=1)[:, :NEAREST]
        order = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1)
        found.append(np.take_along_axis(some, order, axis=1))
    return np.concatenate(found)


def _recall(search: Search, questions: Vectors, nearest: Places) -> float:
    found = [len(set(search(one)) & set(best)) for one, best in zip(questions, nearest.tolist(), strict=True)]
    return sum(found) / nearest.size


def _least_ef(reference: Any, search: Search, questions: Vectors, nearest: Places, target: float) -> int:
    for ef in _EFS:
        reference.set_ef(ef)
        if _recall(search, questions, nearest) >= target:
            return ef
    return _EFS[-1]


def _turn(number: int, ours: Search, theirs: Search, questions: Vectors) -> Pair:
    """Both in turns, quarter by quarter; who begins changes, and so does what a busy machine takes from whom."""
    seconds = {"ours": 0.0, "theirs": 0.0}
    for quarter, part in enumerate(np.array_split(questions, 4)):
        sides = [("ours", ours), ("theirs", theirs)]
        for name, search in sides if (number + quarter) % 2 else reversed(sides):
            seconds[name] += len(part) / _speed(search, part)
    return Pair(ours=len(questions) / seconds["ours"], reference=len(questions) / seconds["theirs"])


def _speed(search: Search, questions: Vectors) -> float:
    began = time.perf_counter()
    for question in questions:
        search(question)
    return len(questions) / (time.perf_counter() - began)


def _bytes(folder: Path) -> int:
    """What answers are made of; both sides need the ids beside it, and a filter its facets."""
    other = {"ids.json", "contents.json", "facets.npz", "facets.json"}
    return sum(file.stat().st_size for file in folder.iterdir() if file.name not in other)
