"""Learns where a track belongs that nobody has played: from its words and its artist to its factors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.ranking.newcomers import Newcomers
from training.data.dataset import Float32
from training.evaluation.metrics import Float64

REGULARIZATION = 1.0
"""Ridge weight beside content vectors of length 1 and factors scaled to a mean length of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Tracks with plays: their factors (n, dimension), content vectors (n, words), artists (n,) "" where unknown."""

    factors: Float32
    words: Float32
    artist_ids: Sequence[str]


def learn(known: Known) -> Newcomers:
    """Two ridge regressions, every track weighing the same: a newcomer is an ordinary track, not a popular one.

    What a track's artist says of it is the mean of the artist's other tracks: with its own factors in the mean, the
    regression would copy them. Tracks whose artist has no other teach the form by words only.
    """
    names, artist = np.unique(np.asarray(known.artist_ids, dtype=np.str_), return_inverse=True)
    factors = known.factors.astype(np.float64)
    scale = float(np.linalg.norm(factors, axis=1).mean()) or 1.0
    sums = np.zeros((len(names), factors.shape[1]))
    np.add.at(sums, artist, factors)
    counts = np.bincount(artist, minlength=len(names))
    told = (counts[artist] > 1) & (names[artist] != "")
    others = (sums[artist] - factors)[told] / (counts[artist] - 1)[told, None]
    words, one = known.words.astype(np.float64), np.ones((len(factors), 1))
    by_words = _ridge(np.hstack([words, one]), factors / scale) * scale
    by_artist = np.vstack([by_words[:-1], np.zeros((factors.shape[1], factors.shape[1])), by_words[-1:]])
    if told.any():
        by_artist = _ridge(np.hstack([words[told], others / scale, one[told]]), factors[told] / scale)
        # The rows of words and of the constant map to factors; those of an artist's factors are factors to factors.
        by_artist[: words.shape[1]] *= scale
        by_artist[-1] *= scale
    named = names != ""
    return Newcomers(
        by_artist=by_artist.astype(np.float32),
        by_words=by_words.astype(np.float32),
        artists={name: row for row, name in enumerate(names[named].tolist())},
        artist_factors=(sums[named] / counts[named, None]).astype(np.float32),
    )


def placed(newcomers: Newcomers, words: Mapping[str, Float32], artist_of: Mapping[str, str]) -> dict[str, Float32]:
    """Factors of tracks by id, from their content vectors."""
    return {track_id: newcomers.place(vector, artist_of.get(track_id, "")) for track_id, vector in words.items()}


def _ridge(features: Float64, targets: Float64) -> Float64:
    system = features.T @ features + REGULARIZATION * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(system, features.T @ targets))
