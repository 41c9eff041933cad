"""The ONNX text encoder on a small graph of the exported shape."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from backend.adapters.encoder.onnx import OnnxTextEncoder
from backend.domain.errors import ModelRefused, Unavailable

WORDS = ["[PAD]", "[UNK]", "slow", "piano", "loud", "drums"]
DIMENSION = 4


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as training exports it: word vectors, mean-pooled over the mask, of length 1."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("encoder")
    table = np.random.default_rng(1).normal(size=(len(WORDS), DIMENSION)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["words", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens"], ["pooled"], keepdims=0),
        helper.make_node("LpNormalization", ["pooled"], ["embedding"], axis=-1, p=2),
    ]
    tokens = ["batch", "tokens"]
    graph = helper.make_graph(
        nodes,
        "words",
        [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "tokens"),
        ],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "model.onnx"
    )
    vocabulary = {word: place for place, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.onnx", "tokenizer.json")
    }
    description = {"name": "small", "dimension": DIMENSION, "max_tokens": 3, "files": files}
    (folder / "encoder.json").write_text(json.dumps(description))
    return folder


def test_texts_become_unit_vectors(exported: Path) -> None:
    """One row each, in their order, however many share a batch."""
    encoder = OnnxTextEncoder(exported)
    texts = [f"{'slow ' * (number % 3)}piano" for number in range(100)]
    vectors = encoder.encode(texts)
    assert ("small", DIMENSION) == (encoder.name, encoder.dimension)
    assert ((100, DIMENSION), np.float32) == (vectors.shape, vectors.dtype)
    np.testing.assert_allclose(np.ones(100), np.linalg.norm(vectors, axis=1), rtol=1e-5)
    for number in (0, 1, 50, 99):
        np.testing.assert_allclose(encoder.encode([texts[number]])[0], vectors[number], rtol=1e-4, atol=1e-6)


def test_padding_changes_no_vector_and_long_texts_are_cut(exported: Path) -> None:
    """A text is the same beside longer ones; beyond max_tokens nothing counts."""
    encoder = OnnxTextEncoder(exported)
    alone, beside = encoder.encode(["piano"]), encoder.encode(["piano", "slow piano loud"])
    np.testing.assert_allclose(alone[0], beside[0], rtol=1e-5)
    np.testing.assert_array_equal(encoder.encode(["slow piano loud"]), encoder.encode(["slow piano loud drums drums"]))
    assert (0, DIMENSION) == encoder.encode([]).shape


def test_an_encoder_that_is_not_exported_yet_is_unavailable(tmp_path: Path) -> None:
    """The error says which command exports it."""
    with pytest.raises(Unavailable, match="segue train"):
        OnnxTextEncoder(tmp_path / "nowhere")


def test_an_altered_file_is_refused(exported: Path, tmp_path: Path) -> None:
    """Before anything is loaded."""
    for file in exported.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelRefused, match=r"tokenizer\.json"):
        OnnxTextEncoder(tmp_path)
