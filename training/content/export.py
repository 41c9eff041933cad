"""Exports the text encoder to ONNX, so that the server answers without PyTorch.

The folder holds `model.onnx` (inputs input_ids and attention_mask, int64, (batch, tokens); output "embedding",
(batch, dimension), mean-pooled and of length 1), `tokenizer.json` (truncation and padding set) and `encoder.json`
{"name", "dimension", "max_tokens", "files": {name: sha256}}.
"""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from backend.files import sha256, sync, write_whole
from training.content.embed import SentenceEncoder

TOLERANCE = 1e-4
"""Largest difference of any coordinate between the two forms."""

PROBES = (
    "Blue Train by John Coltrane; album Blue Train; jazz, hard bop",
    "a",
    "Jóga by Björk; album Homogenic; électronique, 電子音楽, 🎧",
    "slow piano for rainy evenings " * 80,
)
"""Texts that both forms must agree on: common, shortest, beyond ASCII, longer than the encoder reads."""


def is_exported(folder: Path) -> bool:
    """Whether a complete export stands in `folder`: its manifest is the last thing an export can be missing."""
    return (folder / "encoder.json").is_file()


def export_encoder(encoder: SentenceEncoder, folder: Path) -> None:
    """Write, check against sentence-transformers, then move into place. Replaces what is in `folder`.

    Raises RuntimeError where the exported model disagrees by more than TOLERANCE.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write_model(encoder.model, partial / "model.onnx")
    max_tokens = int(encoder.model.max_seq_length)
    _write_tokenizer(encoder.model, partial / "tokenizer.json", max_tokens)
    _verify(encoder, partial)
    manifest = {
        "name": encoder.name,
        "dimension": encoder.dimension,
        "max_tokens": max_tokens,
        "files": {name: sha256(partial / name) for name in ("model.onnx", "tokenizer.json")},
    }
    write_whole(partial / "encoder.json", json.dumps(manifest, indent=1).encode())
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    sync(folder.parent)


def _write_model(model: Any, path: Path) -> None:
    import torch  # noqa: PLC0415 - 20 s; paid only where the encoder is exported

    class Pooled(torch.nn.Module):  # type: ignore[misc]  # torch is read without its types
        """Transformer, mean over the real tokens, length 1."""

        def __init__(self, transformer: Any) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    example = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        # The tracing exporter is deprecated in favour of one that needs a package outside the lock file.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Pooled(model[0].auto_model).eval(),
            (example, example),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


def _write_tokenizer(model: Any, path: Path, max_tokens: int) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the encoder only

    tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(pad_id=model.tokenizer.pad_token_id, pad_token=model.tokenizer.pad_token)
    tokenizer.save(str(path))


def _verify(encoder: SentenceEncoder, folder: Path) -> None:
    import onnxruntime  # noqa: PLC0415 - comes with the encoder only
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the encoder only

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    encodings = Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(list(PROBES))
    inputs = {
        "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
        "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
    }
    exported = session.run(["embedding"], inputs)[0]
    difference = float(np.abs(exported - encoder.encode(PROBES)).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"the exported encoder differs from sentence-transformers by {difference:.2e}")
