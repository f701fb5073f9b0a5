"""Networks that others trained and published: MLPerf Tiny's streaming wakeword and ResNet8, as Keras 2 left them.

They lie beside the folder that COMPRESSOR_DATA names, in `models/`.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from at_hand import DATA, MODELS, needs_data

import compressor

pytestmark = pytest.mark.tensorflow

WAKEWORD, RESNET = MODELS / "mlperf_tiny_sww/str_ww_ref_model.h5", MODELS / "mlperf_tiny_ic/pretrainedResnet.h5"
present = needs_data(WAKEWORD)


@present
@pytest.mark.parametrize("recipe", ["int8", "prune50_int8"])
def test_streaming_wakeword_keeps_its_accuracy_on_all_its_samples(recipe, command, tmp_path):
    out = tmp_path / "out"
    done = command("run", WAKEWORD, "--recipe", recipe, "--data", DATA / "sww_calib45.npz", "--out", out, "--json")
    assert done.returncode in (0, 1), done.stderr
    (row,) = [each for each in json.loads(done.stdout)["rows"] if each["path"] and each["path"].endswith("int8.tflite")]
    assert row["failed_stage"] is None
    found = compressor.measure(out / row["path"], DATA / "sww_calib45.npz")
    assert found.samples == 45
    if recipe == "int8":
        assert found.value >= 0.91


@present
def test_resnet8_converts_without_loss(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    report = compressor.run(RESNET, "int8", ["host", "jetson"], data={"x": images}, out=tmp_path / "out")
    exact = [row for row in report.rows if row.stage == "float32"]
    assert {row.format for row in exact} == {"tflite", "onnx", "onnx_tensorrt"}
    assert all(row.max_abs_error <= 1e-5 for row in exact)
    assert all(row.agreement == 1.0 for row in exact)
    assert report.model.parameters == 78666
    assert report.model.metric is None


@present
def test_published_int8_file_reaches_its_published_accuracy():
    found = compressor.measure(WAKEWORD.with_suffix(".tflite"), DATA / "sww_calib45.npz")
    assert (found.samples, found.metric) == (45, "accuracy")
    assert found.value >= 0.91
