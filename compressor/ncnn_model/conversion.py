"""ONNX → NCNN, by the program `pnnx` that the package of that name brings; the package itself would load torch."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from compressor import process
from compressor.errors import CompressorError, MissingTool, Refused
from compressor.ncnn_model import embedding, onnx_ready
from compressor.ncnn_model.param import Layer, parse
from compressor.ncnn_model.weights import Weights, read

if TYPE_CHECKING:
    import onnx

_TIMEOUT_S = 600.0


def convert(model: onnx.ModelProto) -> tuple[tuple[Layer, ...], Weights]:
    """Layers and float32 weights; inputs are the blobs in0, in1, …, outputs out0, out1, …

    Args:
        model: every dimension is a number, the first one of inputs and outputs is 1; it is changed.

    Raises:
        MissingTool: pnnx is not installed.
        Refused: pnnx ends itself, takes too long, or leaves what NCNN does not read.
    """
    import onnx

    onnx_ready.make_ready(model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(model, str(file))
        param, weights = _run(file)
    try:
        layers = parse(param)
    except ValueError as error:
        raise Refused(f"pnnx wrote no graph for NCNN: {error}") from None
    return embedding.fused(layers, read(layers, weights))


def program() -> Path:
    """Where the program is.

    Raises:
        MissingTool: it is not installed.
    """
    found = importlib.util.find_spec("pnnx")
    for folder in found.submodule_search_locations or () if found else ():
        path = Path(folder) / ("pnnx.exe" if sys.platform == "win32" else "pnnx")
        if path.is_file():
            return path
    raise MissingTool("pnnx is not installed here", fix="pip install --no-deps pnnx")


def _run(file: Path) -> tuple[str, bytes]:
    written = [file.with_suffix(suffix) for suffix in (".ncnn.param", ".ncnn.bin")]
    command: list[str | Path] = [program(), file, "fp16=0", *(f"ncnn{path.suffix[1:]}={path}" for path in written)]
    # The rest of what it writes stands beside the file and goes with the folder.
    try:
        done = process.run_to_end("pnnx", command, _TIMEOUT_S)
    except CompressorError as error:
        raise Refused(f"pnnx does not convert this network: {error}") from None
    if done.returncode != 0 or not all(path.is_file() for path in written):
        said = " ".join(done.stderr.split())[-300:]
        raise Refused(f"pnnx does not convert this network: it ended with code {done.returncode}: {said}")
    param, weights = written
    return param.read_text(encoding="utf-8", errors="replace"), weights.read_bytes()
