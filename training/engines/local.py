"""Implicit ALS in this process, on irspack's native solver (chosen by measurement: docs/adr/0005-als-engine.md)."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from backend.domain.errors import InvalidInput, Violation
from backend.ports.models import FoldIn
from training.dataset import Float32, Interactions
from training.engines.native import ials
from training.engines.trainer import AlsSettings, AlsWeights, Factors, gram, weights

CG_STEPS = 3
"""Conjugate gradient steps per row and sweep: started from the last sweep's factors, three are as good as exact."""


class LocalTrainer:
    """Implicit ALS with `threads` threads; byte-identical for the same seed where `threads` is 1."""

    name = "local"

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int) -> Factors:
        """As the contract says."""
        if len(pairs) == 0:
            raise InvalidInput([Violation("interactions", "there is no play to learn from: ingest plays first")])
        confidence = pairs.matrix()
        confidence.data = np.log1p(confidence.data)
        solved = weights(confidence, settings)
        listeners, tracks = solve(confidence, settings, solved, seed=seed, threads=self._threads)
        return Factors(
            listeners=listeners,
            tracks=tracks,
            fold_in=FoldIn(
                gram=gram(tracks),
                unobserved_weight=solved.unobserved_weight,
                regularization=solved.regularization,
                confidence_scale=1.0,
                frequency_offset=solved.frequency_offset,
                frequency_power=solved.frequency_power,
            ),
        )


def solve(
    confidence: sp.csr_matrix, settings: AlsSettings, solved: AlsWeights, *, seed: int, threads: int
) -> tuple[Float32, Float32]:
    """Factors of the rows and of the columns of `confidence`, under weights that may come from a part of it."""
    trainer = ials().IALSTrainer(_model(settings, solved, seed), confidence)
    solver = (
        ials()
        .IALSSolverConfigBuilder()
        .set_n_threads(threads)
        .set_solver_type(ials().SolverType.CG)
        .set_max_cg_steps(CG_STEPS)
        .build()
    )
    for _ in range(settings.sweeps):
        trainer.step(solver)
    return np.ascontiguousarray(trainer.user), np.ascontiguousarray(trainer.item)


def _model(settings: AlsSettings, solved: AlsWeights, seed: int) -> Any:
    return (
        ials()
        .IALSModelConfigBuilder()
        .set_K(settings.dimension)
        .set_init_stdev(settings.init_deviation)
        .set_alpha0(solved.unobserved_weight)
        .set_reg(solved.regularization)
        .set_nu(solved.frequency_power)
        .set_loss_type(ials().LossType.ORIGINAL)
        .set_random_seed(seed)
        .build()
    )
