"""Graphs that tf2onnx leaves with what ONNX lacks, and graphs whose nodes have no names."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from compressor import onnx_graph
from compressor.formats import onnx as plain
from compressor.formats import onnx_tensorrt
from compressor.values import Precision, Source


def test_erfc_is_written_with_what_onnx_has():
    import onnx
    import onnxruntime

    helper, tensor = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, tensor, [None]) for name in ("x", "y", "z")]
    nodes = [helper.make_node("Erfc", ["x"], ["y"], name="a"), helper.make_node("Erfc", ["y"], ["z"], name="b")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", onnx_graph.OPSET)], ir_version=8)
    onnx_graph._write_erfc(model)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    once, twice = session.run(None, {"x": x})
    np.testing.assert_allclose(once, [math.erfc(each) for each in x], atol=1e-6)
    np.testing.assert_allclose(twice, [math.erfc(math.erfc(each)) for each in x], atol=1e-6)


UNNAMED = """<ir_version: 9, opset_import: ["" : 17]>
net (float[1,2,4] x) => (float[1,2,4] y)
<float[4,4] w1 = {W}, float[4,4] w2 = {W}>
{
  m = MatMul (x, w1)
  r = Relu (m)
  n = MatMul (r, w2)
  y = Add (n, x)
}
"""


@pytest.mark.parametrize("format_name", ["onnx", "onnx_tensorrt"])
def test_layers_without_names_are_quantized(tmp_path: Path, format_name: str):
    import onnx

    model = onnx.parser.parse_model(UNNAMED.replace("{W}", "{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}"))
    samples = {"x": np.random.default_rng(0).normal(size=(8, 2, 4)).astype(np.float32)}
    path = tmp_path / "q.onnx"
    if format_name == "onnx":
        source = Source("m", path, None, (), ())
        plain._write_static(model, source, Precision.INT8, samples, path)
    else:
        onnx_tensorrt._write_symmetric(model, samples, path)
    graph = onnx.load(path).graph
    weights = {each.name for each in graph.initializer if each.data_type == onnx.TensorProto.INT8 and each.dims}
    assert len([name for name in weights if name.startswith("w")]) >= 2
    makers = {name: node for node in graph.node for name in node.output}
    layers = [node for node in graph.node if node.op_type in ("MatMul", "Gemm")]
    assert len(layers) == 2
    assert {makers[name].op_type for node in layers for name in node.input[:2]} == {"DequantizeLinear"}
