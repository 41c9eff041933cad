"""Judges a training on held-out plays: against the most popular list, and against the version that serves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from training.data.dataset import PlayColumns
from training.data.split import Split, split_at, time_split
from training.engines.trainer import AlsSettings, Trainer
from training.evaluation.evaluate import Evaluation, evaluate, factors_scorer, popularity_scorer
from training.evaluation.metrics import Estimate
from training.judging import guard
from training.judging.served import Served

HELD_OUT = 0.2
"""Share of the plays, the latest, that a version is judged by: a tenth of a small service leaves too few listeners."""
LIST_LENGTH = 20
LEAST_JUDGED = 50
"""Listeners that a comparison with the served factors needs: with fewer, hardly any loss is beyond chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Guarded metrics of the new version and of the current one, by the same listeners on the same plays.

    `by` is "settings": the current version's settings, fitted to the same earlier plays, both judged on the held-out
    window; or "factors": the factors that serve, judged on the plays since they were learned, against the new settings
    fitted to the plays before.
    """

    by: str
    listeners: int
    new: Mapping[str, Estimate]
    current: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Metrics of the model and of the most popular list, and what speaks against promoting it.

    Both are {} where nobody could be judged. `comparisons` are those with the current version, objection or not.
    """

    metrics: Mapping[str, Estimate]
    baseline: Mapping[str, Estimate]
    objections: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()

    def numbers(self) -> dict[str, float]:
        """As the manifest holds them: "ndcg@20", "ndcg@20.low", "ndcg@20.high", "popular.ndcg@20"."""
        found = {name: estimate.value for name, estimate in self.metrics.items()}
        found |= {f"{name}.low": estimate.low for name, estimate in self.metrics.items()}
        found |= {f"{name}.high": estimate.high for name, estimate in self.metrics.items()}
        return found | {f"popular.{name}": estimate.value for name, estimate in self.baseline.items()}


def judge(plays: PlayColumns, trainer: Trainer, als: AlsSettings, *, current: Served | None, seed: int) -> Judgement:
    """Fit on the earlier plays, rank the later ones.

    `current` is the version that serves. It is compared twice where that can be done fairly, see `Comparison`: its
    factors may only be judged by plays that they were not learned from.
    """
    objections = list(guard.lost_plays(len(plays), _mapping(current, "data")))
    split = time_split(plays, held_out=HELD_OUT)
    if len(split.test) == 0:
        return Judgement(metrics={}, baseline={}, objections=tuple(objections))
    model = _evaluate(split, trainer, als, seed)
    popular = evaluate(split, popularity_scorer(split.train), k=LIST_LENGTH, seed=seed)
    objections += guard.behind_popularity(model, popular)
    comparisons = []
    before = _other_settings(current, als)
    if before is not None:
        refitted = _evaluate(split, trainer, before, seed)
        comparisons.append(_comparison("settings", model, refitted))
        objections += guard.behind_current(model, refitted, seed=seed)
    both = None if current is None else _since(plays, trainer, als, current, seed)
    if both is not None:
        comparisons.append(_comparison("factors", *both))
        objections += guard.behind_current(*both, seed=seed, what="the current version on the plays since it learned")
    return Judgement(
        metrics=model.metrics,
        baseline=popular.metrics,
        objections=tuple(objections),
        comparisons=tuple(comparisons),
    )


def _evaluate(split: Split, trainer: Trainer, als: AlsSettings, seed: int) -> Evaluation:
    factors = trainer.fit(split.train, settings=als, seed=seed)
    return evaluate(split, factors_scorer(factors.listeners, factors.tracks), k=LIST_LENGTH, seed=seed)


def _since(
    plays: PlayColumns, trainer: Trainer, als: AlsSettings, current: Served, seed: int
) -> tuple[Evaluation, Evaluation] | None:
    """The new settings and the factors that serve, on the plays since these were learned; None with too few."""
    if current.until is None or not (plays.played_at > current.until).any():
        return None
    factors = current.factors()
    split = split_at(plays, current.until)
    if len(split.train) == 0:
        return None
    split = replace(split, test=split.test.where(np.isin(split.test.listeners, factors.known(split.train))))
    if len(np.unique(split.test.listeners)) < LEAST_JUDGED:
        return None
    return (
        _evaluate(split, trainer, als, seed),
        evaluate(split, factors.scorer(split.train), k=LIST_LENGTH, seed=seed),
    )


def _comparison(by: str, new: Evaluation, current: Evaluation) -> Comparison:
    return Comparison(by=by, listeners=len(new.listeners), new=_guarded(new), current=_guarded(current))


def _guarded(evaluation: Evaluation) -> dict[str, Estimate]:
    return {name: evaluation.metrics[name] for name in guard.GUARDED}


def _other_settings(current: Served | None, als: AlsSettings) -> AlsSettings | None:
    """The current version's settings where they differ and this release can still fit them (new ones at default)."""
    recorded = _mapping(current, "settings")
    if not recorded or not set(recorded) <= set(asdict(als)):
        return None
    settings = AlsSettings(**recorded)  # type: ignore[arg-type]  # written from the same class
    return settings if settings != als else None


def _mapping(current: Served | None, key: str) -> Mapping[str, object]:
    part = None if current is None else current.manifest.get(key)
    return part if isinstance(part, Mapping) else {}
