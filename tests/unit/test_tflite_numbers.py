"""Numbers on their way into and out of a quantized TFLite tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compressor.tflite_view.session import _dequantized, _End, _quantized
from compressor.values import TensorSpec

DTYPES = st.sampled_from(["int8", "uint8", "int16"])
SCALES = st.floats(2.0**-14, 2.0**4, width=32)


def end(dtype: str, scale: float, zero_point: int) -> Any:
    return _End(TensorSpec("x", (1, 1), dtype), 0, scale, zero_point)


def through(values: Any, tensor: Any) -> Any:
    return _dequantized(_quantized(np.asarray(values, np.float32), tensor), tensor)


@given(DTYPES, SCALES, st.integers(-128, 127), st.floats(0, 1, width=32))
def test_what_the_tensor_can_hold_comes_back_within_half_a_step(dtype: str, scale: float, zero: int, at: float) -> None:
    info = np.iinfo(dtype)
    zero = int(np.clip(zero, info.min, info.max))
    low, high = (info.min - zero) * scale, (info.max - zero) * scale
    value = np.float32(low + at * (high - low))
    assert abs(through([value], end(dtype, scale, zero))[0] - value) <= scale / 2 * (1 + 1e-3)


@given(DTYPES, SCALES, st.sampled_from([-1e30, 1e30]))
def test_what_lies_outside_saturates(dtype: str, scale: float, value: float) -> None:
    info = np.iinfo(dtype)
    wanted = info.min if value < 0 else info.max
    assert _quantized(np.array([value]), end(dtype, scale, 0)).tolist() == [wanted]


@given(st.floats(-120, 120, width=32))
@example(0.49999997)
@example(-0.49999997)
@example(2.5)
@example(-2.5)
def test_halves_are_rounded_away_from_zero_and_the_rest_to_the_nearest(value: float) -> None:
    wanted = np.trunc(value + np.copysign(0.5, value))
    assert _quantized(np.array([value], np.float32), end("int8", 1.0, 0)).tolist() == [wanted]


@given(st.integers(-128, 127), SCALES, st.integers(-128, 127))
def test_every_code_goes_out_and_comes_back_as_itself(code: int, scale: float, zero: int) -> None:
    tensor = end("int8", scale, zero)
    assert _quantized(_dequantized(np.array([code], np.int8), tensor), tensor).tolist() == [code]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_tensors_that_are_not_quantized_pass_as_they_are(dtype: str) -> None:
    tensor = end(dtype, 0.0, 0)
    assert _quantized(np.array([3.0]), tensor).dtype == np.dtype(dtype)
    assert _dequantized(np.array([3], dtype), tensor).tolist() == [3]


def test_codes_that_are_already_of_the_files_type_pass_as_they_are() -> None:
    codes = np.array([-128, 5, 127], np.int8)
    assert _quantized(codes, end("int8", 0.1, 7)).tolist() == codes.tolist()
