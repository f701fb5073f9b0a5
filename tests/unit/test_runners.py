"""What bundles run on devices: programs in Python as processes of their own, the one for NCNN against a stand-in."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_hand import needs_tools
from hypothesis import given
from hypothesis import strategies as st
from test_bundle import made

from compressor import bundle, names
from compressor.bundle import Origin, Proof
from compressor.ends import End
from compressor.ncnn_model import container
from compressor.runners import self_test
from compressor.values import Artifact, Precision, Stage, TensorSpec

STAND_IN = Path(__file__).parent / "ncnn_stand_in"
COMPILER = shutil.which("g++") or shutil.which("clang++")


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """`run.py` from elsewhere, in an environment that knows nothing of this package."""
    command = [sys.executable, "-I", "-c", _ALONE, str(folder), *map(str, words)]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=60)


_ALONE = """
import runpy, sys
sys.modules["compressor"] = None
folder, *sys.argv[1:] = sys.argv[1:]
sys.path.insert(0, folder)
runpy.run_path(folder + "/run.py", run_name="__main__")
"""


def spoil(folder: Path) -> None:
    """One expected value becomes another."""
    with np.load(folder / "self_test.npz") as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    output = next(name for name in kept if name.startswith("output."))
    kept[output][3, 0] += 3
    np.savez(folder / "self_test.npz", **kept)


@pytest.mark.parametrize(
    ("kind", "target"), [("tflite", "raspberry_pi5"), ("edgetpu", "coral"), ("coral_micro", "coral-micro")]
)
def test_the_runner_of_litert_tests_itself_and_sees_an_answer_that_differs(
    tmp_path: Path, kind: str, target: str
) -> None:
    folder = made(tmp_path / "run", target, kind)
    for words in (["--cpu"], ["--reference"]):
        done = run(folder, *words)
        assert (done.returncode, done.stdout) == (0, "self-test: 0 values differ over 10 samples\n"), done.stderr
    spoil(folder)
    done = run(folder, "--cpu")
    assert (done.returncode, done.stdout) == (1, "self-test: 1 values differ over 10 samples\n")


def test_a_runner_answers_samples_of_ones_own_in_real_numbers(tmp_path: Path) -> None:
    folder = made(tmp_path / "run", "raspberry_pi5", "tflite")
    samples = np.array([[-3, 0.5, 1, 2, 70, 1000], [0.2, 0.3, 4, 5, 6, 7]], np.float32)
    np.savez(tmp_path / "mine.npz", t0=samples)
    done = run(folder, "--samples", tmp_path / "mine.npz", "--answers", tmp_path / "answers.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "answers.npz") as answers:
        # In steps of 0.5, up to 127 of them.
        expected = [[0, 0.5, 1, 2, 63.5, 63.5], [0, 0.5, 4, 5, 6, 7]]
        assert np.array_equal(answers["t1"], np.array(expected, np.float32))


def test_a_runner_says_what_is_missing_or_wrong(tmp_path: Path) -> None:
    folder = made(tmp_path / "run", "coral", "edgetpu")
    done = run(folder)
    assert (done.returncode, done.stderr.strip()) == (
        3,
        "model_edgetpu.tflite is not here: run `sh compile.sh` first, or --cpu",
    )
    shutil.copy(folder / "model.tflite", folder / "model_edgetpu.tflite")
    done = run(folder)
    assert done.returncode == 3
    assert done.stderr.startswith("cannot load libedgetpu.so.1: ")
    np.savez(tmp_path / "mine.npz", other=np.zeros(3))
    done = run(folder, "--cpu", "--samples", tmp_path / "mine.npz", "--answers", tmp_path / "answers.npz")
    assert done.returncode == 2
    assert "is no .npz with t0" in done.stderr
    assert run(folder, "--cpu", "--samples", tmp_path / "mine.npz").returncode == 2


def test_the_runner_of_onnx_runtime_tests_itself(tmp_path: Path, onnx_file: Callable[..., Path]) -> None:
    path = onnx_file("(float[N,3] x) => (float[N,3] y) { y = Add (x, x) }")
    folder = left(tmp_path, path, "onnx", "host", "onnxruntime", ("x", "y"), 2.0)
    done = run(folder)
    assert (done.returncode, done.stdout) == (0, "self-test: 0 values differ over 10 samples\n"), done.stderr
    spoil(folder)
    assert run(folder).returncode == 1
    done = run(folder, "--provider", "NoExecutionProvider")
    assert (done.returncode, done.stderr.partition(" here")[0]) == (3, "ONNX Runtime has no NoExecutionProvider")


def left(
    tmp_path: Path,
    path: Path,
    kind: str,
    target: str,
    runtime: str,
    ends: tuple[str, str],
    factor: float,
    shape: tuple[int, ...] = (3,),
) -> Path:
    """The bundle of a float network that multiplies its samples."""
    samples = np.arange(12 * np.prod(shape), dtype=np.float32).reshape(12, *shape)
    np.savez(tmp_path / "data.npz", x_evaluation=samples)
    np.savez(tmp_path / "answers.npz", **{ends[1]: samples * np.float32(factor)})
    specs: list[dict[str, Any]] = [{"name": name, "shape": [1, *shape], "dtype": "float32"} for name in ends]
    answer = {"runtime": runtime, "host": "here", "metric": None, "inputs": specs[:1], "outputs": specs[1:]}
    artifact = Artifact(path, kind, Precision.FLOAT32, Stage.COMPRESSED, 1, 1, "0")
    proof = Proof(answer, tmp_path / "answers.npz", tmp_path / "data.npz", {})
    (found,) = names.load_targets([target])
    return bundle.leave(tmp_path / "bundles" / target, kind, found, artifact, proof, Origin("net", (), {}))


@needs_tools(COMPILER is not None, reason="no C++ compiler here")
@pytest.mark.parametrize("keeps_first", [False, True])
def test_the_program_for_ncnn_compiles_without_warnings_and_judges_a_stand_in(
    tmp_path: Path, keeps_first: bool
) -> None:
    """Not NCNN and not a phone: its names, memory laid out as NCNN's is, and a network that answers with its input."""
    shape = (4, 5, 3)
    known = [container.End(name, blob, (1, *shape), "float32", (3, 1, 2), keeps_first) for name, blob in ENDS]
    path = tmp_path / "m.ncnn"
    container.write(container.NcnnModel("7767517\n1 1\nInput in0 0 1 in0\n", b"", (known[0],), (known[1],)), path)
    folder = left(tmp_path, path, "ncnn", "android_ncnn", "ncnn", ("x", "y"), 1.0, shape)
    done = built_and_run(folder, tmp_path)
    assert done.returncode == 0
    assert "largest difference 0, at most 0.0599 wanted" in done.stdout
    text = (folder / "self_test.cc").read_text()
    # The last float, 599 or 0x4415c000 as little-endian bytes, becomes another.
    (folder / "self_test.cc").write_text("0x00, 0xc0, 0x15, 0x45".join(text.rsplit("0x00, 0xc0, 0x15, 0x44", 1)))
    done = built_and_run(folder, tmp_path)
    assert done.returncode == 1


ENDS = (("x", "in0"), ("y", "out0"))


def built_and_run(folder: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    assert COMPILER is not None
    words = [COMPILER, "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{STAND_IN}"]
    compiled = subprocess.run(
        [*words, "main.cc", "self_test.cc", "-o", str(scratch / "program")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([str(scratch / "program")], cwd=folder, capture_output=True, text=True, timeout=10)


@given(st.integers(-300, 300), st.floats(1e-3, 10), st.integers(-128, 127))
def test_runners_store_numbers_as_this_package_does(steps: int, scale: float, zero_point: int) -> None:
    values = np.array([steps * scale, (steps + 0.3) * scale], np.float32)
    end = {"dtype": "int8", "scale": scale, "zero_point": zero_point}
    ours = End(TensorSpec("x", (1, 2), "int8"), scale, zero_point).stored(values)
    assert np.array_equal(self_test.stored(values, end), ours)
    back = self_test.real(ours, end)
    inside = (ours > -128) & (ours < 127)
    assert np.all(np.abs(back - values)[inside] <= scale * 0.501)


def test_nan_and_another_shape_differ() -> None:
    tolerance = {"integer_tolerance": 1, "float_tolerance": 1e-3}
    expected = np.array([1.0, 2000.0], np.float32)
    assert self_test.differing_values(np.array([np.nan, 2000.0], np.float32), expected, tolerance) == 1
    # Against the largest magnitude: 2.
    assert self_test.differing_values(np.array([2.9, 2000.0], np.float32), expected, tolerance) == 0
    assert self_test.differing_values(np.ones(3, np.float32), expected, tolerance) == 2
    steps = np.array([5, 250], np.uint8)
    assert self_test.differing_values(np.array([6, 252], np.uint8), steps, tolerance) == 1


def test_scripts_are_without_mistakes_of_syntax(tmp_path: Path) -> None:
    script = made(tmp_path / "run", "coral", "edgetpu") / "compile.sh"
    assert subprocess.run(["sh", "-n", str(script)], timeout=10).returncode == 0
    with tarfile.open(script.parent.parent / "coral.tar.gz") as archive:
        modes = {entry.name: entry.mode for entry in archive.getmembers()}
    assert (modes["coral/compile.sh"], modes["coral/run.py"]) == (0o755, 0o644)
