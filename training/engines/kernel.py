"""The inner loops of the local engine, compiled by numba; they release the GIL, so that threads run side by side.

Rows are independent of each other: however they are dealt out to threads, each comes out the same to the byte.

numba keeps what it compiled in files named after the function, and links it under names made of the function's and a
number that counts anew in each process. So each size of a loop has a name of its own here: processes that compile
different sizes would otherwise write each other's files, and one that reads two sizes run one's loop for both.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba as nb
import numpy as np

UNROLLED = 4
"""Entries taken together: their table rows share one pass over the vectors that stay in registers."""

_TINY = 1e-12

Kernel = Callable[..., None]


@cache
def row_solver(dimension: int, steps: int) -> Kernel:
    """Solve rows of X by `steps` preconditioned conjugate gradients each, from what X holds.

    Called as (first, last, indptr, indices, confidence, weight, regularization, dense, table, X): for each row u the
    system (diag(dense) + regularization[u] · I + Σ c y yᵀ) x = Σ (c + weight) y over its entries. `dense` (dimension,)
    is the diagonal of weight · YᵀY, which is diagonal because the caller turned the table Y into the eigenvectors of
    YᵀY: the unobserved pairs then cost nothing per row and are preconditioned exactly. Arrays are float32, `indptr`
    int64, `indices` int32; a row without entries becomes zero.
    """
    add = _adder(dimension)

    def solve(  # noqa: PLR0917  # numba takes positional arguments
        first: Any,
        last: Any,
        indptr: Any,
        indices: Any,
        confidence: Any,
        weight: Any,
        regularization: Any,
        dense: Any,
        table: Any,
        rows: Any,
    ) -> None:
        zero, one = np.float32(0), np.float32(1)
        diagonal, residual = np.empty(dimension, np.float32), np.empty(dimension, np.float32)
        direction, image = np.empty(dimension, np.float32), np.empty(dimension, np.float32)
        for row in range(first, last):
            begin, end, x = indptr[row], indptr[row + 1], rows[row]
            if begin == end:
                x[:] = zero
                continue
            for k in range(dimension):
                diagonal[k] = dense[k] + regularization[row]
                residual[k] = -diagonal[k] * x[k]
            add(residual, x, begin, end, indices, confidence, table, one, weight, -one)
            size = zero
            for k in range(dimension):
                direction[k] = residual[k] / diagonal[k]
                size += residual[k] * direction[k]
            for _ in range(steps):
                if size < _TINY:
                    break
                for k in range(dimension):
                    image[k] = diagonal[k] * direction[k]
                add(image, direction, begin, end, indices, confidence, table, zero, weight, one)
                curvature = zero
                for k in range(dimension):
                    curvature += direction[k] * image[k]
                length, before, size = size / curvature, size, zero
                for k in range(dimension):
                    x[k] += length * direction[k]
                    residual[k] -= length * image[k]
                    size += residual[k] * residual[k] / diagonal[k]
                for k in range(dimension):
                    direction[k] = residual[k] / diagonal[k] + size / before * direction[k]

    return _compiled(solve, f"row_solver_{dimension}_{steps}")


@cache
def row_sums(dimension: int) -> Kernel:
    """Rows of C · Y, called as (first, last, indptr, indices, confidence, table, rows); types as for `row_solver`."""

    def sums(  # noqa: PLR0917  # numba takes positional arguments
        first: Any, last: Any, indptr: Any, indices: Any, confidence: Any, table: Any, rows: Any
    ) -> None:
        for row in range(first, last):
            x = rows[row]
            x[:] = np.float32(0)
            for entry in range(indptr[row], indptr[row + 1]):
                y = table[indices[entry]]
                for k in range(dimension):
                    x[k] += confidence[entry] * y[k]

    return _compiled(sums, f"row_sums_{dimension}")


def _compiled(loop: Callable[..., None], name: str) -> Kernel:
    loop.__name__ = loop.__qualname__ = name
    return nb.njit(loop, nogil=True, fastmath=True, cache=True)  # type: ignore[no-any-return]  # numba ships no types


@cache
def _adder(dimension: int) -> Any:
    """Compiled into the loop that calls it.

    Adds to `out`: Σ (target · (c + weight) + sign · c · (y · v)) y over the entries begin..end.
    """

    def add(  # noqa: PLR0917  # numba takes positional arguments
        out: Any,
        vector: Any,
        begin: Any,
        end: Any,
        indices: Any,
        confidence: Any,
        table: Any,
        target: Any,
        weight: Any,
        sign: Any,
    ) -> None:
        entry = begin
        while entry + UNROLLED <= end:
            y0, y1 = table[indices[entry]], table[indices[entry + 1]]
            y2, y3 = table[indices[entry + 2]], table[indices[entry + 3]]
            t0 = t1 = t2 = t3 = np.float32(0)
            for k in range(dimension):
                t0 += y0[k] * vector[k]
                t1 += y1[k] * vector[k]
                t2 += y2[k] * vector[k]
                t3 += y3[k] * vector[k]
            c0, c1, c2, c3 = confidence[entry], confidence[entry + 1], confidence[entry + 2], confidence[entry + 3]
            t0 = target * (c0 + weight) + sign * c0 * t0
            t1 = target * (c1 + weight) + sign * c1 * t1
            t2 = target * (c2 + weight) + sign * c2 * t2
            t3 = target * (c3 + weight) + sign * c3 * t3
            for k in range(dimension):
                out[k] += t0 * y0[k] + t1 * y1[k] + t2 * y2[k] + t3 * y3[k]
            entry += UNROLLED
        while entry < end:
            y0 = table[indices[entry]]
            t0 = np.float32(0)
            for k in range(dimension):
                t0 += y0[k] * vector[k]
            c0 = confidence[entry]
            t0 = target * (c0 + weight) + sign * c0 * t0
            for k in range(dimension):
                out[k] += t0 * y0[k]
            entry += 1

    add.__name__ = add.__qualname__ = f"adder_{dimension}"
    # A function compiled by itself would have another identity in each process, and its callers never be found again.
    return nb.extending.register_jitable(fastmath=True)(add)
