"""Sweeps of implicit ALS over both sides, on the kernels of `kernel.py` and as many threads as wanted.

Work is cut by the data alone and sums are taken in the order of the cuts, with BLAS on one thread inside each: the same
data, start and settings give the same bytes on any number of threads.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from training.data.dataset import Float32
from training.engines.kernel import Kernel, row_solver, row_sums
from training.engines.trainer import AlsWeights

CG_STEPS = 2
"""Per row and sweep: preconditioned and started from the last sweep's factors, two are as good as exact."""

WARM_STEPS = 1
"""In all half sweeps from an earlier version's factors but the last two: there is less to find (docs/adr/0007)."""

_PARTS = 32
_BLOCK = 8192
_ROW_COST = 8
"""A row costs as much as this many entries beside its entries."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the confidence matrix as rows: listeners, or tracks of the transposed."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    confidence: Float32
    parts: list[Span]

    @staticmethod
    def of(matrix: sp.csr_matrix) -> "Side":
        """Cut into parts of about equal work."""
        indptr = matrix.indptr.astype(np.int64)
        work = indptr + _ROW_COST * np.arange(len(indptr))
        edges = np.unique(np.searchsorted(work, np.linspace(0, work[-1], _PARTS + 1)))
        return Side(
            indptr=indptr,
            indices=matrix.indices.astype(np.int32, copy=False),
            confidence=matrix.data.astype(np.float32, copy=False),
            parts=list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1


class Threads:
    """Runs spans of rows side by side; dense sums and products by blocks."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def each(self, run: Callable[[int, int], object], spans: Iterable[Span]) -> None:
        """`run(first, last)` for every span; raises what a span raised."""
        for _ in self._pool.map(lambda span: run(*span), spans):
            pass

    def gram(self, rows: Float32) -> NDArray[np.float64]:
        """Σ x xᵀ (dimension, dimension): products in float32 by blocks, their sum in float64."""

        def part(span: Span) -> NDArray[np.float64]:
            block = rows[span[0] : span[1]]
            return (block.T @ block).astype(np.float64)

        total = np.zeros((rows.shape[1], rows.shape[1]))
        for found in self._pool.map(part, _blocks(len(rows))):
            total += found
        return total

    def turned(self, rows: Float32, basis: Float32) -> Float32:
        """The product rows · basis."""
        out = np.empty((len(rows), basis.shape[1]), dtype=np.float32)
        self.each(lambda first, last: np.matmul(rows[first:last], basis, out=out[first:last]), _blocks(len(rows)))
        return out


@contextmanager
def threads_of(count: int) -> Iterator[Threads]:
    """`count` threads, each with a BLAS of one."""
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        yield Threads(pool)


def half_sweeps(
    listeners: Float32,
    tracks: Float32,
    sides: tuple[Side, Side],
    solved: AlsWeights,
    *,
    steps: Sequence[int],
    threads: Threads,
) -> tuple[Float32, Float32]:
    """The listeners from the tracks, the tracks from the listeners, and so on; the new factors of both.

    Each half sweep takes its number of `steps` of conjugate gradients per row. `sides` are the matrix by listeners and
    by tracks. A listener none of whose tracks has factors becomes zero in the first one.
    """
    # The frequency of a row counts the unobserved pairs of the other side as well (Rendle et al. 2021).
    penalties = tuple(
        np.float32(solved.regularization)
        * (np.diff(side.indptr) + solved.unobserved_weight * len(other)).astype(np.float32)
        ** np.float32(solved.frequency_power)
        for side, other in (sides, sides[::-1])
    )
    factors = [listeners, tracks]
    for number, count in enumerate(steps):
        own = number % 2
        solve = row_solver(tracks.shape[1], count)
        factors[1 - own], factors[own] = _half(
            sides[own],
            factors[1 - own],
            factors[own],
            solve,
            penalty=penalties[own],
            weight=np.float32(solved.unobserved_weight),
            threads=threads,
        )
    return factors[0], factors[1]


def spectral_start(dimension: int, sides: tuple[Side, Side], *, rounds: int, seed: int, threads: Threads) -> Float32:
    """Track factors (tracks, dimension) to begin from, near the leading singular space of the confidences.

    `rounds` of subspace iteration (Halko, Martinsson and Tropp 2011) from random columns, on the matrix scaled by
    1/√(sum of the row · sum of the column), so that the most popular tracks do not take all the room. 0: the random
    columns.
    """
    by_listener, by_track = sides
    rng = np.random.default_rng(seed)
    tracks = rng.standard_normal((len(by_track), dimension), dtype=np.float32)
    scales = tuple(_scale(side) for side in sides)
    for number in range(rounds):
        # Each side comes out orthonormal, or the last columns would drown in the first.
        tracks = _orthonormal(tracks, threads) if number else tracks
        listeners = _scaled_sums(by_listener, tracks, scales[0], scales[1], threads)
        tracks = _scaled_sums(by_track, _orthonormal(listeners, threads), scales[1], scales[0], threads)
    if rounds:
        tracks /= np.maximum(scales[1], np.finfo(np.float32).tiny)[:, None]
    return np.asarray(tracks / max(float(np.sqrt(np.mean(tracks**2))), _SMALLEST), dtype=np.float32)


_SMALLEST = 1e-12


def _half(
    side: Side,
    table: Float32,
    rows: Float32,
    solve: Kernel,
    *,
    penalty: Float32,
    weight: np.float32,
    threads: Threads,
) -> tuple[Float32, Float32]:
    values, vectors = np.linalg.eigh(threads.gram(table))
    basis = vectors.astype(np.float32)
    table, rows = threads.turned(table, basis), threads.turned(rows, basis)
    dense = (weight * np.maximum(values, 0.0)).astype(np.float32)
    threads.each(
        lambda first, last: solve(
            first, last, side.indptr, side.indices, side.confidence, weight, penalty, dense, table, rows
        ),
        side.parts,
    )
    return table, rows


def _scale(side: Side) -> Float32:
    """1/√(sum of the row), 0 for a row without entries."""
    filled = np.diff(side.indptr) > 0
    sums = np.zeros(len(side))
    sums[filled] = np.add.reduceat(side.confidence, side.indptr[:-1][filled], dtype=np.float64)
    return np.divide(1.0, np.sqrt(sums), out=np.zeros(len(side)), where=sums > 0).astype(np.float32)


def _scaled_sums(side: Side, table: Float32, own: Float32, other: Float32, threads: Threads) -> Float32:
    out = np.empty((len(side), table.shape[1]), dtype=np.float32)
    scaled = table * other[:, None]
    sums = row_sums(table.shape[1])
    threads.each(
        lambda first, last: sums(first, last, side.indptr, side.indices, side.confidence, scaled, out), side.parts
    )
    out *= own[:, None]
    return out


def _orthonormal(rows: Float32, threads: Threads) -> Float32:
    values, vectors = np.linalg.eigh(threads.gram(rows))
    # Directions that the data does not have are left small instead of blown up.
    lengths = np.sqrt(np.maximum(values, 1e-7 * max(float(values[-1]), _SMALLEST)))
    return threads.turned(rows, (vectors / lengths).astype(np.float32))


def _blocks(count: int) -> list[Span]:
    return [(first, min(first + _BLOCK, count)) for first in range(0, count, _BLOCK)]
