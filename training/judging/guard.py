"""Decides whether a new version may serve by itself. Each refusal is a sentence with its numbers.

Metrics of two versions are only compared on the same held-out plays: what two versions recorded of themselves at
different times differs by more than the versions do.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from training.evaluation import metrics
from training.evaluation.evaluate import Evaluation

GUARDED = ("ndcg@20", "recall@20")
LEAST_SHARE_OF_PLAYS = 0.5
"""Fewer plays than this share of what the current version learned from look like a lost archive."""


def behind_current(
    new: Evaluation, current: Evaluation, *, seed: int, what: str = "with the current version's settings"
) -> Sequence[str]:
    """Guarded metrics where the interval of the paired difference, new minus current, lies below 0.

    `what` tells, in the sentence, what `current` is an evaluation of. Both must come from the same split; ValueError
    where they judged different listeners.
    """
    if not np.array_equal(new.listeners, current.listeners):
        raise ValueError("the two evaluations judged different listeners")
    change = metrics.bootstrap(
        {name: new.per_listener[name] - current.per_listener[name] for name in GUARDED}, seed=seed
    )
    return [
        f"{name} is {new.metrics[name].value:.4f}, {what} "
        f"{current.metrics[name].value:.4f} (difference {change[name].low:.4f} to {change[name].high:.4f})"
        for name in GUARDED
        if change[name].high < 0
    ]


def behind_popularity(new: Evaluation, popular: Evaluation) -> Sequence[str]:
    """Guarded metrics whose interval lies below the most-popular list's value."""
    return [
        f"{name} is {new.metrics[name].value:.4f}, "
        f"the most popular list alone reaches {popular.metrics[name].value:.4f}"
        for name in GUARDED
        if new.metrics[name].high < popular.metrics[name].value
    ]


def lost_plays(plays: int, current: Mapping[str, object]) -> Sequence[str]:
    """Whether far fewer plays were learned from than for `current`, the data part of a manifest."""
    before = current.get("plays")
    if isinstance(before, int) and plays < LEAST_SHARE_OF_PLAYS * before:
        return [f"it learned from {plays} plays, the current version from {before}"]
    return []
