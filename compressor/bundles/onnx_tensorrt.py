"""An `.onnx` file for TensorRT, the command that builds the engine, and runners for the engine and the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor import tensorrt
from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.values import Artifact, Precision

_FILE = "model.onnx"
# TensorRT picks its kernels by speed, and may compute float32 in TF32; nothing of it was run.
_RELATIVE = {Precision.FLOAT32: 1e-2, Precision.FLOAT16: 2e-2, Precision.INT8: 5e-2}


def _files(contents: Contents) -> Mapping[str, bytes]:
    path, precision = contents.artifact.path, str(contents.artifact.precision)
    scripts = {name: text.encode() for name, text in tensorrt.scripts(path, contents.target, precision).items()}
    files = {_FILE: path.read_bytes(), **scripts, **runner("run_onnxruntime.py")}
    uncompressed = _float_file(contents)
    if tensorrt.BUILD_CALIBRATED in files and uncompressed.is_file():
        files[tensorrt.FLOAT_FILE] = uncompressed.read_bytes()
    return files


def _float_file(contents: Contents) -> Path:
    """Where the run that made the artifact left what it was made of."""
    path = contents.artifact.path
    return path.with_stem(path.stem.removesuffix(f"_compressed_{contents.artifact.precision}") + "_float32")


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    build = tensorrt.BUILD
    if contents.artifact.precision is Precision.INT8 and tensorrt.needs_calibration(contents.target):
        file = "" if _float_file(contents).is_file() else " FLOAT32.onnx"
        build = f"{tensorrt.BUILD_CALIBRATED}{file}"
    return (
        f"{contents.model} for {contents.target.name} with TensorRT; not run on a device, see manifest.json.",
        f"1. On the device: `sh {build}` writes model.plan, for this very GPU and release of TensorRT.",
        "2. `python3 run_engine.py` compares ten answers of the engine with those expected (numpy, cuda-python).",
        "3. `python3 run.py` does the same with ONNX Runtime on the file itself (`pip install numpy onnxruntime`).",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return Tolerance(0, _RELATIVE[artifact.precision])


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": _FILE}


BUNDLE = Bundle(
    summary="an .onnx file for TensorRT with the command that builds the engine",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
)
