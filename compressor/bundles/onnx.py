"""An `.onnx` file and a runner for ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.values import Artifact, Precision

_FILE = "model.onnx"
# Integer kernels of processors with and without VNNI differ: without, sums of products saturate at 16 bits.
_FLOATS = {Precision.FLOAT32: 1e-5, Precision.FLOAT16: 1e-3}
_QUANTIZED = 5e-2


def _files(contents: Contents) -> Mapping[str, bytes]:
    return {_FILE: contents.artifact.path.read_bytes(), **runner("run_onnxruntime.py")}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    return (
        f"{contents.model} for {contents.target.name} with ONNX Runtime, {contents.artifact.precision}.",
        "1. On the device (Python 3.9 or later): `python3 -m pip install numpy onnxruntime`",
        "2. `python3 run.py` compares ten answers with those expected; `--provider` takes another than the CPU.",
        "3. `python3 run.py --samples mine.npz --answers answers.npz`: an array per input, named as in manifest.json.",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return Tolerance(2, _FLOATS.get(artifact.precision, _QUANTIZED))


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": _FILE}


BUNDLE = Bundle(
    summary="an .onnx file with a runner for ONNX Runtime",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
)
