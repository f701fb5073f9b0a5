"""Kernels of files made by hand: their real numbers, counts, and which belongs to which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_onnx
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tflite_files import KINDS, TfliteFile, float_lstm_with_int8_weights

from compressor.evidence import weight_figures
from compressor.kernels import Kernel, along, ncnn, onnx, tflite
from compressor.ncnn_model import container, int8, param, weights
from compressor.ncnn_model.container import End, NcnnModel
from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.weights import Tensor
from compressor.values import Array, Artifact, Precision, Stage

FLOATS = np.array([[0.0, 0.5, -1.0, 0.25], [0.0, 0.0, 2.0, -2.0]], np.float32)
STEPS = np.array([[0, 64, -127, 32], [0, 0, 127, -127]], np.int8)
SCALES = (1 / 127, 2 / 127)


def dense(
    kernel: Array, kind: int, scales: tuple[float, ...] = (), zeros: tuple[int, ...] = (), name: str = "m/dense/MatMul"
) -> bytes:
    """A Dense layer; float16 weights go through a DEQUANTIZE, as the converter has it."""
    made = TfliteFile()
    x = made.tensor("x", 1, kernel.shape[1], kind=KINDS.FLOAT32)
    w = made.tensor(name, *kernel.shape, kind=kind, values=kernel, scales=scales)
    if zeros:
        made.graph.tensors[w].quantization.zeroPoint = list(zeros)
    if kind == KINDS.FLOAT16:
        unpacked = made.tensor("unpacked", *kernel.shape, kind=KINDS.FLOAT32)
        made.operator("DEQUANTIZE", [w], [unpacked])
        w = unpacked
    y = made.tensor("m/dense/BiasAdd", 1, kernel.shape[0], kind=KINDS.FLOAT32)
    shape = made.tensor("shape", 1, 2, kind=KINDS.INT32, values=np.array([[1, 2]], np.int32), scales=())
    made.operator("FULLY_CONNECTED", [x, w], [y])
    z = made.tensor("z", 1, 2, kind=KINDS.FLOAT32)
    made.operator("RESHAPE", [y, shape], [z])
    return made.content([x], [z])


def written(folder: Path, content: bytes, name: str = "m.tflite") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def artifact(path: Path, precision: Precision = Precision.INT8) -> Artifact:
    return Artifact(path, "tflite", precision, Stage.COMPRESSED, 1, 1, "f" * 64)


def test_weights_before_and_after_are_counted_exactly(tmp_path: Path) -> None:
    before = written(tmp_path, dense(FLOATS, KINDS.FLOAT32), "a.tflite")
    after = written(tmp_path, dense(STEPS, KINDS.INT8, SCALES), "b.tflite")
    (found,) = weight_figures.parts(artifact(before, Precision.FLOAT32), artifact(after))
    assert (found.layer, found.tensor, found.shape, found.bits) == ("dense", "m/dense/MatMul", [2, 4], 8)
    assert (found.format, found.precision) == ("tflite", "int8")
    assert (found.sparsity_before, found.sparsity_after) == (0.375, 0.375)
    assert (found.distinct_before, found.distinct_after, found.distinct_per_scale) == (6, 5, 4)
    assert sum(found.before) == sum(found.after) == 8
    assert len(found.edges) == len(found.before) + 1 == len(found.after) + 1
    middle = weight_figures.BARS // 2
    assert found.edges[middle] == -found.edges[middle + 1] < 0
    # Three zeros in the middle, ±2 at the ends, -1 and +0.5 where they belong.
    assert (found.after[middle], found.after[0], found.after[-1]) == (3, 1, 1)
    assert found.before == found.after


@pytest.mark.parametrize(("zeros", "expected"), [((0, 0), STEPS), ((3, -2), STEPS - np.array([[3], [-2]]))])
def test_integers_stand_for_real_numbers_by_the_scale_of_their_channel(
    zeros: tuple[int, ...], expected: Array, tmp_path: Path
) -> None:
    (kernel,) = tflite.read(written(tmp_path, dense(STEPS, KINDS.INT8, SCALES, zeros)))
    np.testing.assert_allclose(kernel.real, expected * np.array(SCALES)[:, None], rtol=1e-6)
    assert kernel.sparsity == float(np.mean(expected == 0))


def test_the_channels_of_a_depthwise_convolution_are_its_last_axis(tmp_path: Path) -> None:
    made = TfliteFile()
    steps = np.arange(1, 9, dtype=np.int8).reshape(1, 2, 2, 2)
    x, y = made.tensor("x", 1, 4, 4, 2), made.tensor("m/dw/depthwise", 1, 4, 4, 2)
    w = made.tensor("m/dw/depthwise_weights", 1, 2, 2, 2, values=steps, scales=(1.0, 10.0))
    made.graph.tensors[w].quantization.quantizedDimension = 3
    made.operator("DEPTHWISE_CONV_2D", [x, w], [y], schema.DepthwiseConv2DOptionsT())
    (kernel,) = tflite.read(written(tmp_path, made.content([x], [y])))
    assert kernel.real.tolist() == [[[[1, 20], [3, 40]], [[5, 60], [7, 80]]]]
    assert kernel.distinct_per_scale == 4


def test_half_precision_weights_are_read_behind_their_dequantize(tmp_path: Path) -> None:
    (kernel,) = tflite.read(written(tmp_path, dense(FLOATS.astype(np.float16), KINDS.FLOAT16)))
    assert (kernel.layer, kernel.bits, kernel.distinct_per_scale) == ("dense", 16, None)
    assert kernel.real.tolist() == FLOATS.tolist()


def test_the_kernels_of_an_lstm_are_told_apart_by_their_places(tmp_path: Path) -> None:
    kernels = tflite.read(written(tmp_path, float_lstm_with_int8_weights()))
    assert [kernel.role for kernel in kernels] == [f"UNIDIRECTIONAL_SEQUENCE_LSTM {place}" for place in range(1, 9)]
    assert [kernel.stored.shape for kernel in kernels] == [(2, 3)] * 4 + [(2, 2)] * 4


def test_float_kernels_of_an_onnx_file(tmp_path: Path) -> None:
    kernels = onnx.read(tiny_onnx.saved(tmp_path))
    assert [(each.tensor, each.layer, each.stored.shape) for each in kernels] == [
        ("w1", "net/first", (8, 3, 3, 3)),
        ("w2", "net/last", (4, 8)),
    ]
    assert [each.distinct for each in kernels] == [1, 1]


ONNX = """agraph (float[1,2] x) => (float[1,4] y)
<int8[2,4] w_quantized = {0,0,64,0,-127,127,32,-127}, float[4] w_scale = {1,2,3,4}, int8[4] w_zero_point = {0,0,0,0}>
{ LAYER }"""


@pytest.mark.parametrize(
    "layer",
    [
        "w = DequantizeLinear <axis = 1> (w_quantized, w_scale, w_zero_point) y = MatMul (x, w)",
        "w = DequantizeLinear <axis = -1> (w_quantized, w_scale) v = Identity (w) y = Gemm (x, v)",
        "q, s, z = DynamicQuantizeLinear (x) i = MatMulInteger (q, w_quantized, z, w_zero_point) "
        "f = Cast <to = 1> (i) y = Mul (f, w_scale)",
    ],
)
def test_integers_of_an_onnx_file_have_the_scales_of_their_columns(layer: str, tmp_path: Path) -> None:
    import onnx as onnx_package

    text = f'<ir_version: 8, opset_import: ["" : 17]> {ONNX.replace("LAYER", layer)}'
    onnx_package.save(onnx_package.parser.parse_model(text), tmp_path / "m.onnx")
    (kernel,) = onnx.read(tmp_path / "m.onnx")
    assert (kernel.tensor, kernel.bits, kernel.sparsity) == ("w", 8, 0.375)
    assert kernel.real.tolist() == [[0, 0, 192, 0], [-127, 254, 96, -508]]


def test_integers_of_an_ncnn_model_are_divided_by_their_factors(tmp_path: Path) -> None:
    layer = Layer("InnerProduct", "fc", ("x",), ("y",), {"0": "2", "1": "1", "2": "8"})
    floats = {"fc": (Tensor(FLOATS.ravel(), tagged=True), Tensor(np.zeros(2, np.float32)))}
    marked, stored = int8.quantized((layer,), floats, {"fc": 1.0})
    end = End("x", "x", (1, 4), "float32", (1,))
    for name, layers, tensors in (("a", (layer,), floats), ("b", marked, stored)):
        model = NcnnModel(param.render(tuple(layers)), weights.write(layers, tensors), (end,), (end,))
        container.write(model, tmp_path / f"{name}.ncnn")
    (before,), (after,) = (ncnn.read(tmp_path / f"{name}.ncnn") for name in ("a", "b"))
    assert (before.bits, after.bits, after.sparsity) == (32, 8, 0.375)
    np.testing.assert_allclose(after.real, FLOATS, atol=0.51 * 2 / 127)
    assert weight_figures.matched([before], [after]) == [(before, after)]


def kernel(layer: str, tensor: str, *shape: int, role: str = "MatMul 1") -> Kernel:
    return Kernel(layer, tensor, role, np.zeros(shape, np.float32))


def test_weights_are_matched_by_layer_then_by_name_and_left_out_otherwise() -> None:
    before = [kernel("a", "a/1", 2, 3), kernel("", "W__9", 4, 4), kernel("b", "b", 5, 5), kernel("", "tfl.pseudo1", 3)]
    after = [kernel("a", "other", 3, 2), kernel("", "W__9", 4, 4), kernel("b", "b", 5, 6), kernel("", "tfl.pseudo1", 3)]
    assert weight_figures.matched(before, after) == [(before[0], after[0]), (before[1], after[1])]


def test_of_two_that_could_be_meant_none_is() -> None:
    before = [kernel("a", "x", 2, 2), kernel("a", "y", 2, 2)]
    assert weight_figures.matched(before, [kernel("a", "z", 2, 2)]) == []
    after = [kernel("a", "y", 2, 2), kernel("a", "z", 2, 2)]
    assert weight_figures.matched(before, after) == [(before[1], after[0])]


def test_at_most_the_largest_kernels_are_told_in_the_order_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [kernel(f"l{size}", "", 1, size) for size in (3, 1, 2)]
    monkeypatch.setattr(weight_figures, "MOST_KERNELS", 2)
    monkeypatch.setitem(weight_figures._READERS, ".tflite", lambda path: tuple(every))
    file = artifact(tmp_path / "m.tflite")
    assert [part.layer for part in weight_figures.parts(file, file)] == ["l3", "l2"]


SMALL = st.floats(-(2.0**100), 2.0**100, width=32)


@given(arrays(np.float32, st.integers(1, 30), elements=SMALL), arrays(np.float32, st.integers(1, 30), elements=SMALL))
def test_every_weight_is_counted_and_zero_is_in_the_middle(before: Array, after: Array) -> None:
    edges, ours, theirs = weight_figures.histogram(before, after)
    assert (sum(ours), sum(theirs)) == (before.size, after.size)
    assert edges == sorted(set(edges))
    middle = weight_figures.BARS // 2
    assert edges[middle] < 0 < edges[middle + 1]
    assert ours[middle] >= np.count_nonzero(before == 0)


@given(arrays(np.int8, (3, 7)), st.integers(0, 1))
def test_integers_under_one_scale_are_counted_as_sets_count_them(stored: Array, axis: int) -> None:
    scales = along(np.ones(stored.shape[axis]), axis, 2)
    found = Kernel("", "", "", stored, scales, np.zeros_like(scales)).distinct_per_scale
    assert found == max(len(set(channel.tolist())) for channel in np.moveaxis(stored, axis, 0))
