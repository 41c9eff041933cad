"""Fold-in: a listener's factors from the tracks they played."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldIn:
    """What a listener's factors are solved from at answer time.

    Implicit ALS (Hu, Koren and Volinsky 2008) with regularisation scaled by frequency (Rendle et al. 2021):
    x = (unobserved_weight · gram + Σ c(n) y yᵀ + λ · I)⁻¹ Σ (c(n) + unobserved_weight) y over the listener's m tracks,
    y their factors, n the plays of each, c(n) = confidence_scale · log1p(n) and
    λ = regularization · (m + frequency_offset) ** frequency_power.
    `gram` is (dimension, dimension) float64, the sum of y yᵀ over all tracks.
    """

    gram: NDArray[np.float64]
    unobserved_weight: float
    regularization: float
    confidence_scale: float
    frequency_offset: float = 0.0
    frequency_power: float = 0.0

    def regularization_for(self, tracks: int) -> float:
        """λ for a listener with that many tracks."""
        return self.regularization * math.pow(tracks + self.frequency_offset, self.frequency_power)

    def listener(self, factors: NDArray[np.float64], plays: NDArray[np.float64]) -> NDArray[np.float32]:
        """A listener's factors (dimension,) from tracks' factors (m, dimension) and the plays of each (m,); m ≥ 1.

        O(m · dimension² + dimension³).
        """
        confidence = self.confidence_scale * np.log1p(plays)
        regularization = self.regularization_for(len(plays)) * np.eye(len(self.gram))
        left = self.unobserved_weight * self.gram + (factors.T * confidence) @ factors + regularization
        right = factors.T @ (confidence + self.unobserved_weight)
        return np.linalg.solve(left, right).astype(np.float32)
