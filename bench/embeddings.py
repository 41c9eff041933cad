"""Vectors that are spread as text embeddings of a catalogue are: topics of all sizes, each flat in its own way.

Neither uniform nor Gaussian: in 384 independent dimensions every vector is as far from its neighbours as from the rest,
which no catalogue is, and no graph can find its way.
"""

import numpy as np

from backend.ports.vectors import Vectors

_GENRES, _OWN_DIMENSIONS = 40, 24
_SPREAD, _NOISE = 0.85, 0.18
_SPECTRUM_EXPONENT, _SIZE_EXPONENT = -0.5, 1.2


def clustered(count: int, *, dimension: int, topics: int, seed: int) -> Vectors:
    """(count, dimension) of length 1, in no order.

    Variance falls along a rotated basis as the reciprocal of its number. A topic lies near one of 40 genres, its size
    is Pareto's, and its vectors spread in 24 directions of its own, with a little noise in all.
    """
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, dimension + 1) ** _SPECTRUM_EXPONENT
    spectrum /= np.sqrt((spectrum**2).sum())
    rotation = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0].astype(np.float32)
    genres = rng.normal(size=(_GENRES, dimension)) * spectrum
    centres = 0.7 * genres[rng.integers(0, _GENRES, topics)] + 0.7 * rng.normal(size=(topics, dimension)) * spectrum
    sizes = rng.pareto(_SIZE_EXPONENT, topics) + 0.2
    topic_of = rng.choice(topics, count, p=sizes / sizes.sum())
    weights = np.arange(1, _OWN_DIMENSIONS + 1) ** -0.3
    weights /= np.sqrt((weights**2).sum())
    vectors = np.empty((count, dimension), dtype=np.float32)
    for topic in np.unique(topic_of):
        members = np.flatnonzero(topic_of == topic)
        directions = rng.normal(size=(_OWN_DIMENSIONS, dimension)) * spectrum
        along = rng.normal(size=(len(members), _OWN_DIMENSIONS)) * weights
        noise = rng.normal(size=(len(members), dimension)) * spectrum
        vectors[members] = centres[topic] + _SPREAD * along @ directions + _NOISE * noise
    vectors = vectors @ rotation.T
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def intrinsic_dimension(vectors: Vectors, *, sample: int, seed: int) -> float:
    """TwoNN (Facco and others, 2017): from how much farther the second neighbour is than the first one."""
    chosen = np.random.default_rng(seed).choice(len(vectors), min(sample, len(vectors)), replace=False)
    logs = []
    for part in np.array_split(chosen, max(1, len(chosen) // 50)):
        scores = vectors[part] @ vectors.T
        scores[np.arange(len(part)), part] = -np.inf
        nearest = -np.sort(-np.partition(scores, -2, axis=1)[:, -2:], axis=1)
        distances = np.sqrt(np.maximum(2 - 2 * nearest, 1e-12))
        logs.append(np.log(distances[:, 1] / distances[:, 0]))
    # The farthest tenth is left out, as its authors do.
    ratios = np.sort(np.concatenate(logs))[: int(0.9 * len(chosen))]
    share = np.arange(1, len(ratios) + 1) / len(chosen)
    return float((ratios @ -np.log(1 - share)) / (ratios @ ratios))
