"""Files whose sums need 32 bits compute so, also on processors whose kernels add in 16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compressor.onnx_graph import wide_sums
from compressor.runtimes.onnxruntime import OnnxSession

INPUTS, UNITS = 64, 8


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A quantized product of the largest values: every pair of products leaves 16 bits."""
    scale, zero = numpy_helper.from_array(np.float32(1), "s"), numpy_helper.from_array(np.int8(0), "z")
    weights = numpy_helper.from_array(np.full((INPUTS, UNITS), 127, np.int8), "w")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wd"]),
        helper.make_node("MatMul", ["d", "wd"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, INPUTS])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, UNITS])]
    graph = helper.make_graph(nodes, "g", ends, outputs, [scale, zero, weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    wide_sums.mark(model)
    path = tmp_path / "m.onnx"
    onnx.save(model, str(path))
    return path


def test_sums_of_a_marked_file_do_not_overflow(file: Path) -> None:
    session = OnnxSession(file, 1)
    session.load({"x": np.full((1, INPUTS), 127, np.float32)})
    session.invoke()
    assert session.results()["y"].tolist() == [[127.0 * 127 * INPUTS] * UNITS]


def test_the_mark_is_read_back(file: Path) -> None:
    metadata = {each.key: each.value for each in onnx.load(str(file)).metadata_props}
    assert wide_sums.marked(metadata)
    assert not wide_sums.marked({})
