"""ORT format: what ONNX Runtime's minimal builds for phones and small boards read, optimized for ARM.

The converter is ONNX Runtime's own, `python -m onnxruntime.tools.convert_onnx_models_to_ort`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from compressor.errors import StageFailed
from compressor.formats import Calibration, Format
from compressor.process import run_to_end
from compressor.values import Entry, Precision, Source

_TIMEOUT_S = 600.0


def write(source: Source, precision: Precision, calibration: Calibration, destination: Path) -> tuple[str, ...]:
    """Convert the `.onnx` file that `source.model` is; ends and answers stay as they are.

    Raises:
        StageFailed: the converter refused the file, and what it printed last.
    """
    with tempfile.TemporaryDirectory(prefix="compressor-") as folder:
        shutil.copy(source.model, Path(folder) / "model.onnx")
        # Optimizations for fixed processors: Runtime would be for NNAPI and CoreML, which compile parts themselves.
        words = ["--optimization_style", "Fixed", "--target_platform", "arm", folder]
        command = [sys.executable, "-P", "-m", "onnxruntime.tools.convert_onnx_models_to_ort", *words]
        done = run_to_end("converting to ORT format", command, _TIMEOUT_S)
        made = Path(folder) / "model.ort"
        if done.returncode != 0 or not made.is_file():
            lines = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise StageFailed("ONNX Runtime's converter to ORT format wrote no file", received=lines[-1][:400])
        shutil.copy(made, destination)
    return ()


FORMAT = Format(
    summary="ORT format for ONNX Runtime's minimal builds, optimized for ARM",
    suffix=".ort",
    precisions=tuple(Precision),
    write=write,
    packages=("onnx", "onnxruntime"),
    converters=("tensorflow", "tf2onnx"),
    entries=tuple(Entry),
    made_of="onnx",
)
