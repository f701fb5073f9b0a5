"""Symmetric int8: scales by the smallest error, inputs moved to fill int8, layers that take the move back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from compressor.onnx_graph import shift, symmetric
from compressor.values import Array

EXACT = 1 / 64


def float_model(layer: str, weights: Array, shape: list[int], bias: Array | None = None, **attributes: Any) -> Any:
    nodes = [
        helper.make_node(layer, ["x", "w", *(["b"] if bias is not None else [])], ["y"], name="layer", **attributes)
    ]
    constants = [numpy_helper.from_array(weights.astype(np.float32), "w")]
    constants += [] if bias is None else [numpy_helper.from_array(bias.astype(np.float32), "b")]
    return made(nodes, constants, shape)


def made(nodes: list[Any], constants: list[Any], shape: list[int]) -> Any:
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"size_{axis}" for axis in range(len(shape))])]
    graph = helper.make_graph(nodes, "g", ends, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def quantized(model: Any, tensor: str = "x", scale: float = 1.0) -> Any:
    """Q/DQ on one activation and on the weights, whose scale is EXACT, as onnxruntime puts them."""
    graph = model.graph
    weights = next(each for each in graph.initializer if each.name == "w")
    integers = np.rint(numpy_helper.to_array(weights) / EXACT).astype(np.int8)
    weights.CopyFrom(numpy_helper.from_array(integers, "w"))
    for name, value in (("s", np.float32(scale)), ("ws", np.float32(EXACT)), ("z", np.int8(0))):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    layer = next(node for node in graph.node if node.name == "layer")
    layer.input[0], layer.input[1] = "d", "wd"
    place = list(graph.node).index(layer)
    for node in (
        helper.make_node("DequantizeLinear", ["w", "ws", "z"], ["wd"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("QuantizeLinear", [tensor, "s", "z"], ["q"]),
    ):
        graph.node.insert(place, node)
    return model


def calibrated(folder: Path, build: Any, samples: Array, **options: Any) -> tuple[onnx.ModelProto, Array, Array]:
    """The file after calibration, its answers and those of the float model."""
    import onnxruntime as ort

    paths = folder / "float.onnx", folder / "int8.onnx"
    onnx.save(build(), paths[0])
    onnx.save(quantized(build(), **options), paths[1])
    symmetric.calibrate(*paths, {"x": samples})
    onnx.checker.check_model(str(paths[1]), full_check=True)
    sessions = [ort.InferenceSession(str(path)) for path in paths]
    floats, found = (
        np.concatenate([session.run(None, {"x": each[None]})[0] for each in samples]) for session in sessions
    )
    return onnx.load(str(paths[1])), found, floats


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def pixels(shape: tuple[int, ...]) -> Array:
    values = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    values.flat[:2] = 0, 255
    return values


def exact_weights(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(1).integers(-127, 128, shape) * EXACT


@pytest.mark.parametrize("bias", [None, np.arange(4.0)])
def test_pixels_come_through_a_padded_convolution_exactly(bias: Array | None, tmp_path: Path) -> None:
    weights = exact_weights((4, 3, 3, 3))
    model, found, floats = calibrated(
        tmp_path,
        lambda: float_model("Conv", weights, [1, 3, 5, 5], bias, pads=[1, 0, 1, 2], strides=[2, 1]),
        pixels((6, 3, 5, 5)),
    )
    assert operators(model)[:3] == ["Pad", "Sub", "QuantizeLinear"]
    assert found == pytest.approx(floats, abs=2e-3)
    # One zero that is padded as something else would show: the sum of a kernel's row is far from nothing.
    assert np.abs(floats).max() > 100


@pytest.mark.parametrize("transposed", [0, 1])
def test_pixels_come_through_a_dense_layer_exactly(transposed: int, tmp_path: Path) -> None:
    weights = exact_weights((4, 9) if transposed else (9, 4))
    model, found, floats = calibrated(
        tmp_path, lambda: float_model("Gemm", weights, [1, 9], np.ones(4), transB=transposed), pixels((6, 9))
    )
    assert operators(model)[:2] == ["Sub", "QuantizeLinear"]
    assert found == pytest.approx(floats, abs=2e-3)


def test_without_the_move_half_of_the_pixels_would_be_lost(tmp_path: Path) -> None:
    weights = exact_weights((4, 9))
    build = lambda: float_model("Gemm", weights, [1, 9], np.ones(4), transB=1, alpha=0.5)  # noqa: E731
    model, found, floats = calibrated(tmp_path, build, pixels((6, 9)))
    assert "Sub" not in operators(model)
    assert np.abs(found - floats).max() > 0.1


def test_values_of_both_signs_are_not_moved_and_cut_off_where_the_error_is_least(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(1000, 64)).astype(np.float32)
    samples[0, 0] = 8.0
    model, _, _ = calibrated(tmp_path, lambda: float_model("Gemm", exact_weights((64, 2)), [1, 64]), samples)
    assert "Sub" not in operators(model)
    scale = next(numpy_helper.to_array(each) for each in model.graph.initializer if each.name == "s")
    assert 2.5 / 127 < scale < 7.5 / 127


def behind_a_layer() -> Any:
    nodes = [
        helper.make_node("Gemm", ["x", "v"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "w"], ["y"], name="layer"),
    ]
    constants = [
        numpy_helper.from_array(exact_weights((9, 5)).astype(np.float32), "v"),
        numpy_helper.from_array(exact_weights((5, 4)).astype(np.float32), "w"),
    ]
    return made(nodes, constants, [1, 9])


def test_what_a_layer_made_is_not_moved_for_it_would_not_fuse(tmp_path: Path) -> None:
    model, _, _ = calibrated(tmp_path, behind_a_layer, pixels((3, 9)), tensor="r", scale=500.0)
    assert "Sub" not in operators(model)


def scaled_first() -> Any:
    nodes = [
        helper.make_node("Mul", ["x", "k"], ["u"]),
        helper.make_node("Gemm", ["u", "w"], ["y"], name="layer"),
    ]
    constants = [
        numpy_helper.from_array(np.float32(1 / 255), "k"),
        numpy_helper.from_array(exact_weights((9, 4)).astype(np.float32), "w"),
    ]
    return made(nodes, constants, [1, 9])


def test_what_scales_inputs_may_stand_before_the_move(tmp_path: Path) -> None:
    model, found, floats = calibrated(tmp_path, scaled_first, pixels((3, 9)), tensor="u")
    assert operators(model)[:3] == ["Mul", "Sub", "QuantizeLinear"]
    assert found == pytest.approx(floats, abs=2e-3)


def test_a_bias_that_is_replaced_is_not_kept(tmp_path: Path) -> None:
    model, _, _ = calibrated(
        tmp_path, lambda: float_model("Gemm", exact_weights((9, 4)), [1, 9], np.ones(4)), pixels((3, 9))
    )
    assert "b" not in [each.name for each in model.graph.initializer]
    assert "w" in [each.name for each in model.graph.initializer]


def test_a_tensor_of_zeros_keeps_its_scale(tmp_path: Path) -> None:
    samples = np.zeros((2, 9), np.float32)
    model, _, _ = calibrated(tmp_path, lambda: float_model("Gemm", exact_weights((9, 4)), [1, 9]), samples, scale=0.25)
    assert next(numpy_helper.to_array(each) for each in model.graph.initializer if each.name == "s") == 0.25


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        calibrated(tmp_path, lambda: float_model("Gemm", exact_weights((9, 4)), [1, 9]), pixels((3, 9)))
        contents.append((tmp_path / "int8.onnx").read_bytes())
    assert contents[0] == contents[1]


@given(st.floats(-1e3, 1e3), st.floats(0, 1e3))
def test_it_is_worthwhile_exactly_where_a_quarter_of_int8_is_unused(low: float, width: float) -> None:
    high = low + width
    reach = max(abs(low), abs(high))
    used = (max(high, 0) - min(low, 0)) / (2 * reach) if reach else 1
    if abs(used - 0.75) > 1e-9:
        assert shift.worthwhile(low, high) == (used < 0.75)
