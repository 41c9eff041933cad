"""The text encoder as an ONNX graph, written from its weights: BERT of fixed shape needs no tracing, and no PyTorch.

The graph is that of the reference (Devlin and others, 2019; Wang and others' MiniLM, 2020) with the mean over the real
tokens and length 1 behind it, in the fused operators of ONNX Runtime.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]

_OPSET, _IR_VERSION = 17, 9
_FUSED = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
_EPSILON = 1e-12


def read_weights(file: Path) -> Weights:
    """Arrays by name of a safetensors file: a length, a JSON header of that length, then the numbers."""
    content = np.memmap(file, np.uint8, "r")
    length = int(content[:8].view("<u8")[0])
    header: dict[str, Any] = json.loads(content[8 : 8 + length].tobytes())
    weights = {}
    for name, said in header.items():
        if name != "__metadata__" and said["dtype"] == "F32":
            start, end = said["data_offsets"]
            weights[name] = content[8 + length + start : 8 + length + end].view("<f4").reshape(said["shape"])
    return weights


def graph(weights: Weights, *, layers: int, heads: int) -> Any:
    """An ONNX model: int64 `input_ids` and `attention_mask` (batch, tokens) to `embedding` (batch, dimension).

    Texts are padded at their ends only. Raises KeyError where a weight is missing.
    """
    writer = _Writer(weights)
    states = writer.embedded()
    lengths = writer.node("ReduceSum", ["whole_mask", writer.numbers("tokens", [1])], keepdims=0)
    for layer in range(layers):
        states = writer.layer(states, lengths, f"encoder.layer.{layer}.", heads)
    return writer.model(states)


class _Writer:
    """Nodes and constants of one graph, in the order of their making."""

    def __init__(self, weights: Weights) -> None:
        from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - only an export needs it

        self._types, self._helper, self._arrays = TensorProto, helper, numpy_helper
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._nodes.append(helper.make_node("Cast", ["attention_mask"], ["whole_mask"], to=TensorProto.INT32))

    def node(self, operator: str, inputs: Sequence[str], *, domain: str = "", **attributes: object) -> str:
        """Add a node; the name of its output."""
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add an array; its name."""
        self._constants[name] = self._arrays.from_array(np.ascontiguousarray(values), name)
        return name

    def numbers(self, name: str, values: Sequence[int]) -> str:
        """Add whole numbers; their name."""
        return self.constant(name, np.array(values, dtype=np.int64))

    def embedded(self) -> str:
        """Words, and positions with the one kind of token there is, normed."""
        words = self._weights["embeddings.word_embeddings.weight"]
        found = self.node("Gather", [self.constant("words", words), "input_ids"])
        kinds = self._weights["embeddings.token_type_embeddings.weight"]
        places = self.constant("places", self._weights["embeddings.position_embeddings.weight"] + kinds[0])
        shape = self.node("Shape", ["input_ids"])
        count = self.node("Slice", [shape, self.numbers("one", [1]), self.numbers("two", [2])])
        zero = self.numbers("zero", [0])
        added = self.node("Add", [found, self.node("Slice", [places, zero, count, zero])])
        return self.node("LayerNormalization", [added, *self._norm("embeddings.")], epsilon=_EPSILON, axis=-1)

    def layer(self, states: str, lengths: str, prefix: str, heads: int) -> str:
        """Attention and the two products behind it, each added to what came in and normed."""
        parts = [f"{prefix}attention.self.{name}" for name in ("query", "key", "value")]
        asked = self._product(states, parts)
        split = [f"{prefix}{name}" for name in ("query", "key", "value")]
        self._nodes.append(self._helper.make_node("Split", [asked], split, axis=2))
        attended = self.node("MultiHeadAttention", [*split, "", lengths], domain=_FUSED, num_heads=heads)
        attended = self._product(attended, [f"{prefix}attention.output.dense"])
        states = self._added(attended, states, f"{prefix}attention.output.")
        widened = self.node("Gelu", [self._product(states, [f"{prefix}intermediate.dense"])], domain=_FUSED)
        return self._added(self._product(widened, [f"{prefix}output.dense"]), states, f"{prefix}output.")

    def model(self, states: str) -> Any:
        """The sum over the real tokens, of length 1, and all that leads there, as a model."""
        mask = self.node("Cast", ["attention_mask"], to=self._types.FLOAT)
        mask = self.node("Unsqueeze", [mask, self.numbers("last", [2])])
        # The mean has the sum's direction, which is all that is left of it.
        total = self.node("ReduceSum", [self.node("Mul", [states, mask]), "tokens"], keepdims=0)
        self._nodes.append(self._helper.make_node("LpNormalization", [total], ["embedding"], axis=-1, p=2))
        helper, shape = self._helper, ["batch", "tokens"]
        dimension = self._weights["embeddings.word_embeddings.weight"].shape[1]
        made = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(one, self._types.INT64, shape) for one in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("embedding", self._types.FLOAT, ["batch", dimension])],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
        return helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION)

    def _added(self, change: str, states: str, prefix: str) -> str:
        inputs = [change, states, *self._norm(prefix)]
        return self.node("SkipLayerNormalization", inputs, domain=_FUSED, epsilon=_EPSILON)

    def _norm(self, prefix: str) -> list[str]:
        names = [f"{prefix}LayerNorm.{one}" for one in ("weight", "bias")]
        return [self.constant(name, self._weights[name]) for name in names]

    def _product(self, states: str, parts: Sequence[str]) -> str:
        """The states times the weights of `parts` side by side, and their bias."""
        name = parts[0]
        weight = np.concatenate([self._weights[f"{one}.weight"].T for one in parts], axis=1)
        bias = self.constant(f"{name}.bias", np.concatenate([self._weights[f"{one}.bias"] for one in parts]))
        product = self.node("MatMul", [states, self.constant(f"{name}.weight", weight)])
        return self.node("Add", [product, bias])
