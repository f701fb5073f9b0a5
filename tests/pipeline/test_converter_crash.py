"""A precision that is impossible must not take the run with it: TensorFlow's converter dies of int8 in a ConvLSTM2D."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def looping(tmp_path_factory):
    """A small ConvLSTM2D, which stays a loop in TFLite, and data for it."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("looping")
    model = tf_keras.Sequential(
        [
            layers.Input((4, 5, 5, 1)),
            layers.ConvLSTM2D(2, 3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.save(folder / "looping.h5", include_optimizer=False, save_format="h5")
    x = np.random.default_rng(0).normal(size=(40, 4, 5, 5, 1)).astype(np.float32)
    y = model.predict(x, verbose=0).argmax(-1)
    np.savez(folder / "data.npz", x_calibration=x[:10], y_calibration=y[:10], x_evaluation=x[10:], y_evaluation=y[10:])
    return folder


@pytest.fixture(scope="module")
def crashed(looping, command, read_report):
    out = looping / "out"
    targets = ["--target", "coral", "--target", "host"]
    done = command("run", looping / "looping.h5", "--data", looping / "data.npz", "--out", out, *targets)
    return done, read_report(out), out


def test_exit_code_is_one_and_there_is_no_traceback(crashed):
    done, _, _ = crashed
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_row_says_that_it_is_impossible_how_it_failed_and_what_is_not(crashed):
    _, report, _ = crashed
    rows = [row for row in report["rows"] if row["format"] == "tflite" and row["precision"] == "int8"]
    failed = {row["target"]: row for row in rows if row["failed_stage"] == "write"}
    assert set(failed) == {"coral", "host"}
    for row in failed.values():
        assert row["provenance"] == "skipped"
        assert "tflite int8 conversion ended its process with SIGSEGV" in row["reason"]
        assert row["path"] is None
    # Of what can be written, the Edge TPU takes nothing.
    assert failed["host"]["possible_precisions"] == ["dynamic-int8", "float16"]
    assert "use a recipe with precision dynamic-int8 or float16" in failed["host"]["reason"]
    assert failed["coral"]["possible_precisions"] == []
    assert "no other precision that coral takes" in failed["coral"]["reason"]


def test_the_trials_leave_no_files(crashed):
    _, _, out = crashed
    assert not (out / "trials").exists()
    assert sorted(path.name for path in (out / "artifacts" / "tflite").iterdir()) == ["looping_float32.tflite"]


def test_report_and_terminal_call_it_impossible(crashed):
    done, _, out = crashed
    told = "skipped, impossible: tflite int8 conversion ended its process with SIGSEGV"
    assert told in done.stdout
    assert told in (out / "report.md").read_text()


def test_other_formats_still_finish(crashed):
    _, report, _ = crashed
    measured = {(row["target"], row["format"], row["precision"]) for row in report["rows"] if row["latency_ms"]}
    assert ("host", "onnx", "int8") in measured
    assert ("host", "tflite", "float32") in measured


def test_verdict_names_every_row_that_failed(crashed):
    _, report, _ = crashed
    assert not report["verdict"]["passed"]
    finished = [item for item in report["verdict"]["violations"] if item["limit"] == "finished"]
    assert {item["target"] for item in finished} == {"coral", "host"}
    assert all(item["received"].startswith("impossible: ") for item in finished)
