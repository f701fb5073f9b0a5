"""A run as a user makes it: from a file, twice, interrupted, in the wrong folder, without TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import compressor

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model_file(digits_run):
    """The trained digits network as a user's own `.h5`."""
    out, _ = digits_run("int8")
    return out / "keras" / "original.h5"


def test_model_file_with_own_data_gives_the_sample_s_numbers(
    model_file, digits_npz, digits_run, command, read_report, tmp_path
):
    done = command("run", model_file, "--recipe", "int8", "--data", digits_npz, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    _, sample = digits_run("int8")
    report = read_report(tmp_path / "out")
    assert report["model"]["metric"]["value"] == sample.model.metric.value
    expected = next(row for row in sample.rows if row.format == "tflite" and row.stage == "compressed")
    row = next(row for row in report["rows"] if row["format"] == "tflite" and row["stage"] == "compressed")
    assert row["metric"]["value"] == expected.metric.value


def test_same_run_gives_the_same_bytes_and_replaces_itself(digits_run, tmp_path):
    _, first = digits_run("prune50_int8")
    for _ in range(2):
        again = compressor.run("digits_cnn", "prune50_int8", ["host", "jetson"], out=tmp_path / "again")
    ours = {(row.format, row.stage): row.sha256 for row in again.rows if row.sha256}
    theirs = {(row.format, row.stage): row.sha256 for row in first.rows if row.sha256}
    assert ours == {key: theirs[key] for key in ours}
    assert again.model.trained["cached"]


def test_folder_of_another_run_is_refused_before_anything_happens(digits_run, command):
    out, _ = digits_run("int8")
    before = (out / "report.json").read_bytes()
    started = time.monotonic()
    done = command("run", "digits_cnn", "--recipe", "float16", "--out", out)
    assert done.returncode == 2
    assert "holds another run" in done.stderr
    assert time.monotonic() - started < 5
    assert (out / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a | {"x_evaluation": a["x_evaluation"][:, :4]}, "does not fit the input"),
        (lambda a: a | {"x_evaluation": a["x_evaluation"].astype(str)}, "is not numeric"),
        (
            lambda a: a | {"x_evaluation": np.where(a["x_evaluation"] > 0.9, np.nan, a["x_evaluation"])},
            "NaN or infinite",
        ),
        (lambda a: a | {"y_evaluation": a["y_evaluation"] + 5}, "class numbers that the model does not have"),
        (lambda a: a | {"x_evaluation": a["x_evaluation"] * 255}, "scaled differently"),
        (lambda a: a | {"y_evaluation": a["y_evaluation"][:-1]}, "differ in length"),
        (lambda a: {key: value for key, value in a.items() if "evaluation" in key}, "has no x_calibration"),
    ],
)
def test_data_that_does_not_fit_is_refused(spoil, message, model_file, digits_npz, command, tmp_path):
    with np.load(digits_npz) as arrays:
        np.savez(tmp_path / "bad.npz", **spoil(dict(arrays)))
    done = command("run", model_file, "--data", tmp_path / "bad.npz", "--out", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_limit_on_the_command_line_overrides_the_recipe_and_breaks(command, read_report, tmp_path):
    out = tmp_path / "out"
    done = command("run", "digits_cnn", "--recipe", "int8", "--out", out, "--max-size-ratio", "0.1")
    assert done.returncode == 1
    violations = read_report(out)["verdict"]["violations"]
    assert {item["limit"] for item in violations} == {"max_size_ratio"}
    assert command("gate", out, "--max-size-ratio", "0.9").returncode == 0
    assert command("gate", out).returncode == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_neither_files_nor_processes(sent, tmp_path):
    out = tmp_path / "out"
    environment = os.environ | {"COMPRESSOR_CACHE": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "compressor", "run", "digits_cnn", "--out", str(out)]
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "train" not in process.stderr.readline():
        assert process.poll() is None
    children = _children(process.pid)
    assert children
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert process.returncode == (130 if sent is signal.SIGINT else 143)
    assert "nothing was left behind" in err
    assert not out.exists()
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def test_measure_agrees_with_the_run(digits_run, command, tmp_path):
    import json

    out, report = digits_run("int8")
    for row in report.rows:
        if row.provenance == "measured" and row.target == "host":
            done = command("measure", out / row.path, "--data", out / "data.npz", "--runtime", row.runtime, "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["metric"]["value"] == row.metric.value


def test_default_folder_is_numbered_when_it_holds_another_run(tmp_path, monkeypatch, digits_run):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "digits_cnn-float32").mkdir(parents=True)
    (tmp_path / "runs" / "digits_cnn-float32" / "notes.txt").write_text("mine")
    compressor.run("digits_cnn", "float32")
    assert (tmp_path / "runs" / "digits_cnn-float32-2" / "report.json").is_file()
    assert (tmp_path / "runs" / "digits_cnn-float32" / "notes.txt").read_text() == "mine"
