"""ONNX → NCNN, by the program `pnnx` that the package of that name brings; the package itself would load torch."""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from dataclasses import dataclass
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
# In the example that pnnx writes: 233 stands for an input without a batch axis.
_WHOLE = re.compile(r'ex\.input\("(\w+)", ncnn\.Mat\(\w+\.numpy\(\), batch_index=233\)')


@dataclass(frozen=True, slots=True)
class Converted:
    """A network for NCNN: inputs are the blobs in0, in1, …, outputs out0, out1, …

    Attributes:
        weights: float32.
        whole: input blobs that have the batch axis too.
    """

    layers: tuple[Layer, ...]
    weights: Weights
    whole: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Written:
    """What pnnx wrote; `whole` names the inputs that have the batch axis too."""

    param: str
    weights: bytes
    whole: frozenset[str]


def convert(model: onnx.ModelProto) -> Converted:
    """An ONNX graph as NCNN has it.

    Args:
        model: every dimension is a number, the first one of inputs and outputs is 1; it is changed.

    Raises:
        MissingTool: pnnx is not installed.
        Refused: pnnx ends itself, takes too long, or leaves what NCNN does not read.
    """
    import onnx

    onnx_ready.make_ready(model)
    inputs = _inputs(model)
    tables = embedding.cut_off(model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(model, str(file))
        written = _run(file)
    try:
        layers = parse(written.param)
    except ValueError as error:
        raise Refused(f"pnnx wrote no graph for NCNN: {error}") from None
    blobs = {name: f"in{place}" for place, name in enumerate(_inputs(model))}
    whole = {name for name, blob in blobs.items() if blob in written.whole}
    layers, weights = embedding.put_back(layers, read(layers, written.weights), tables, blobs, inputs, whole)
    return Converted(layers, weights, frozenset(f"in{inputs.index(name)}" for name in whole & set(inputs)))


def _inputs(model: onnx.ModelProto) -> list[str]:
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in constants]


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


def _run(file: Path) -> _Written:
    param, weights, example = (file.with_suffix(suffix) for suffix in (".ncnn.param", ".ncnn.bin", ".ncnn.py"))
    # The rest of what it writes stands beside the file and goes with the folder.
    command: list[str | Path] = [program(), file, "fp16=0"]
    command += [f"ncnnparam={param}", f"ncnnbin={weights}", f"ncnnpy={example}"]
    try:
        done = process.run_to_end("pnnx", command, _TIMEOUT_S)
    except CompressorError as error:
        raise Refused(f"pnnx does not convert this network: {error}") from None
    if done.returncode != 0 or not all(path.is_file() for path in (param, weights, example)):
        said = " ".join(done.stderr.split())[-300:]
        raise Refused(f"pnnx does not convert this network: it ended with code {done.returncode}: {said}")
    text = param.read_text(encoding="utf-8", errors="replace")
    whole = _WHOLE.findall(example.read_text(encoding="utf-8", errors="replace"))
    return _Written(text, weights.read_bytes(), frozenset(whole))
