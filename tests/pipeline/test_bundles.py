"""A run for every kind of device leaves a bundle for each, and those that this machine can run answer as expected."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

import compressor
from compressor.report.schema import Report
from compressor.tflm import c_array

pytestmark = pytest.mark.tensorflow
TARGETS = [
    *("host", "coral", "ethos_u55-128", "raspberry_pi5", "cortex_m4", "jetson_orin_nano"),
    *("android_ncnn", "ort_mobile"),
]
BUNDLES = {"host-tflite", "host-onnx", *TARGETS[1:]}
RUNNERS = [
    ("host-tflite",),
    ("host-onnx",),
    ("raspberry_pi5",),
    ("coral", "--cpu"),
    ("ethos_u55-128", "--reference"),
    ("jetson_orin_nano",),
    ("ort_mobile",),
]


@pytest.fixture(scope="module")
def bundles_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """`digits_cnn` in int8 for one device of every kind."""
    out = tmp_path_factory.mktemp("runs") / "bundles"
    return out, compressor.run("digits_cnn", "int8", TARGETS, out=out)


def test_every_target_has_a_bundle_that_its_rows_name(bundles_run: tuple[Path, Report]) -> None:
    out, report = bundles_run
    assert report.exit_code == 0
    # Whether a small file is faster in int8 hangs on the machine.
    assert [each for each in report.warnings if "as long as float32" not in each] == []
    left = {path.name for path in (out / "bundles").iterdir()}
    assert left == BUNDLES | {f"{name}.tar.gz" for name in BUNDLES}
    named = {row.bundle for row in report.rows if row.stage == "compressed"}
    assert named == {f"bundles/{name}" for name in BUNDLES}
    assert not any(row.bundle for row in report.rows if row.stage == "float32")


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_a_manifest_tells_the_ends_the_hashes_and_what_was_measured(
    bundles_run: tuple[Path, Report], name: str
) -> None:
    out, report = bundles_run
    folder = out / "bundles" / name
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {path.name for path in folder.iterdir()} == {*manifest["sha256"], "manifest.json", "README.md"}
    for file, digest in manifest["sha256"].items():
        assert sha256((folder / file).read_bytes()).hexdigest() == digest
    (row,) = (
        row
        for row in report.rows
        if row.bundle == f"bundles/{name}" and row.provenance == "measured" and row.target == manifest["target"]
    )
    assert row.path is not None
    assert manifest["artifact"]["sha256"] == sha256((out / row.path).read_bytes()).hexdigest()
    assert row.metric is not None
    assert manifest["measured"]["metric"]["value"] == row.metric.value
    assert manifest["measured"]["agreement"] == row.agreement
    assert manifest["made"]["recipe"]["precision"] == "int8"
    assert [each["name"] for each in manifest["inputs"]] == ["image"]
    assert manifest["inputs"][0]["shape"][1:] == [8, 8, 1]
    assert len((folder / "README.md").read_text().splitlines()) == 5


@pytest.mark.parametrize("words", RUNNERS, ids=lambda words: words[0])
def test_runners_answer_as_expected_on_this_machine(bundles_run: tuple[Path, Report], words: tuple[str, ...]) -> None:
    out, _ = bundles_run
    name, *options = words
    command = [sys.executable, "-E", str(out / "bundles" / name / "run.py"), *options]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "self-test: 0 values differ over 10 samples\n"), done.stderr


def test_a_minimal_build_is_told_the_operators_of_the_model(bundles_run: tuple[Path, Report]) -> None:
    out, _ = bundles_run
    lines = (out / "bundles" / "ort_mobile" / "required_operators.config").read_text().splitlines()
    told = {line.split(";")[0]: line.split(";")[2].split(",") for line in lines}
    assert "QLinearConv" in told["com.microsoft"]
    assert "#" not in "".join(lines)


def test_the_project_for_an_ethos_u_is_around_what_vela_made(bundles_run: tuple[Path, Report]) -> None:
    out, report = bundles_run
    folder = out / "bundles" / "ethos_u55-128"
    (row,) = (row for row in report.rows if row.provenance == "estimated")
    assert row.estimate is not None
    compiled = (folder / "model_vela.tflite").read_bytes()
    assert compiled == (out / str(row.estimate.compiled_path)).read_bytes()
    assert c_array.content(folder / "model.cc") == compiled
    assert "resolver.AddEthosU()" in (folder / "main.cc").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["estimated"]["cycles"] == row.estimate.cycles > 0
    assert (folder / "model.tflite").read_bytes() != compiled


@pytest.mark.parametrize("name", ["coral", "ethos_u55-128", "jetson_orin_nano"])
def test_scripts_are_without_mistakes_of_syntax(bundles_run: tuple[Path, Report], name: str) -> None:
    scripts = sorted((bundles_run[0] / "bundles" / name).glob("*.sh"))
    assert scripts
    for script in scripts:
        assert subprocess.run(["bash", "-n", str(script)], timeout=10).returncode == 0
    for program in (bundles_run[0] / "bundles" / name).glob("*.py"):
        compile(program.read_text(), str(program), "exec")


def test_the_script_for_an_ethos_u_writes_the_very_file_of_the_run(
    bundles_run: tuple[Path, Report], tmp_path: Path
) -> None:
    folder = bundles_run[0] / "bundles" / "ethos_u55-128"
    for name in ("model.tflite", "compile.sh"):
        shutil.copy(folder / name, tmp_path)
    beside = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "compile.sh"], cwd=tmp_path, env=beside, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model_vela.tflite").read_bytes() == (folder / "model_vela.tflite").read_bytes()
