"""What lies beside an ONNX file for TensorRT: the command per release, calibration cache, runner."""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from tiny_onnx import saved

from compressor import bundles, names, onnx_view, tensorrt
from compressor.bundles import Contents, Tolerance
from compressor.onnx_graph import symmetric
from compressor.tensorrt import calibration_cache
from compressor.values import Artifact, Precision, Stage

STAND_IN = Path(__file__).with_name("tensorrt_stand_in")
QDQ = """<ir_version: 9, opset_import: ["" : 17]>
net (float[1,4] x) => (float[1,2] y)
<float s = {0.5}, float t = {0.25}, int8 z = {0}, int8[2,4] w = {1,2,3,4,5,6,7,8}, float ws = {0.5}, float[2] b = {0,0}>
{
  q = QuantizeLinear (x, s, z)
  d = DequantizeLinear (q, s, z)
  wd = DequantizeLinear (w, ws, z)
  h = Gemm <transB = 1> (d, wd, b)
  hq = QuantizeLinear (h, t, z)
  y = DequantizeLinear (hq, t, z)
}
"""


def quantized(folder: Path) -> Path:
    onnx.save(onnx.parser.parse_model(QDQ), folder / "m.onnx")
    return folder / "m.onnx"


def made(path: Path, name: str, precision: str) -> dict[str, str]:
    (target,) = names.load_targets([name])
    return tensorrt.scripts(path, target, precision)


def line(script: str) -> list[str]:
    (command,) = [each for each in script.splitlines() if each.startswith("trtexec")]
    return shlex.split(command)


COMMON = ["trtexec", "--onnx=$ONNX", "--saveEngine=model.plan"]
ON_DLA = ["--useDLACore=0", "--allowGPUFallback"]
LINES = [
    ("jetson_xavier", "int8", ["--int8", "--fp16"]),
    ("jetson_orin_nano", "int8", ["--int8", "--fp16"]),
    ("jetson_orin_nano", "float16", ["--fp16"]),
    ("jetson_orin_nano", "float32", []),
    ("jetson_thor_trt11", "int8", []),
    ("gpu_server_trt11", "float16", []),
    ("jetson_agx_orin_dla", "int8", ["--int8", "--fp16", *ON_DLA]),
    ("jetson_xavier_dla", "float32", ["--fp16", *ON_DLA]),
    ("jetson_agx_orin_dla_trt11", "int8", ON_DLA),
]


@pytest.mark.parametrize(("target", "precision", "flags"), LINES, ids=[f"{name}-{how}" for name, how, _ in LINES])
def test_the_command_is_that_of_the_release(target: str, precision: str, flags: list[str], tmp_path: Path) -> None:
    assert line(made(saved(tmp_path), target, precision)["build_engine.sh"]) == [*COMMON, *flags, "$@"]


SHAPES = ["--minShapes=x:1x3x8x8", "--optShapes=x:8x3x8x8", "--maxShapes=x:16x3x8x8"]


def test_a_free_batch_has_a_profile(tmp_path: Path) -> None:
    path = saved(tmp_path, batch="N")
    assert line(made(path, "gpu_server", "float32")["build_engine.sh"]) == [*COMMON, *SHAPES, "$@"]
    on_dla = line(made(path, "jetson_orin_nx_dla", "float16")["build_engine.sh"])
    assert {each.split(":")[1] for each in on_dla if "Shapes" in each} == {"1x3x8x8"}


def test_sparse_weights_have_a_flag_where_the_gpu_uses_them(tmp_path: Path) -> None:
    path = saved(tmp_path, w2=",".join(["1,0,0,2"] * 8))
    assert "--sparsity=enable" in line(made(path, "jetson_orin_nano", "float16")["build_engine.sh"])
    assert "--sparsity=enable" not in line(made(path, "jetson_xavier", "float16")["build_engine.sh"])


@pytest.mark.parametrize(("target", "precision"), [("jetson_orin_nano", "int8"), ("gpu_server_trt11", "float32")])
def test_scripts_are_valid_and_say_that_they_were_not_run(target: str, precision: str, tmp_path: Path) -> None:
    texts = made(quantized(tmp_path), target, precision)
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text)
        if name.endswith(".sh"):
            subprocess.run(["bash", "-n", path], check=True)
        elif name.endswith(".py"):
            compile(text, name, "exec")
        assert name == "calibration.cache" or "not run on a device" in text
    assert ("calibration.cache" in texts) == (target == "jetson_orin_nano")


def test_the_script_runs_trtexec_and_passes_arguments_on(tmp_path: Path) -> None:
    script = tmp_path / "build_engine.sh"
    script.write_text(made(quantized(tmp_path), "jetson_orin_nano", "int8")["build_engine.sh"])
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/trtexec").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bin/trtexec").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def told(*words: str) -> str:
        return subprocess.run(
            ["sh", script, *words], env=environment, cwd="/", capture_output=True, text=True, check=True
        ).stdout.strip()

    assert told() == "--onnx=model.onnx --saveEngine=model.plan --int8 --fp16"
    assert told("a b.onnx", "--verbose") == "--onnx=//a b.onnx --saveEngine=model.plan --int8 --fp16 --verbose"
    assert told("/far/c.onnx") == "--onnx=/far/c.onnx --saveEngine=model.plan --int8 --fp16"


def test_a_file_that_the_script_is_told_lies_where_the_person_stands(tmp_path: Path) -> None:
    script, there = tmp_path / "bundle/build_engine.sh", tmp_path / "there"
    script.parent.mkdir()
    script.write_text(made(quantized(tmp_path), "jetson_orin_nano", "int8")["build_engine.sh"])
    there.mkdir()
    (there / "a b.onnx").write_bytes(b"the file")
    (tmp_path / "trtexec").write_text('#!/bin/sh\ncat "${1#--onnx=}"; pwd\n')
    (tmp_path / "trtexec").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", "../bundle/build_engine.sh", "a b.onnx"]
    done = subprocess.run(command, env=environment, cwd=there, capture_output=True, text=True, check=True)
    assert done.stdout == f"the file{script.parent}\n"


def bundled(folder: Path, target_name: str) -> tuple[dict[str, bytes], str]:
    """Files and README of the bundle of an int8 file."""
    (target,) = names.load_targets([target_name])
    path = quantized(folder).rename(folder / "net_compressed_int8.onnx")
    artifact = Artifact(path, "onnx_tensorrt", Precision.INT8, Stage.COMPRESSED, 1, 1, "0")
    contents = Contents("net", target, artifact, (), (), (), (), Tolerance(0, 0.05))
    kind = bundles.load("onnx_tensorrt")
    return dict(kind.files(contents)), "\n".join(kind.readme(contents))


@pytest.mark.parametrize(
    ("target", "calibrated"),
    [("jetson_agx_orin_dla", True), ("jetson_xavier_dla", True), ("jetson_orin_nano", False)],
)
def test_a_dla_of_old_releases_is_built_with_the_cache(target: str, calibrated: bool, tmp_path: Path) -> None:
    files, readme = bundled(tmp_path, target)
    assert "model_float32.onnx" not in files
    assert ("`sh build_engine_calibrated.sh FLOAT32.onnx`" in readme) == calibrated
    saved(tmp_path).rename(tmp_path / "net_float32.onnx")
    files, readme = bundled(tmp_path, target)
    assert files["model_float32.onnx"] == (tmp_path / "net_float32.onnx").read_bytes()
    assert ("`sh build_engine_calibrated.sh`" in readme, "`sh build_engine.sh`" in readme) == (
        calibrated,
        not calibrated,
    )


def test_tensorrt_11_has_no_cache_and_needs_no_float_file(tmp_path: Path) -> None:
    saved(tmp_path).rename(tmp_path / "net_float32.onnx")
    files, readme = bundled(tmp_path, "jetson_agx_orin_dla_trt11")
    assert "model_float32.onnx" not in files
    assert "`sh build_engine.sh`" in readme


def test_the_cache_has_the_scale_of_every_activation_and_of_nothing_else(tmp_path: Path) -> None:
    texts = made(quantized(tmp_path), "jetson_orin_nano", "int8")
    assert texts["calibration.cache"] == "TRT-100300-EntropyCalibration2\nx: 3f000000\nh: 3e800000\n"
    assert line(texts["build_engine_calibrated.sh"]) == [
        *COMMON,
        "--int8",
        "--fp16",
        "--calib=calibration.cache",
        "$@",
    ]
    assert made(quantized(tmp_path), "jetson_xavier", "int8")["calibration.cache"].startswith("TRT-8500-Entropy")
    assert "calibration.cache" not in made(saved(tmp_path), "jetson_orin_nano", "float16")


def test_a_scale_is_eight_digits_of_a_float_in_big_endian() -> None:
    assert struct.unpack(">f", bytes.fromhex("3c010a14"))[0] == pytest.approx(0.0078759, abs=5e-8)
    assert calibration_cache.text({"images": 0.0078759}, "8.5.2").splitlines()[0] == "TRT-8502-EntropyCalibration2"
    (scale,) = struct.unpack(">f", bytes.fromhex("3c010a14"))
    assert calibration_cache.text({"images": scale}, "10.3").splitlines()[1] == "images: 3c010a14"


@given(st.floats(2.0**-100, 2.0**100, width=32))
def test_scales_survive(scale: float) -> None:
    told = calibration_cache.text({"t": scale}, "10.3").splitlines()[1].removeprefix("t: ")
    assert struct.unpack(">f", bytes.fromhex(told))[0] == scale


def test_an_input_that_was_moved_is_named_and_scaled_as_it_is_in_the_float_file(tmp_path: Path) -> None:
    floats = tmp_path / "float.onnx"
    model = onnx.parser.parse_model(QDQ)
    del model.graph.node[:3]
    model.graph.node[0].input[:2] = ["x", "wf"]
    model.graph.initializer.append(numpy_helper.from_array(np.ones((2, 4), np.float32), "wf"))
    onnx.save(model, floats)
    path = quantized(tmp_path)
    samples = np.linspace(0, 10, 40, dtype=np.float32).reshape(10, 4)
    symmetric.calibrate(floats, path, {"x": samples})
    graph = onnx_view.read(path)
    assert [node.op for node in graph.nodes][:2] == ["Sub", "QuantizeLinear"]
    assert calibration_cache.scales(graph)["x"] == pytest.approx(10 / 127, rel=1e-5)


def self_test(folder: Path, factor: float) -> None:
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    np.savez(folder / "self_test.npz", **{"input.x": x, "output.y": (factor * x).astype(np.float32)})


def ran(folder: Path, *words: Any) -> subprocess.CompletedProcess[str]:
    text = made(quantized(folder), "jetson_orin_nano", "int8")["run_engine.py"]
    (folder / "run_engine.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(STAND_IN)}
    command = [sys.executable, folder / "run_engine.py", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_runner_compares_ten_answers(tmp_path: Path) -> None:
    (tmp_path / "model.plan").write_bytes(b"a plan")
    self_test(tmp_path, 2.0)
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (0, "y: 0 of 30 values differ, by 0 at most\n"), done.stderr
    self_test(tmp_path, 3.0)
    done = ran(tmp_path)
    assert done.returncode == 1
    assert "of 30 values differ" in done.stdout
    assert ran(tmp_path, "--tolerance", "1").returncode == 0


def test_the_runner_says_what_is_missing(tmp_path: Path) -> None:
    assert ran(tmp_path).returncode == 2
    self_test(tmp_path, 2.0)
    done = ran(tmp_path)
    assert (done.returncode, done.stderr) == (3, "model.plan is not there: build it with build_engine.sh\n")
    (tmp_path / "model.plan").write_bytes(b"of another GPU")
    done = ran(tmp_path)
    assert done.returncode == 3
    assert "of another TensorRT or GPU" in done.stderr
    (tmp_path / "model.plan").write_bytes(b"a plan")
    np.savez(tmp_path / "self_test.npz", **{"input.z": np.ones((1, 3))})
    done = ran(tmp_path)
    assert (done.returncode, "lacks x, y" in done.stderr) == (2, True)
