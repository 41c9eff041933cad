"""The contract of an engine: interactions in, factors out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from backend.ranking.foldin import FoldIn
from training.data.dataset import Float32, Interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsSettings:
    """What implicit ALS is told, in shares, so that one setting means the same on data of any size and density.

    With confidence c(n) = log1p(n) for a pair of n plays and the unobserved weight w, ALS minimises (Hu, Koren and
    Volinsky 2008) Σ over all pairs (w + c(n)) · (p - x·y)² + Σ λ(m) |x|² + Σ λ(m) |y|², p = 1 where n > 0, else 0.
    `unobserved_mass`: w times all pairs, as a multiple of the sum of c. `regularization`: λ of the listener with the
    median number of tracks m, as a share of the median sum of c of a listener. `frequency_power`: λ grows as
    (m + w · rows of the other side) to this power (Rendle et al. 2021). Defaults: docs/adr/0005-als-engine.md.
    `sweeps` from nothing, begun by `spectral_rounds` of subspace iteration (0: random factors); `warm_sweeps` from the
    factors of an earlier version, with half a sweep for the listeners before them.
    """

    dimension: int = 128
    unobserved_mass: float = 12.0
    regularization: float = 0.17
    frequency_power: float = 0.6
    sweeps: int = 12
    warm_sweeps: int = 2
    spectral_rounds: int = 2
    init_deviation: float = 0.1

    def __post_init__(self) -> None:
        if min(self.dimension, self.sweeps, self.warm_sweeps) < 1 or self.spectral_rounds < 0:
            raise ValueError("dimension and sweeps must be at least 1, spectral_rounds at least 0")
        if self.unobserved_mass <= 0 or self.regularization <= 0 or self.init_deviation <= 0:
            raise ValueError("unobserved_mass, regularization and init_deviation must be above 0")


@dataclass(frozen=True, slots=True)
class AlsWeights:
    """Settings turned into the numbers of backend.ranking.foldin.FoldIn for given data; confidence_scale is 1."""

    unobserved_weight: float
    regularization: float
    frequency_power: float
    frequency_offset: float


def weights(confidence: sp.csr_matrix, settings: AlsSettings) -> AlsWeights:
    """For `confidence` (listeners, tracks), the matrix of c(n); rows and columns without entries do not count."""
    tracks = np.diff(confidence.indptr)
    sums = np.asarray(confidence.sum(axis=1)).ravel()[tracks > 0]
    met = int(np.count_nonzero(np.bincount(confidence.indices)))
    unobserved = settings.unobserved_mass * float(sums.sum()) / (len(sums) * met)
    offset = unobserved * confidence.shape[1]
    scale = (float(np.median(tracks[tracks > 0])) + offset) ** settings.frequency_power
    return AlsWeights(
        unobserved_weight=unobserved,
        regularization=settings.regularization * float(np.median(sums)) / scale,
        frequency_power=settings.frequency_power,
        frequency_offset=offset,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What an engine learned: inner products rank tracks for listeners.

    `listeners` is (listeners, dimension) and `tracks` (tracks, dimension), float32, numbered as the interactions.
    `fold_in` solves the factors of a listener the engine never saw; for one it saw it gives nearly the same.
    """

    listeners: Float32
    tracks: Float32
    fold_in: FoldIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Factors of an earlier version to begin from, numbered by its own ids (sorted, without repeats).

    `listeners` is (len(listener_ids), dimension) and `tracks` (len(track_ids), dimension), float32. Zero rows say that
    nothing is known.
    """

    listener_ids: Sequence[str]
    track_ids: Sequence[str]
    listeners: Float32
    tracks: Float32

    @staticmethod
    def of(pairs: Interactions, factors: Factors) -> "Earlier":
        """What an engine learned from `pairs`."""
        return Earlier(
            listener_ids=pairs.listener_ids,
            track_ids=pairs.track_ids,
            listeners=factors.listeners,
            tracks=factors.tracks,
        )

    def renumbered(self, pairs: Interactions) -> tuple[Float32, Float32]:
        """Fresh (listeners, tracks) factors in the numbering of `pairs`, zero for ids that are new."""
        return (
            _rows_of(pairs.listener_ids, self.listener_ids, self.listeners),
            _rows_of(pairs.track_ids, self.track_ids, self.tracks),
        )


def _rows_of(wanted: Sequence[str], known: Sequence[str], rows: Float32) -> Float32:
    place = dict(zip(known, range(len(known)), strict=True))
    numbers = np.fromiter(map(place.get, wanted, repeat(len(known))), dtype=np.int64, count=len(wanted))
    nothing = np.zeros((1, rows.shape[1]), dtype=np.float32)
    return np.concatenate([rows, nothing])[numbers]


class Trainer(Protocol):
    """An engine. The same interactions, settings and seed give the same factors: to the byte on one thread."""

    @property
    def name(self) -> str:
        """Recorded in the manifest, for example "local"."""
        ...

    def fit(self, pairs: Interactions, *, settings: AlsSettings, seed: int, earlier: Earlier | None = None) -> Factors:
        """Learn, in fewer sweeps from `earlier`, which an engine that cannot begin from factors leaves aside.

        Raises InvalidInput where there are no interactions, ValueError where `earlier` has another dimension.
        """
        ...


def gram(track_factors: Float32) -> NDArray[np.float64]:
    """Σ y yᵀ over all tracks, summed in float64."""
    wide = track_factors.astype(np.float64)
    return wide.T @ wide
