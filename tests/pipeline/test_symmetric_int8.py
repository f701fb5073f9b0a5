"""Symmetric int8 costs no more than asymmetric: a published network on pictures, and the digits.

The network is MLPerf Tiny's ResNet8; it lies beside the folder that COMPRESSOR_DATA names, in `models/`. Its own
pictures are not at hand: crops of photographs stand for them, whose halves share no pixel.
"""

from __future__ import annotations

import numpy as np
import pytest
from at_hand import MODELS, needs_data

import compressor
from sample_models import _digits_on_photographs

pytestmark = pytest.mark.tensorflow

RESNET = MODELS / "mlperf_tiny_ic/pretrainedResnet.h5"
_CALIBRATION, _EVALUATION = 200, 1500


@needs_data(RESNET)
@pytest.mark.parametrize("drawn", [0.0, 1.0], ids=["photographs", "digits on photographs"])
def test_resnet8_agrees_with_float_as_much_as_the_asymmetric_file(drawn, tmp_path):
    ours, theirs = _digits_on_photographs.pictures(32, 3, _CALIBRATION, _EVALUATION, drawn)
    data = tmp_path / "pictures.npz"
    parts = {"calibration": ours.images, "evaluation": theirs.images}
    np.savez(data, **{f"x_{part}": np.rint(images * 255).astype(np.float32) for part, images in parts.items()})
    report = compressor.run(RESNET, "int8", ["host", "jetson"], data=data, out=tmp_path / "out")
    rows = {row.format: row for row in report.rows if row.stage == "compressed" and row.provenance == "measured"}
    assert rows["onnx_tensorrt"].agreement >= rows["onnx"].agreement - 0.015
    assert rows["onnx_tensorrt"].sqnr_db >= rows["onnx"].sqnr_db - 1
    reasons = rows["onnx_tensorrt"].placement.reasons
    assert not [reason for reason in reasons if " error" in reason or " warn" in reason], reasons


def test_digits_lose_nothing(digits_run):
    _, report = digits_run("int8")
    rows = {row.format: row for row in report.rows if row.stage == "compressed" and row.provenance == "measured"}
    assert rows["onnx_tensorrt"].metric.value >= rows["onnx"].metric.value - 0.002
    assert rows["onnx_tensorrt"].sqnr_db > 38
