"""Judges a training on held-out plays: against the most popular list, and against the version that serves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from training import guard
from training.dataset import PlayColumns
from training.engines.trainer import AlsSettings, Trainer
from training.evaluate import Evaluation, evaluate, factors_scorer, popularity_scorer
from training.metrics import Estimate
from training.split import Split, time_split

HELD_OUT = 0.2
"""Share of the plays, the latest, that a version is judged by: a tenth of a small service leaves too few listeners."""
LIST_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Metrics of the model and of the most popular list, and what speaks against promoting it.

    Both are {} where nobody could be judged.
    """

    metrics: Mapping[str, Estimate]
    baseline: Mapping[str, Estimate]
    objections: tuple[str, ...]

    def numbers(self) -> dict[str, float]:
        """As the manifest holds them: "ndcg@20", "ndcg@20.low", "ndcg@20.high", "popular.ndcg@20"."""
        found = {name: estimate.value for name, estimate in self.metrics.items()}
        found |= {f"{name}.low": estimate.low for name, estimate in self.metrics.items()}
        found |= {f"{name}.high": estimate.high for name, estimate in self.metrics.items()}
        return found | {f"popular.{name}": estimate.value for name, estimate in self.baseline.items()}


def judge(
    plays: PlayColumns, trainer: Trainer, als: AlsSettings, *, current: Mapping[str, object] | None, seed: int
) -> Judgement:
    """Fit on the earlier plays, rank the later ones.

    `current` is the manifest of the version that serves. Where its settings were others, they are fitted to the same
    earlier plays, so that both are judged by the same listeners; the served factors themselves would be no fair
    comparison: they were learned from plays that are held out here.
    """
    objections = list(guard.lost_plays(len(plays), _mapping(current, "data")))
    split = time_split(plays, held_out=HELD_OUT)
    if len(split.test) == 0:
        return Judgement(metrics={}, baseline={}, objections=tuple(objections))
    model = _evaluate(split, trainer, als, seed)
    popular = evaluate(split, popularity_scorer(split.train), k=LIST_LENGTH, seed=seed)
    objections += guard.behind_popularity(model, popular)
    before = _other_settings(current, trainer, als)
    if before is not None:
        objections += guard.behind_current(model, _evaluate(split, trainer, before, seed), seed=seed)
    return Judgement(metrics=model.metrics, baseline=popular.metrics, objections=tuple(objections))


def _evaluate(split: Split, trainer: Trainer, als: AlsSettings, seed: int) -> Evaluation:
    factors = trainer.fit(split.train, settings=als, seed=seed)
    return evaluate(split, factors_scorer(factors.listeners, factors.tracks), k=LIST_LENGTH, seed=seed)


def _other_settings(current: Mapping[str, object] | None, trainer: Trainer, als: AlsSettings) -> AlsSettings | None:
    """The current version's settings where they differ and this release and engine can still fit them."""
    recorded = _mapping(current, "settings")
    if current is None or current.get("engine") != trainer.name or set(recorded) != set(asdict(als)):
        return None
    settings = AlsSettings(**recorded)  # type: ignore[arg-type]  # written from the same class
    return settings if settings != als else None


def _mapping(manifest: Mapping[str, object] | None, key: str) -> Mapping[str, object]:
    part = (manifest or {}).get(key)
    return part if isinstance(part, Mapping) else {}
