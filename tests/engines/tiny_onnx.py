"""End-of-turn models of a few nodes, made on the spot."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

TAIL_SAMPLES = 3_200
"""200 ms at 16 kHz."""
QUIET_POWER = 1e-4
"""-40 dBFS."""


def quiet_tail(
    path: Path, samples: int | str = "samples", *, scale: float = 0.9, dtype: int = TensorProto.FLOAT
) -> str:
    """Write a model that gives `scale` when the last 200 ms are below -40 dBFS, else 0; return its path."""
    nodes = [
        helper.make_node("Slice", ["audio", "from", "to", "axis"], ["tail"]),
        helper.make_node("Mul", ["tail", "tail"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["power"], axes=[1], keepdims=1),
        helper.make_node("Cast", ["power"], ["mean"], to=TensorProto.FLOAT),
        helper.make_node("Less", ["mean", "limit"], ["quiet"]),
        helper.make_node("Cast", ["quiet"], ["sure"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["sure", "scale"], ["over"]),
    ]
    whole = 2**31 - 1
    constants = [
        helper.make_tensor("from", TensorProto.INT64, [1], [-TAIL_SAMPLES]),
        helper.make_tensor("to", TensorProto.INT64, [1], [whole]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("limit", TensorProto.FLOAT, [1], [QUIET_POWER]),
        helper.make_tensor("scale", TensorProto.FLOAT, [1], [scale]),
    ]
    graph = helper.make_graph(
        nodes,
        "quiet-tail",
        [helper.make_tensor_value_info("audio", dtype, [1, samples])],
        [helper.make_tensor_value_info("over", TensorProto.FLOAT, [1, 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return str(path)
