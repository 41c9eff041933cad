"""irspack's compiled ALS solver, without the rest of irspack: what the local engine is compared with.

Importing the package brings optuna, scikit-learn and more, several seconds for a training that takes one; the compiled
module stands alone, so it is loaded from its file.
"""

from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from backend.extras import missing
from training.data.dataset import Float32
from training.engines.trainer import AlsSettings, AlsWeights

_NAME = "irspack.recommenders._ials_core"


@cache
def ials() -> Any:
    """The module `irspack.recommenders._ials_core`. Raises MissingExtra where the package is not installed."""
    package = find_spec("irspack")
    if package is None or package.origin is None:
        raise missing("irspack") or ImportError("irspack has no files")
    folder = Path(package.origin).parent / "recommenders"
    for suffix in EXTENSION_SUFFIXES:
        file = folder / f"_ials_core{suffix}"
        if file.exists():
            spec = spec_from_file_location(_NAME, file)
            if spec is not None and spec.loader is not None:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise ImportError(f"no compiled _ials_core in {folder}")


CG_STEPS = 3
"""Conjugate gradient steps per row and sweep: started from the last sweep's factors, three are as good as exact."""


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
