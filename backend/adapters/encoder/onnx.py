"""The text encoder as an exported ONNX graph: no PyTorch at answer time."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from backend.domain.errors import ModelRefused, Unavailable
from backend.ports.vectors import Vectors

BATCH = 32
LONGEST = 1.15
"""How much longer than its shortest text a batch's longest one is at most."""


class OnnxTextEncoder:
    """`TextEncoder` from a folder that training exported.

    `encoder.json` holds name, dimension, max_tokens and the files' SHA-256; `model.onnx` takes int64 `input_ids` and
    `attention_mask` of shape (batch, tokens) and gives `embedding`, (batch, dimension), pooled and of length 1.
    Raises Unavailable where the folder is not there, ModelRefused where a file is not the exported one. Thread-safe.
    """

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        try:
            description = json.loads((folder / "encoder.json").read_text())
        except FileNotFoundError as error:
            raise Unavailable(f"no text encoder in {folder} yet: `segue train` exports it") from error
        for name, digest in description["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise ModelRefused(f"{folder / name} is not the file that was exported: remove {folder}, train again")
        self._name: str = description["name"]
        self._dimension: int = description["dimension"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(description["max_tokens"])
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    @property
    def name(self) -> str:
        """See `TextEncoder.name`."""
        return self._name

    @property
    def dimension(self) -> int:
        """See `TextEncoder.dimension`."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `TextEncoder.encode`."""
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        encodings = self._tokenizer.encode_batch(list(texts))
        for places in _batches([len(one.ids) for one in encodings]):
            longest = len(encodings[places[-1]].ids)
            ids, mask = np.zeros((2, len(places), longest), dtype=np.int64)
            for row, place in enumerate(places):
                count = len(encodings[place].ids)
                ids[row, :count], mask[row, :count] = encodings[place].ids, 1
            (vectors[places],) = self._session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return vectors


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts, shortest first, of like length in a batch, so that hardly anything is computed for padding."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        if batch and (len(batch) == BATCH or lengths[place] > lengths[batch[0]] * LONGEST):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
