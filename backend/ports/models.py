"""Published model versions: write, verify, then point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.recommendations import CandidateSource
from backend.ports.vectors import Vectors

FACTORS_NAMESPACE = "{version}.factors"
CONTENT_NAMESPACE = "{version}.content"

FUSION_FILE = "fusion.json"
LINEAR_FILE = "linear.npz"
NEWCOMERS_FILE = "newcomers.npz"
"""Files of a version that it need not have."""


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

    def listener(self, factors: NDArray[np.float64], plays: NDArray[np.float64]) -> Vectors:
        """A listener's factors (dimension,) from tracks' factors (m, dimension) and the plays of each (m,); m ≥ 1.

        O(m · dimension² + dimension³).
        """
        confidence = self.confidence_scale * np.log1p(plays)
        regularization = self.regularization_for(len(plays)) * np.eye(len(self.gram))
        left = self.unobserved_weight * self.gram + (factors.T * confidence) @ factors + regularization
        right = factors.T @ (confidence + self.unobserved_weight)
        return np.linalg.solve(left, right).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionLevel:
    """Weights of the candidate sources for listeners with at least `tracks` different tracks; they sum to 1."""

    tracks: int
    weights: Mapping[CandidateSource, float]


def weights_for(
    levels: Sequence[FusionLevel], tracks: int, *, below: Mapping[CandidateSource, float]
) -> Mapping[CandidateSource, float]:
    """Of the last level that a listener with that many different tracks reaches; `below` where that is none."""
    reached = [level for level in levels if level.tracks <= tracks]
    return reached[-1].weights if reached else below


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """Track-to-track weights (EASE, Steck 2019), the strongest of each track.

    A track scores the sum of the weights that the listener's tracks give it. `rows` says where a track stands in
    `track_ids`; `neighbours` (tracks, k) int32 holds such places (-1 where there are fewer), `weights` (tracks, k)
    float32.
    """

    track_ids: Sequence[str]
    rows: Mapping[str, int]
    neighbours: NDArray[np.int32]
    weights: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """Factors of a track that nobody has played yet, from its words and from what its artist's listeners play.

    `by_artist` (words + dimension + 1, dimension) maps the content vector, the mean factors of the artist's tracks and
    1; `by_words` (words + 1, dimension) serves where the version knows no track of the artist. `artists` says where an
    artist stands in `artist_factors` (artists, dimension). All float32, learned by ridge regression.
    """

    by_artist: Vectors
    by_words: Vectors
    artists: Mapping[str, int]
    artist_factors: Vectors

    def place(self, words: Vectors, artist_id: str) -> Vectors:
        """The factors (dimension,) of a track with content vector `words` (words,)."""
        row = self.artists.get(artist_id)
        one = np.ones(1, dtype=np.float32)
        if row is None:
            return np.concatenate([words, one]) @ self.by_words
        return np.concatenate([words, self.artist_factors[row], one]) @ self.by_artist


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One published version as the server holds it.

    Track factors and content vectors are in the vector index under FACTORS_NAMESPACE and CONTENT_NAMESPACE.
    `fusion` weighs each candidate source; they sum to 1. `fusion_levels`, fewest tracks first, says it by the
    listener's number of tracks. `linear` and `newcomers` are None where the version has none.
    """

    version: str
    dimension: int
    encoder_name: str
    encoder_dimension: int
    fold_in: FoldIn
    fusion: Mapping[CandidateSource, float]
    manifest: Mapping[str, object]
    fusion_levels: Sequence[FusionLevel] = ()
    linear: LinearModel | None = None
    newcomers: Newcomers | None = None

    def fusion_for(self, tracks: int) -> Mapping[CandidateSource, float]:
        """The weights for a listener with that many different tracks."""
        return weights_for(self.fusion_levels, tracks, below=self.fusion)


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
