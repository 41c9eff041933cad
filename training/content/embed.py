"""Catalogue texts to vectors, each text once: they are kept on disk by the text's hash."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from backend.files import write_whole
from backend.ports.encoder import TextEncoder
from backend.ports.vectors import Vectors

CHUNK = 512
"""Texts between two lines of progress."""


class EmbeddingCache:
    """Vectors by SHA-256 of their text, in `folder`; each run adds at most one file, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._vectors: dict[bytes, Vectors] = {}
        for part in sorted(folder.glob("part-*.npz")):
            with np.load(part, allow_pickle=False) as stored:
                self._vectors.update(zip(map(bytes, stored["digests"]), stored["vectors"], strict=True))

    def embed(
        self, texts: Sequence[str], encoder: TextEncoder, *, report: Callable[[str], None] = lambda _: None
    ) -> Vectors:
        """(len(texts), dimension) float32 in the order of `texts`; asks `encoder` for unknown texts only."""
        digests = [hashlib.sha256(text.encode()).digest() for text in texts]
        unknown = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._vectors}
        if unknown:
            self._add(list(unknown), list(unknown.values()), encoder, report)
        if not texts:
            return np.empty((0, encoder.dimension), dtype=np.float32)
        return np.stack([self._vectors[digest] for digest in digests])

    def _add(self, digests: list[bytes], texts: list[str], encoder: TextEncoder, report: Callable[[str], None]) -> None:
        parts = []
        for start in range(0, len(texts), CHUNK):
            report(f"embedding texts: {start} of {len(texts)}")
            parts.append(encoder.encode(texts[start : start + CHUNK]))
        vectors = np.concatenate(parts)
        self._folder.mkdir(parents=True, exist_ok=True)
        number = len(list(self._folder.glob("part-*.npz"))) + 1
        table = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), 32)
        write_whole(
            self._folder / f"part-{number:06d}.npz", lambda file: np.savez(file, digests=table, vectors=vectors)
        )
        self._vectors.update(zip(digests, vectors, strict=True))
