"""An engine that also learns from what the catalogue says of tracks: their tags and artists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.data.dataset import Interactions
from training.engines.trainer import AlsSettings, Earlier, Factors, Trainer

LEAST_TRACKS = 5
"""A label of fewer tracks says little and is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTrainer:
    """`trainer` with every label as one more listener, who plays the tracks that carry it (docs/adr/0006).

    `labels_of` is track id → its labels. The confidence of such a pair is `weight` times the mean of the listeners'
    pairs. The factors of the labels serve nobody and are left out of what `fit` gives.
    """

    trainer: Trainer
    labels_of: Mapping[str, Sequence[str]]
    weight: float

    @property
    def name(self) -> str:
        """The engine's."""
        return self.trainer.name

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int, earlier: Earlier | None = None) -> Factors:
        """As the contract says."""
        factors = self.trainer.fit(self._with_labels(pairs), settings=settings, seed=seed, earlier=earlier)
        return replace(factors, listeners=factors.listeners[: len(pairs.listener_ids)])

    def _with_labels(self, pairs: Interactions) -> Interactions:
        number: dict[str, int] = {}
        carried = [
            (number.setdefault(label, len(number)), track)
            for track in np.unique(pairs.tracks).tolist()
            for label in dict.fromkeys(self.labels_of.get(pairs.track_ids[track], ()))
        ]
        labels, tracks = np.array(carried, dtype=np.int32).reshape(-1, 2).T
        often = np.bincount(labels, minlength=len(number)) >= LEAST_TRACKS
        if not often.any():
            return pairs
        order = np.lexsort((tracks, labels))
        order = order[often[labels[order]]]
        kept, names = np.flatnonzero(often), list(number)
        plays = np.expm1(self.weight * np.log1p(pairs.plays).mean())
        return Interactions(
            # No listener's id begins so. The numbers of the listeners stay, the labels' come behind them.
            listener_ids=[*pairs.listener_ids, *(f"\uffff{names[each]}" for each in kept)],
            track_ids=pairs.track_ids,
            listeners=np.concatenate(
                [pairs.listeners, len(pairs.listener_ids) + np.searchsorted(kept, labels[order])], dtype=np.int32
            ),
            tracks=np.concatenate([pairs.tracks, tracks[order]]),
            plays=np.concatenate([pairs.plays, np.full(len(order), plays)], dtype=np.float32),
            last_played_at=np.concatenate([pairs.last_played_at, np.zeros(len(order), dtype=np.int64)]),
        )
