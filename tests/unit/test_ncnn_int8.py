"""int8 for NCNN: the arithmetic of scales, where the bytes stand, and that NCNN computes with them what it should."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import thresholds
from compressor.ncnn_model import int8, observed, param, weights
from compressor.ncnn_model.container import End, NcnnModel
from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.session import NcnnSession
from compressor.ncnn_model.weights import Tensor, Weights
from compressor.values import Array

NUMBERS = st.floats(-1e6, 1e6, width=32)
INPUT = Layer("Input", "in0", (), ("in0",))


@given(st.lists(NUMBERS, min_size=6, max_size=6), st.sampled_from([31, 127]))
def test_weights_come_back_within_half_a_step_of_their_channel(values: list[float], largest: int) -> None:
    floats = np.array(values, np.float32)
    found, scales = int8.weight_integers(floats, 2, largest)
    assert found.dtype == np.int8
    assert np.abs(found.astype(int)).max() <= largest
    assert (scales > 0).all()
    back = found.reshape(2, 3) / scales[:, None].astype(np.float64)
    step = 1 / scales[:, None].astype(np.float64)
    assert (np.abs(back - floats.reshape(2, 3)) <= 0.5001 * step).all()
    # The largest magnitude of a channel is the largest integer, unless the channel is as good as zero.
    for part, own in zip(floats.reshape(2, 3), found.reshape(2, 3), strict=True):
        assert np.abs(own.astype(int)).max() == largest or np.abs(part).max() < 1e-30


def test_halves_are_rounded_away_from_zero_and_too_much_is_cut_off() -> None:
    values = np.array([0.5, -0.5, 1.5, -2.5, 126.5, -200.0, 200.0])
    assert int8.integers(values, np.ones(1), 127).tolist() == [1, -1, 2, -3, 127, -127, 127]


@pytest.mark.parametrize("magnitude", [0.0, 1e-45])
def test_nothing_to_scale_by_is_scaled_by_one(magnitude: float) -> None:
    assert int8.scale_of(magnitude) == 1.0


def convolution(size: int = 3, step: int = 1, **parameters: str) -> Layer:
    own = {"0": "2", "1": str(size), "3": str(step), "5": "1", "6": str(2 * 3 * size * size)}
    return Layer("Convolution", "c", ("in0",), ("out0",), own | parameters)


def test_six_bits_of_weight_where_ncnn_uses_winograd() -> None:
    assert int8.largest_integer(convolution()) == 31
    others = [convolution(size=5), convolution(step=2), convolution(**{"2": "2"}), convolution(**{"11": "1"})]
    depthwise = Layer("ConvolutionDepthWise", "d", ("in0",), ("out0",), {"0": "3", "1": "3"})
    assert {int8.largest_integer(layer) for layer in (*others, depthwise)} == {127}


def test_bytes_of_a_dense_layer() -> None:
    layer = Layer("InnerProduct", "d", ("in0",), ("out0",), {"0": "2", "1": "1", "2": "6"})
    floats = {"d": (Tensor(np.array([1, -2, 0.5, 0, 4, -1], np.float32), tagged=True), Tensor(np.ones(2, np.float32)))}
    marked, stored = int8.quantized([layer], floats, {"d": 2.0})
    assert marked[0].parameters == {"0": "2", "1": "1", "2": "6", "8": "2"}
    expected = struct.pack("<I6b2x", 0x000D4B38, 64, -127, 32, 0, 127, -32)
    expected += struct.pack("<2f", 1, 1) + struct.pack("<2f", 63.5, 31.75) + struct.pack("<f", 63.5)
    content = weights.write(marked, stored)
    assert content == expected
    read = weights.read(marked, content)
    assert [tensor.values.tolist() for tensor in read["d"]] == [
        [64, -127, 32, 0, 127, -32],
        [1, 1],
        [63.5, 31.75],
        [63.5],
    ]


def opened(layer: Layer, floats: Weights, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> NcnnModel:
    axes = tuple(range(1, len(inputs)))
    ends = End("x", "in0", inputs, "float32", axes), End("y", "out0", outputs, "float32", axes)
    return NcnnModel(param.render((INPUT, layer)), weights.write([layer], floats), (ends[0],), (ends[1],))


def answered(model: NcnnModel, sample: Array) -> Array:
    session = NcnnSession(model, 1)
    session.load({"x": sample})
    session.invoke()
    return session.results()["y"]


def in_integers(sample: Array, threshold: float) -> Array:
    """What the layer gets to see of its input."""
    scale = int8.scale_of(threshold)
    return int8.integers(sample, np.array(scale), 127) / scale


def known_weights(stored: Weights, name: str, groups: int) -> Array:
    """What the layer gets to see of its weights."""
    return (stored[name][0].values.reshape(groups, -1) / stored[name][-2].values[:, None].astype(np.float64)).ravel()


def test_ncnn_computes_a_dense_layer_in_these_integers() -> None:
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(5, 16)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    layer = Layer("InnerProduct", "d", ("in0",), ("out0",), {"0": "5", "1": "1", "2": "80"})
    (marked,), stored = int8.quantized([layer], {"d": (Tensor(kernel.ravel(), True), Tensor(bias))}, {"d": 2.0})
    sample = rng.normal(size=(1, 16)).astype(np.float32)
    found = answered(opened(marked, stored, (1, 16), (1, 5)), sample)
    expected = in_integers(sample, 2.0) @ known_weights(stored, "d", 5).reshape(5, 16).T + bias
    assert found == pytest.approx(expected, abs=1e-5)
    # Not by computing in float32 after all.
    assert np.abs(found - (sample @ kernel.T + bias)).max() > 1e-3


def convolved(sample: Array, kernel: Array, depthwise: bool) -> Array:
    """Without padding, (channels, height, width) each."""
    windows = np.lib.stride_tricks.sliding_window_view(sample, kernel.shape[-2:], axis=(1, 2))
    return np.einsum("chwij,cij->chw" if depthwise else "chwij,ocij->ohw", windows, kernel)


@pytest.mark.parametrize("depthwise", [False, True])
def test_ncnn_computes_a_convolution_in_these_integers(depthwise: bool) -> None:
    rng = np.random.default_rng(2)
    shape = (16, 3, 3) if depthwise else (16, 16, 3, 3)
    kernel = rng.normal(size=shape).astype(np.float32)
    kind, more = ("ConvolutionDepthWise", {"7": "16"}) if depthwise else ("Convolution", {})
    layer = Layer(kind, "c", ("in0",), ("out0",), {"0": "16", "1": "3", "6": str(kernel.size), **more})
    (marked,), stored = int8.quantized([layer], {"c": (Tensor(kernel.ravel(), True),)}, {"c": 2.0})
    sample = rng.normal(size=(1, 16, 8, 8)).astype(np.float32)
    found = answered(opened(marked, stored, (1, 16, 8, 8), (1, 16, 6, 6)), sample)
    seen = known_weights(stored, "c", 16).reshape(shape)
    expected = convolved(in_integers(sample, 2.0)[0], seen, depthwise)
    # x86 kernels of depthwise convolutions divide by scales with 12 bits.
    assert found[0] == pytest.approx(expected, abs=1e-4, rel=4e-4)
    assert np.abs(found[0] - convolved(sample[0], kernel, depthwise)).max() > 1e-2


def test_a_rare_outlier_is_cut_off_and_an_even_spread_is_not() -> None:
    even = np.linspace(-1, 1, 300_001)
    assert thresholds.of_least_error(thresholds.histogram(even, 1.0), 1.0) == pytest.approx(1.0, abs=0.02)
    rare = np.append(even, 2.0)
    chosen = thresholds.of_least_error(thresholds.histogram(rare, 2.0), 2.0)
    assert 0.98 <= chosen <= 1.4


@given(st.lists(st.integers(0, 16), min_size=1, max_size=40), st.floats(0.01, 1000))
def test_few_grey_levels_survive(levels: list[int], unit: float) -> None:
    values = np.array(levels) * unit
    largest = float(values.max())
    chosen = thresholds.of_least_error(thresholds.histogram(values, largest), largest) if largest else 0.0
    kept = in_integers(values, chosen) if largest else values
    assert np.abs(kept - values).max(initial=0) <= 0.02 * largest


def test_nothing_but_zero_has_the_threshold_zero() -> None:
    assert thresholds.of_least_error(np.zeros(thresholds.BINS), 0.0) == 0.0


def test_thresholds_are_of_each_layer_s_own_input() -> None:
    layers = [
        Layer("InnerProduct", "a", ("in0",), ("1",), {"0": "1", "1": "0", "2": "1"}),
        Layer("InnerProduct", "b", ("1",), ("out0",), {"0": "1", "1": "0", "2": "1"}),
    ]
    floats = {name: (Tensor(np.array([10.0], np.float32), True),) for name in "ab"}
    ends = (End("x", "in0", (1, 1), "float32", (1,)),), (End("y", "out0", (1, 1), "float32", (1,)),)
    model = NcnnModel(param.render((INPUT, *layers)), weights.write(layers, floats), *ends)
    samples = np.linspace(-2, 2, 41, dtype=np.float32)[:, None]
    found = observed.input_thresholds(model, layers, {"x": samples})
    assert found == {"a": pytest.approx(2.0, rel=0.02), "b": pytest.approx(20.0, rel=0.02)}
