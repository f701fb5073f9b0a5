"""The measuring side installed as on a device: an environment without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """An environment with the package and, of its extras, NCNN's runtime alone."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    constraints = ROOT / "compressor" / "constraints.txt"
    pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", constraints, f"{ROOT}[ncnn]"], check=True)
    return folder / "bin"


def test_environment_has_no_tensorflow(device):
    listed = subprocess.run([device / "pip", "list", "--format=json"], capture_output=True, text=True, check=True)
    names = {package["name"].lower().replace("_", "-") for package in json.loads(listed.stdout)}
    assert "ai-edge-litert" in names
    assert not names & {"tensorflow", "tf-keras", "keras", "tensorflow-model-optimization", "tf2onnx", "onnx", "h5py"}


def test_files_of_a_run_measure_the_same_there(device, digits_run, tmp_path):
    out, report = digits_run("int8")
    rows = [row for row in report.rows if row.provenance == "measured" and row.stage == "compressed"]
    for row in {(row.path, row.runtime): row for row in rows}.values():
        words = ["measure", out / row.path, "--data", out / "data.npz", "--runtime", row.runtime, "--json"]
        done = subprocess.run(
            [device / "compressor", *words], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["metric"]["value"] == row.metric.value


def test_shipped_recipes_and_targets_are_installed_with_it(device, tmp_path):
    words = ["check", "--recipe", "int8", "--target", "coral", "--json"]
    done = subprocess.run([device / "compressor", *words], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"]


def test_compressing_there_names_what_is_missing_and_exits_three(device, tmp_path):
    words = ["run", "digits_cnn", "--out", "out"]
    done = subprocess.run([device / "compressor", *words], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 3
    assert "tensorflow" in done.stderr
    assert "pip install" in done.stderr
    assert not (tmp_path / "out").exists()


def test_doctor_there_says_what_is_missing(device, tmp_path):
    done = subprocess.run(
        [device / "compressor", "doctor", "--json"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 3
    states = {package["name"]: package["state"] for package in json.loads(done.stdout)["packages"]}
    assert (states["tensorflow"], states["onnxruntime"]) == ("missing", "ok")
