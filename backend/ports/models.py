"""Published model versions: write, verify, then point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.recommendations import CandidateSource

FACTORS_NAMESPACE = "{version}.factors"
CONTENT_NAMESPACE = "{version}.content"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One published version as the server holds it.

    Track factors and content vectors are in the vector index under FACTORS_NAMESPACE and CONTENT_NAMESPACE.
    `fusion` weighs each candidate source; they sum to 1.
    """

    version: str
    dimension: int
    encoder_name: str
    encoder_dimension: int
    fold_in: FoldIn
    fusion: Mapping[CandidateSource, float]
    manifest: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A line of `segue models list`; `created_at` is ISO 8601 UTC, metrics are by name, for example "ndcg@20"."""

    version: str
    created_at: str
    engine: str
    is_current: bool
    metrics: Mapping[str, float]


class ModelRepository(Protocol):
    """Folders of published versions and one pointer.

    `publish` copies a finished folder in under its version name, hashes checked, visible whole or not at all.
    The pointer moves in one atomic write; a reader sees the old or the new version, never a mix. A version whose
    files do not match its manifest raises ModelRefused and is never pointed to.
    """

    def publish(self, folder: Path) -> str:
        """Take in a version folder (with manifest.json); the version's name."""
        ...

    def point(self, version: str) -> None:
        """Make it current. Raises NotFound or ModelRefused."""
        ...

    def current(self) -> str | None:
        """The version pointed to, None before the first."""
        ...

    def previous(self) -> str | None:
        """The version pointed to before the current one: where `rollback` goes."""
        ...

    def load(self, version: str) -> ModelVersion:
        """Verified against its manifest. Raises NotFound or ModelRefused."""
        ...

    def read(self, version: str, name: str) -> bytes:
        """One file of a version, checked against its hash. Raises NotFound (also: no such file) or ModelRefused."""
        ...

    def summaries(self) -> Sequence[ModelSummary]:
        """Every version, newest first."""
        ...

    def delete(self, version: str) -> None:
        """Remove a version that is not current (ValueError where it is)."""
        ...
