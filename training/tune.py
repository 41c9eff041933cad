"""Searches the engine's settings on plays that no judgement looks at.

The latest `judging.judge.HELD_OUT` of the plays, by which versions are judged, is put aside first; of the rest, the
latest fifth validates what the earlier ones taught. A study remembers where its plays end, so that trials made on
another day are made on the same plays and their numbers can be compared; every finished trial is on disk, and a search
that was interrupted goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from backend.domain.errors import InvalidInput, Violation
from backend.settings import Settings
from training.data.dataset import PlayColumns
from training.data.split import Split, time_split
from training.engines.trainer import AlsSettings, Trainer
from training.evaluation.evaluate import evaluate, factors_scorer
from training.judging.judge import HELD_OUT, LIST_LENGTH
from training.publishing.lock import tuning_lock
from training.tuned import write_best
from training.wiring import lock_folder, tuning_folder

METRIC = f"ndcg@{LIST_LENGTH}"
DIMENSIONS = (16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One finished trial; `value` is the metric on validation plays."""

    number: int
    value: float
    settings: AlsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What a search came to. `trials` counts all that the study holds, `made` those of this run.

    `study` and `best_file` are where they stand; `until` is the study's last play (ISO 8601 UTC), `plays` and
    `listeners` are how many it validates by.
    """

    metric: str
    best: Trial
    default_value: float
    trials: int
    made: int
    study: Path
    best_file: Path
    until: str
    plays: int
    listeners: int


def tune(
    settings: Settings,
    plays: PlayColumns,
    trainer: Trainer,
    *,
    trials: int,
    timeout_seconds: float | None,
    seed: int,
    restart: bool = False,
    each: Callable[[Trial], None] = lambda _: None,
) -> Tuning:
    """Make `trials` more trials, or as many as fit into the time; keep the best settings for `segue train`.

    The first trial of a study is the defaults, so the best is never behind them on the validation plays. `restart`
    forgets the study. Raises InvalidInput where the plays leave nobody to validate by, Unavailable where another search
    runs.
    """
    folder = tuning_folder(settings)
    file = folder / f"{trainer.name}.journal"
    with tuning_lock(lock_folder(settings)):
        folder.mkdir(parents=True, exist_ok=True)
        if restart:
            file.unlink(missing_ok=True)
        study = _study(file, trainer.name, seed)
        until = int(study.user_attrs.get("until", plays.played_at.max()))
        study.set_user_attr("until", until)
        split = _validation(plays.where(plays.played_at <= until))
        before = len(_finished(study))
        if not study.trials:
            study.enqueue_trial(_asked(AlsSettings()))
        study.optimize(
            lambda trial: _score(split, trainer, _suggested(trial), seed),
            n_trials=trials,
            timeout=timeout_seconds,
            callbacks=[lambda _, trial: each(_trial(trial))],
        )
        finished = _finished(study)
        best = max(finished, key=lambda trial: (trial.value, -trial.number))
        moment = datetime.fromtimestamp(until / 1000, UTC).isoformat()
        found = {"metric": METRIC, "value": best.value, "trial": best.number, "trials": len(finished), "until": moment}
        return Tuning(
            metric=METRIC,
            best=best,
            default_value=finished[0].value,
            trials=len(finished),
            made=len(finished) - before,
            study=file,
            best_file=write_best(folder, best.settings, found),
            until=moment,
            plays=len(split.test),
            listeners=len(np.unique(split.test.listeners)),
        )


def _study(file: Path, name: str, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Its own lock file outlives a killed process; tuning_lock is held, so it can only be such a one.
    Path(f"{file}.lock").unlink(missing_ok=True)
    backend = JournalFileBackend(str(file), lock_obj=JournalFileOpenLock(str(file)))
    storage = JournalStorage(backend)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    # Trials already made are drawn past: a resumed search must not ask its first questions again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


def _validation(plays: PlayColumns) -> Split:
    """The latest fifth of what is left when the plays that versions are judged by are taken away."""
    cutoff = np.quantile(plays.played_at, 1.0 - HELD_OUT, method="nearest")
    split = time_split(plays.where(plays.played_at <= cutoff), held_out=HELD_OUT)
    if len(split.test) == 0:
        reason = "leaves no listener with new tracks to validate by: ingest more plays first"
        raise InvalidInput([Violation("archive", reason)])
    return split


def _score(split: Split, trainer: Trainer, als: AlsSettings, seed: int) -> float:
    factors = trainer.fit(split.train, settings=als, seed=seed)
    judged = evaluate(split, factors_scorer(factors.listeners, factors.tracks), k=LIST_LENGTH, seed=seed)
    return judged.metrics[METRIC].value


def _suggested(trial: optuna.Trial) -> AlsSettings:
    return AlsSettings(
        dimension=trial.suggest_categorical("dimension", DIMENSIONS),
        unobserved_mass=trial.suggest_float("unobserved_mass", 0.5, 100.0, log=True),
        regularization=trial.suggest_float("regularization", 0.005, 2.0, log=True),
        frequency_power=trial.suggest_float("frequency_power", 0.0, 1.0),
        sweeps=trial.suggest_int("sweeps", 4, 24),
    )


def _asked(als: AlsSettings) -> dict[str, float | int]:
    return {
        "dimension": als.dimension,
        "unobserved_mass": als.unobserved_mass,
        "regularization": als.regularization,
        "frequency_power": als.frequency_power,
        "sweeps": als.sweeps,
    }


def _finished(study: optuna.Study) -> list[Trial]:
    return [_trial(trial) for trial in study.trials if trial.value is not None]


def _trial(trial: optuna.trial.FrozenTrial) -> Trial:
    return Trial(
        number=trial.number,
        value=float(trial.value if trial.value is not None else np.nan),
        settings=replace(AlsSettings(), **trial.params),
    )
