"""Implicit ALS in this process, on our own compiled sweeps (docs/adr/0007-training-engines.md)."""

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from backend.domain.errors import InvalidInput, Violation
from backend.ranking.foldin import FoldIn
from training.data.dataset import Float32, Interactions
from training.engines.sweeps import CG_STEPS, WARM_STEPS, Side, half_sweeps, spectral_start, threads_of
from training.engines.trainer import AlsSettings, AlsWeights, Earlier, Factors, gram, weights

_LEAST_KNOWN = 0.5


class LocalTrainer:
    """Implicit ALS with `threads` threads; byte-identical for the same seed on any number of them."""

    name = "local"

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int, earlier: Earlier | None = None) -> Factors:
        """As the contract says."""
        if len(pairs) == 0:
            raise InvalidInput([Violation("interactions", "there is no play to learn from: ingest plays first")])
        confidence = pairs.matrix()
        confidence.data = np.log1p(confidence.data)
        solved = weights(confidence, settings)
        start = None if earlier is None else earlier.renumbered(pairs)
        listeners, tracks = solve(confidence, settings, solved, seed=seed, threads=self._threads, start=start)
        with threadpool_limits(limits=1, user_api="blas"):
            summed = gram(tracks)
        return Factors(
            listeners=listeners,
            tracks=tracks,
            fold_in=FoldIn(
                gram=summed,
                unobserved_weight=solved.unobserved_weight,
                regularization=solved.regularization,
                confidence_scale=1.0,
                frequency_offset=solved.frequency_offset,
                frequency_power=solved.frequency_power,
            ),
        )


def solve(
    confidence: sp.csr_matrix,
    settings: AlsSettings,
    solved: AlsWeights,
    *,
    seed: int,
    threads: int,
    start: tuple[Float32, Float32] | None = None,
) -> tuple[Float32, Float32]:
    """Factors of the rows and of the columns of `confidence`, under weights that may come from a part of it.

    `start` are factors of both to begin from; left aside where most entries are in columns that it does not know.
    Raises ValueError where their dimension is not the settings'.
    """
    if start is not None and start[1].shape[1] != settings.dimension:
        raise ValueError(f"the earlier factors have {start[1].shape[1]} dimensions, {settings.dimension} are wanted")
    sides = Side.of(confidence), Side.of(sp.csr_matrix(confidence.T))
    with threads_of(threads) as workers:
        if start is not None and _known(start[1], sides[1]) > _LEAST_KNOWN:
            listeners, tracks = start
            # Listeners first: they take in what came since, and then the tracks lose nothing to listeners who are new.
            steps = [WARM_STEPS] * (2 * settings.warm_sweeps - 1) + [CG_STEPS] * 2
        else:
            listeners = np.zeros((confidence.shape[0], settings.dimension), dtype=np.float32)
            tracks = spectral_start(
                settings.dimension, sides, rounds=settings.spectral_rounds, seed=seed, threads=workers
            )
            tracks *= np.float32(settings.init_deviation)
            steps = [CG_STEPS] * (2 * settings.sweeps)
        return half_sweeps(listeners, tracks, sides, solved, steps=steps, threads=workers)


def _known(tracks: Float32, by_track: Side) -> float:
    """The share of entries whose track has factors already: from no others do the listeners get theirs."""
    sizes = np.diff(by_track.indptr)
    return float(sizes[tracks.any(axis=1)].sum() / sizes.sum())
