"""Small steps on sparse matrices that several sources share."""

import numpy as np
import scipy.sparse as sp

from backend.domain.errors import InvalidInput, Violation
from training.dataset import Float32, Interactions


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


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Each row divided by its Euclidean length; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags((1.0 / np.maximum(lengths, 1e-12)).astype(np.float32)) @ matrix)


def rarity(matrix: sp.csr_matrix) -> Float32:
    """For each column, log(rows / rows that hold it), scaled to a mean of 1 over the columns that are held (IDF)."""
    held = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weights = np.log(np.maximum(matrix.shape[0], 2) / np.maximum(held, 1))
    return np.asarray(weights / max(float(weights[held > 0].mean()), 1e-12), dtype=np.float32)
