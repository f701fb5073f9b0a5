"""Graphs that tf2onnx leaves with what ONNX lacks."""

from __future__ import annotations

import math

import numpy as np

from compressor import onnx_graph


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
