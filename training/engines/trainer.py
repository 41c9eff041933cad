"""The contract of an engine: interactions in, factors out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.ports.models import FoldIn
from training.dataset import Float32, Interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsSettings:
    """What implicit ALS is told; found on validation data, see docs/adr/0005-als-engine.md.

    With c(n) = confidence_scale · log1p(n) for a pair of n plays, ALS minimises (Hu, Koren and Volinsky 2008)
    Σ over all pairs (unobserved_weight + c(n)) · (p - x·y)² + Σ λ(m) |x|² + Σ λ(m) |y|², p = 1 where n > 0, else 0.
    λ(m) grows with the m pairs of a listener or track as (m + unobserved_weight · rows of the other side) to the
    frequency_power (Rendle et al. 2021), scaled so that the listener with the median m has λ = regularization: so one
    value means the same on data of different size.
    """

    dimension: int = 128
    unobserved_weight: float = 0.1
    confidence_scale: float = 1.0
    regularization: float = 40.0
    frequency_power: float = 0.9
    sweeps: int = 12
    init_deviation: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What an engine learned: inner products rank tracks for listeners.

    `listeners` is (listeners, dimension) and `tracks` (tracks, dimension), float32, numbered as the interactions.
    `fold_in` solves the factors of a listener the engine never saw; for one it saw it gives nearly the same.
    """

    listeners: Float32
    tracks: Float32
    fold_in: FoldIn


class Trainer(Protocol):
    """An engine. The same interactions, settings and seed give the same factors: to the byte on one thread."""

    @property
    def name(self) -> str:
        """Recorded in the manifest, for example "local"."""
        ...

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int) -> Factors:
        """Learn. Raises InvalidInput where there are no interactions."""
        ...


def gram(track_factors: Float32) -> NDArray[np.float64]:
    """Σ y yᵀ over all tracks, summed in float64."""
    wide = track_factors.astype(np.float64)
    return wide.T @ wide
