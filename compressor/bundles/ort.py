"""An `.ort` file, the operators that a minimal build of ONNX Runtime needs for it, and a runner for full builds."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.errors import StageFailed
from compressor.process import run_to_end
from compressor.values import Artifact, Precision

_FILE, _OPERATORS = "model.ort", "required_operators.config"
# Integer kernels of processors with and without VNNI differ: without, sums of products saturate at 16 bits.
_FLOATS = {Precision.FLOAT32: 1e-5, Precision.FLOAT16: 1e-3}
_QUANTIZED = 5e-2
_LIST = """
import sys
from pathlib import Path
from onnxruntime.tools.ort_format_model import create_config_from_models
create_config_from_models([Path(sys.argv[1])], Path(sys.argv[2]), False)
"""


def required_operators(path: Path) -> str:
    """What `--include_ops_by_config` of ONNX Runtime's build takes: a line per domain and opset.

    Raises:
        StageFailed: ONNX Runtime's own reader cannot read the file.
    """
    with tempfile.TemporaryDirectory(prefix="compressor-") as folder:
        made = Path(folder) / _OPERATORS
        # In a process of its own: it sets up logging for everyone.
        done = run_to_end(f"listing the operators of {path.name}", [sys.executable, "-P", "-c", _LIST, path, made], 300)
        if done.returncode != 0 or not made.is_file():
            lines = done.stderr.strip().splitlines() or ["nothing"]
            raise StageFailed(f"cannot list the operators of {path.name}", received=lines[-1][:300])
        # Its comments name files by their paths.
        lines = [line for line in made.read_text().splitlines() if not line.startswith("#")]
    return "".join(f"{line}\n" for line in lines)


def _files(contents: Contents) -> Mapping[str, bytes]:
    path = contents.artifact.path
    operators = required_operators(path).encode()
    return {_FILE: path.read_bytes(), _OPERATORS: operators, **runner("run_onnxruntime.py")}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    return (
        f"{contents.model} for {contents.target.name}: ONNX Runtime's ORT format, {contents.artifact.precision}; "
        "not run on a device.",
        "1. In a checkout of onnxruntime: `./build.sh --config MinSizeRel --android --android_abi arm64-v8a "
        f"--build_shared_lib --minimal_build --disable_ml_ops --include_ops_by_config {_OPERATORS}`",
        f"2. The app opens {_FILE} with OrtSession as it would an .onnx file; for full builds of ARM boards: "
        "`python3 -m pip install numpy onnxruntime`",
        "3. `python3 run.py` compares ten answers with those expected.",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return Tolerance(2, _FLOATS.get(artifact.precision, _QUANTIZED))


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": _FILE}


BUNDLE = Bundle(
    summary="an .ort file with the operators that a minimal build needs",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
)
