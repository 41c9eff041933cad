"""How a version takes audio features to vectors, and how it keeps that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures
from backend.ranking.lists import Vectors
from backend.ranking.stored import Files, Stored

ENCODER_FILE = "autoencoder.onnx"
KEY = "sound"
LEAST_DEVIATION = 1e-3
"""A feature that hardly varies must not be blown up into one that decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Means and deviations (9,) of the tracks that the version knows, in the order of `AUDIO_FEATURES`.

    `encoder` is the autoencoder's first half as an ONNX graph: "features" (n, 9), standardised, to "latent"
    (n, `latent`), of length 1; b"" and 0 where the version has none. `figures` say for people how it was learned.
    """

    means: Sequence[float]
    deviations: Sequence[float]
    encoder: bytes = b""
    latent: int = 0
    figures: Mapping[str, object] = field(default_factory=dict)

    def standardised(self, features: NDArray[np.float64]) -> Vectors:
        """Of features (n, 9): (feature - mean) / deviation."""
        return np.asarray((features - np.array(self.means)) / np.array(self.deviations), dtype=np.float32)

    def point(self, features: AudioFeatures) -> Vectors:
        """(9,) standardised; all zero, or not finite, where the features say nothing."""
        row = np.array([[getattr(features, name) for name in AUDIO_FEATURES]], dtype=np.float64)
        found: Vectors = self.standardised(row)[0]
        return found


def unit(vectors: Vectors) -> Vectors:
    """Each row of (n, dimension) of length 1, a zero row as it is."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def scale(features: NDArray[np.float64]) -> Sound:
    """`Sound` without an encoder, of the features (n, 9) of n ≥ 1 tracks."""
    deviations = np.maximum(features.std(axis=0), LEAST_DEVIATION)
    return Sound(means=features.mean(axis=0).tolist(), deviations=deviations.tolist())


def store(sound: Sound) -> Stored:
    """As a version keeps it."""
    told = {
        "features": list(AUDIO_FEATURES),
        "means": list(sound.means),
        "deviations": list(sound.deviations),
        "latent": sound.latent,
        **sound.figures,
    }
    return Stored(files={ENCODER_FILE: sound.encoder} if sound.encoder else {}, manifest={KEY: told})


def load(files: Files) -> Sound | None:
    """The inverse; None where the version has none, or one of other features. Raises ModelRefused."""
    told = files.manifest.get(KEY)
    if not told or tuple(told["features"]) != AUDIO_FEATURES:
        return None
    means, deviations = ([float(one) for one in told[name]] for name in ("means", "deviations"))
    if {len(means), len(deviations)} != {len(AUDIO_FEATURES)} or min(deviations) <= 0:
        raise files.refused("manifest.json", f": {KEY} needs a mean and a deviation above 0 for each feature")
    return Sound(
        means=means,
        deviations=deviations,
        encoder=files.read(ENCODER_FILE) if files.holds(ENCODER_FILE) else b"",
        latent=int(told["latent"]),
    )
