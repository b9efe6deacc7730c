"""The encoder's ONNX graph, written node by node from its arrays, and its int8 form. Needs `onnx`.

BERT as Devlin et al. (2019) have it: learnt positions, post-norm blocks, exact GELU; then the mean over pieces. Written
here, so that neither torch nor an exporter has a say in what is served.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADS_OF_ATTENTION = 12
_OPSET = 20
_EPSILON = 1e-12

Arrays = Mapping[str, NDArray[np.float32]]


class _Graph:
    """Nodes and constants as they are added; `add` returns the name of a node's output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def linear(self, x: str, name: str, arrays: Arrays) -> str:
        weight = self.constant(f"{name}.weight", arrays[f"{name}.weight"].T)
        return self.add("Add", self.add("MatMul", x, weight), self.constant(f"{name}.bias", arrays[f"{name}.bias"]))

    def norm(self, x: str, name: str, arrays: Arrays) -> str:
        parts = [self.constant(f"{name}.{part}", arrays[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.add("LayerNormalization", x, *parts, axis=-1, epsilon=_EPSILON)


def encoder_graph(arrays: Arrays, blocks: int) -> bytes:
    """Return the float32 ONNX model with inputs `ids` (n, pieces) int64 and `mask` (n, pieces) float32 of ones and
    zeros, and output `vectors` (n, width); `arrays` are named as `ml.contextual.net.Net` names its parameters."""
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    width = arrays["word.weight"].shape[1]
    graph.constant("shape_heads", np.array([0, 0, HEADS_OF_ATTENTION, width // HEADS_OF_ATTENTION]))
    graph.constant("shape_joined", np.array([0, 0, width]))
    graph.constant("scale", np.array((width // HEADS_OF_ATTENTION) ** -0.5, dtype=np.float32))
    x = _embedded(graph, arrays)
    hidden = _hidden(graph)
    for number in range(blocks):
        x = _block(graph, x, hidden, f"blocks.{number}", arrays)
    _pooled(graph, x)
    made = helper.make_graph(
        graph.nodes,
        "encoder",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "pieces"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "pieces"]),
        ],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", width])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=10)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def quantised(model: bytes) -> bytes:
    """Return the model with int8 weights, a scale an output channel; activations are quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        given.write_bytes(model)
        quantize_dynamic(
            given,
            made,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        return made.read_bytes()


def _embedded(graph: _Graph, arrays: Arrays) -> str:
    words = graph.add("Gather", graph.constant("word.weight", arrays["word.weight"]), "ids")
    # Positions and the kind of the (only) sentence are one table, cut to the length of the batch.
    table = graph.constant("positions", arrays["pos.weight"] + arrays["kind"])
    zero, axis = graph.constant("zero", np.array([0])), graph.constant("axis_0", np.array([0]))
    length = graph.add("Gather", graph.add("Shape", "ids"), graph.constant("second", np.array([1])))
    positions = graph.add("Slice", table, zero, length, axis)
    return graph.norm(graph.add("Add", words, positions), "n", arrays)


def _hidden(graph: _Graph) -> str:
    """Return what is added to the attention of padded pieces: a large negative number."""
    axes = graph.constant("axes_heads", np.array([1, 2]))
    one, far = (graph.constant(name, np.array(value, dtype=np.float32)) for name, value in (("one", 1), ("far", -3e4)))
    return graph.add("Mul", graph.add("Sub", one, graph.add("Unsqueeze", "mask", axes)), far)


def _block(graph: _Graph, x: str, hidden: str, name: str, arrays: Arrays) -> str:
    def heads(which: str, order: list[int]) -> str:
        split = graph.add("Reshape", graph.linear(x, f"{name}.{which}", arrays), "shape_heads")
        return graph.add("Transpose", split, perm=order)

    query = graph.add("Mul", heads("query", [0, 2, 1, 3]), "scale")
    scores = graph.add("Add", graph.add("MatMul", query, heads("key", [0, 2, 3, 1])), hidden)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), heads("value", [0, 2, 1, 3]))
    joined = graph.add("Reshape", graph.add("Transpose", mixed, perm=[0, 2, 1, 3]), "shape_joined")
    x = graph.norm(graph.add("Add", x, graph.linear(joined, f"{name}.o", arrays)), f"{name}.n1", arrays)
    risen = graph.add("Gelu", graph.linear(x, f"{name}.up", arrays))
    return graph.norm(graph.add("Add", x, graph.linear(risen, f"{name}.down", arrays)), f"{name}.n2", arrays)


def _pooled(graph: _Graph, x: str) -> None:
    last, pieces = graph.constant("axis_last", np.array([2])), graph.constant("axis_pieces", np.array([1]))
    mask = graph.add("Unsqueeze", "mask", last)
    total = graph.add("ReduceSum", graph.add("Mul", x, mask), pieces, keepdims=0)
    graph.add("Div", total, graph.add("ReduceSum", mask, pieces, keepdims=0), name="vectors")
