"""The quality bench: our blends against what single open libraries reach, in one run and one protocol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.data.dataset import Interactions
from training.data.side import SideInformation
from training.data.split import random_split
from training.engines.trainer import AlsSettings
from training.judging.compare import Judged, Round, cold_round, compare
from training.rankers.als import Als
from training.rankers.content import TagProfile
from training.rankers.ease import Ease
from training.rankers.popularity import Popularity
from training.rankers.ranker import Ranker
from training.rankers.recommended import blend, cold_blend, stacked_als
from training.rankers.reference import ImplicitDefaults
from training.rankers.served_lists import ServedLists

HELD_OUT = 0.2
LIST_LENGTH = 20
METRIC = "ndcg@20"

RAW_COUNT_ALS = ImplicitDefaults(counts=True, name="raw-count-als")
IMPLICIT_DEFAULTS = ImplicitDefaults(counts=False)
EASE = Ease()
IRSPACK_IALS = Als(
    als=AlsSettings(dimension=256, regularization=0.31, frequency_power=0.88, unobserved_mass=20.0), name="irspack-ials"
)
"""The plain iALS; like the λ of EASE, its settings were chosen on validation plays."""

SERVING = ServedLists(als=replace(IRSPACK_IALS.als, dimension=128))
"""What the server answers with, under settings that were searched as those of the references were."""

TAG_PROFILE = TagProfile()
"""The baseline for cold tracks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Ours against a reference. `spread` is the standard deviation of the ratio over the seeds."""

    name: str
    ours: float
    reference: float
    ratio: float
    unit: str
    spread: float
    reference_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The rows, and every model of both protocols with intervals."""

    rows: Sequence[Row]
    models: Sequence[Judged]
    cold_models: Sequence[Judged]


def references() -> tuple[Ranker, ...]:
    """What the blend is measured against."""
    return (RAW_COUNT_ALS, IMPLICIT_DEFAULTS, EASE, IRSPACK_IALS)


def steps(seeds: int) -> int:
    """How often `quality` calls `advance`."""
    return seeds * (len(_warm_models()) + len(_cold_models()))


def quality(
    pairs: Interactions, side: SideInformation, *, seeds: Sequence[int], advance: Callable[[], None] = lambda: None
) -> Quality:
    """Judge all models, one thread, on the same splits: 80/20 per listener, and a fifth of the tracks taken out.

    Every model ranks all tracks a listener does not know (cold: all that were taken out). Raises InvalidInput where
    there are no interactions.
    """
    warm_rounds = []
    for seed in seeds:
        split = random_split(pairs, held_out=HELD_OUT, seed=seed)
        warm_rounds.append(Round(split=split, side=side.without(split.test), seed=seed))
    warm = compare(warm_rounds, _warm_models(), k=LIST_LENGTH, advance=advance)
    cold = compare(
        [cold_round(pairs, side, seed=seed) for seed in seeds], _cold_models(), k=LIST_LENGTH, advance=advance
    )
    by_name = {judged.model: judged for judged in (*warm, *cold)}
    best = max((by_name[ranker.name] for ranker in references()), key=_value)
    return Quality(
        rows=(
            _row("blend_vs_best", by_name["blend"], best),
            _row("blend_without_friends_vs_best", by_name["blend-without-friends"], best),
            _row("blend_vs_implicit_default", by_name["blend"], by_name[IMPLICIT_DEFAULTS.name]),
            _row("serving_vs_best", by_name[SERVING.name], best),
            _row("cold_items_vs_content", by_name["cold-blend"], by_name[TAG_PROFILE.name]),
        ),
        models=warm,
        cold_models=cold,
    )


def _warm_models() -> tuple[Ranker, ...]:
    return (Popularity(), *references(), SERVING, stacked_als(), blend(), blend(friends=False))


def _cold_models() -> tuple[Ranker, ...]:
    blended = cold_blend()
    return (TAG_PROFILE, *blended.rankers, blended)


def _row(name: str, ours: Judged, reference: Judged) -> Row:
    ratios = [ours.by_seed[seed] / reference.by_seed[seed] for seed in ours.by_seed]
    return Row(
        name=name,
        ours=_value(ours),
        reference=_value(reference),
        ratio=_value(ours) / _value(reference),
        unit=METRIC,
        spread=float(np.std(ratios, ddof=1)) if len(ratios) > 1 else 0.0,
        reference_name=reference.model,
    )


def _value(judged: Judged) -> float:
    return judged.metrics[METRIC].value
