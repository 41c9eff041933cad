"""Encoders: words to a point, and audio features to a point."""

from collections.abc import Sequence
from typing import Protocol

from backend.ports.vectors import Vectors


class TextEncoder(Protocol):
    """Turns texts into unit vectors; texts near in meaning have a large inner product.

    `name` is recorded in the model version: vectors of different encoders are never compared.
    """

    @property
    def name(self) -> str:
        """For example "all-MiniLM-L6-v2"."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) float32, each row of length 1."""
        ...


class SoundEncoder(Protocol):
    """Turns standardised audio features into unit vectors; tracks that sound alike have a large inner product."""

    def encode(self, features: Vectors) -> Vectors:
        """Of features (n, 9): (n, dimension) float32, each row of length 1."""
        ...
