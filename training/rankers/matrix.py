"""Small steps on sparse matrices that several rankers share."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from backend.domain.errors import InvalidInput, Violation
from training.data.dataset import Float32, Interactions


def require_plays(pairs: Interactions) -> None:
    """Raises InvalidInput where there is no interaction."""
    if len(pairs) == 0:
        raise InvalidInput([Violation("interactions", "there is no play to learn from: ingest plays first")])


def marks(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The same places with 1.0 in each."""
    return sp.csr_matrix((np.ones(matrix.nnz, dtype=np.float32), matrix.indices, matrix.indptr), matrix.shape)


def log_counts(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Each count n as log1p(n)."""
    return sp.csr_matrix((np.log1p(matrix.data), matrix.indices, matrix.indptr), matrix.shape)


def evened(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Each row divided by the mean of its entries; empty rows stay empty."""
    held = np.diff(matrix.indptr)
    mean = np.asarray(matrix.sum(axis=1)).ravel() / np.maximum(held, 1)
    scale = np.divide(1.0, mean, out=np.zeros(len(mean)), where=mean > 0).astype(np.float32)
    return sp.csr_matrix((matrix.data * np.repeat(scale, held), matrix.indices, matrix.indptr), matrix.shape)


def column_sizes(matrix: sp.csr_matrix) -> NDArray[np.int64]:
    """How many entries each column has; 1 for one without, so that it can be divided by."""
    return np.maximum(np.bincount(matrix.indices, minlength=matrix.shape[1]), 1)


def row_lengths(matrix: sp.csr_matrix) -> Float32:
    """The Euclidean length of each row."""
    return np.asarray(np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()), dtype=np.float32)


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Each row divided by its Euclidean length; empty rows stay empty."""
    return sp.csr_matrix(sp.diags(1.0 / np.maximum(row_lengths(matrix), np.float32(1e-12))) @ matrix)


def rarity(matrix: sp.csr_matrix) -> Float32:
    """For each column, log(rows / rows that hold it), scaled to a mean of 1 over the columns that are held (IDF)."""
    held = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weights = np.log(np.maximum(matrix.shape[0], 2) / np.maximum(held, 1))
    return np.asarray(weights / max(float(weights[held > 0].mean()), 1e-12), dtype=np.float32)
