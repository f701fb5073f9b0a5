"""A converter that dies must not take the run with it (TensorFlow's does, on int8 quantization of a GRU)."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def gru(tmp_path_factory):
    """A one-layer GRU and data for it."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("gru")
    model = tf_keras.Sequential(
        [tf_keras.layers.Input((12, 4)), tf_keras.layers.GRU(8), tf_keras.layers.Dense(3, activation="softmax")]
    )
    model.save(folder / "gru.h5", include_optimizer=False, save_format="h5")
    x = np.random.default_rng(0).normal(size=(60, 12, 4)).astype(np.float32)
    y = model.predict(x, verbose=0).argmax(-1)
    np.savez(folder / "gru.npz", x_calibration=x[:20], y_calibration=y[:20], x_evaluation=x[20:], y_evaluation=y[20:])
    return folder


@pytest.fixture(scope="module")
def crashed(gru, command, read_report, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "gru"
    targets = ["--target", "coral", "--target", "host", "--target", "jetson"]
    done = command("run", gru / "gru.h5", "--recipe", "int8", "--data", gru / "gru.npz", "--out", out, *targets)
    return done, read_report(out)


def test_exit_code_is_one_and_there_is_no_traceback(crashed):
    done, _ = crashed
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_row_says_which_stage_failed_and_how(crashed):
    _, report = crashed
    rows = [row for row in report["rows"] if row["format"] == "tflite" and row["precision"] == "int8"]
    failed = [row for row in rows if row["failed_stage"] == "write"]
    assert {row["target"] for row in failed} == {"coral", "host"}
    for row in failed:
        assert row["provenance"] == "skipped"
        assert "tflite int8 conversion ended its process with SIGSEGV" in row["reason"]
        assert row["path"] is None


def test_other_targets_and_formats_still_finish(crashed):
    _, report = crashed
    measured = {(row["target"], row["format"], row["precision"]) for row in report["rows"] if row["latency_ms"]}
    assert ("host", "onnx", "int8") in measured
    assert ("jetson", "onnx_tensorrt", "int8") in measured
    assert ("host", "tflite", "float32") in measured


def test_verdict_names_every_row_that_failed(crashed):
    _, report = crashed
    assert not report["verdict"]["passed"]
    finished = [item for item in report["verdict"]["violations"] if item["limit"] == "finished"]
    assert {item["target"] for item in finished} == {"coral", "host"}
