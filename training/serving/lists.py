"""The candidate lists of the server, for many listeners at once, so that fusion can be learned on held-out plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from backend.domain.recommendations import CandidateSource
from training.data.dataset import Float32, Int32, Interactions
from training.engines.trainer import Factors
from training.evaluation import metrics
from training.evaluation.metrics import Float64

LENGTH = 200
"""Candidates of each source, as the server asks for (`backend.services.recommend.PER_SOURCE`)."""

RANK_OFFSET = 60
"""As `backend.services.rank.RANK_OFFSET`."""

SEEDS = 5
"""As `backend.services.retrieve.SEEDS`."""

ORDER = (CandidateSource.FACTORS, CandidateSource.LINEAR, CandidateSource.CONTENT, CandidateSource.TREND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the sources know: factors, links (tracks, tracks), unit content vectors (tracks, words), and the trend list.

    `trend` (tracks,) is larger for what is more popular lately; content rows of tracks without words are zero.
    """

    factors: Factors
    links: sp.csr_matrix
    content: Float32
    trend: Float64


def scores(known: Knowledge, profiles: Interactions, listeners: Int32) -> Mapping[CandidateSource, Float64]:
    """Every source's scores (n, tracks) for the profiles of these listeners; -inf where a source does not speak."""
    every = profiles.matrix()
    plays = every[listeners]
    latest = sp.csr_matrix((profiles.last_played_at, every.indices, every.indptr), every.shape)[listeners]
    found = {source: np.full(plays.shape, -np.inf) for source in ORDER}
    found[CandidateSource.TREND][:] = np.where(known.trend > 0, known.trend, -np.inf)
    linked = (plays.astype(bool).astype(np.float32) @ known.links).toarray()
    found[CandidateSource.LINEAR][:] = np.where(linked > 0, linked, -np.inf)
    for row in range(len(listeners)):
        own, counts = _row(plays, row)
        if len(own) == 0:
            continue
        folded = known.factors.fold_in.listener(known.factors.tracks[own].astype(np.float64), counts)
        found[CandidateSource.FACTORS][row] = known.factors.tracks @ folded
        newest = own[np.argsort(-_row(latest, row)[1], kind="stable")[:SEEDS]]
        seeds = newest[known.content[newest].any(axis=1)]
        if len(seeds):
            near = known.content @ known.content[seeds].T
            found[CandidateSource.CONTENT][row] = near @ (1.0 / np.arange(1, len(seeds) + 1))
    return found


def reciprocal_ranks(scored: Mapping[CandidateSource, Float64], excluded: sp.csr_matrix) -> Float64:
    """1 / (RANK_OFFSET + rank) of each source's best `LENGTH`, 0 for other tracks: (sources, n, tracks)."""
    parts = np.zeros((len(ORDER), *scored[ORDER[0]].shape))
    rows, columns = excluded.nonzero()
    for part, source in zip(parts, ORDER, strict=True):
        ranked = scored[source].copy()
        ranked[rows, columns] = -np.inf
        best = metrics.best(ranked, LENGTH)
        row, rank = (best >= 0).nonzero()
        part[row, best[row, rank]] = 1.0 / (RANK_OFFSET + 1.0 + rank)
    return parts


def newest(pairs: Interactions, *, count: int) -> Interactions:
    """Of each listener the `count` tracks played last."""
    order = np.lexsort((pairs.tracks, -pairs.last_played_at, pairs.listeners))
    sizes = np.bincount(pairs.listeners, minlength=len(pairs.listener_ids))
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(pairs), dtype=np.int64)
    place[order] = np.arange(len(pairs)) - starts[pairs.listeners[order]]
    return pairs.where(place < count)


def _row(matrix: sp.csr_matrix, row: int) -> tuple[Int32, Float64]:
    start, end = matrix.indptr[row], matrix.indptr[row + 1]
    return matrix.indices[start:end], matrix.data[start:end].astype(np.float64)


def weights_array(weights: Mapping[CandidateSource, float]) -> Float64:
    """In the order of `ORDER`; sources without a weight get 0."""
    return np.array([weights.get(source, 0.0) for source in ORDER])


def weights_by_source(weights: Sequence[float]) -> dict[CandidateSource, float]:
    """The other way round, scaled to sum to 1."""
    total = float(sum(weights))
    return {source: float(weight) / total for source, weight in zip(ORDER, weights, strict=True)}
