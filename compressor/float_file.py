"""The float32 file of a Keras model, as a job of `compressor.process.Worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compressor import formats, model_files
from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.networks import sized
from compressor.values import Precision, Source, clean_name


def convert(file: str, format_name: str, samples: str, folder: str) -> dict[str, Any]:
    """Write the model as it is, in float32.

    Args:
        file: a Keras model.
        samples: `.npz` with inputs by name, whose shapes the file takes.
        folder: receives the file.

    Returns:
        `path` of what was written.

    Raises:
        BadInput: no such model, or samples that do not name its inputs.
    """
    network = model_files.load(Path(file)).network
    assert network is not None
    with np.load(samples, allow_pickle=False) as arrays:
        given = {name: arrays[name] for name in arrays.files}
    if len(given) == len(network.inputs) == 1:
        given = {network.inputs[0].name: next(iter(given.values()))}
    missing = [spec.name for spec in network.inputs if spec.name not in given]
    if missing:
        raise BadInput(f"the samples lack the model's input {', '.join(missing)}", received=", ".join(sorted(given)))
    shapes = {spec.name: given[spec.name].shape[1:] for spec in network.inputs}
    plain = Path(folder) / ("model.onnx" if Path(file).suffix == ".onnx" else "model")
    network.leave(shapes, plain)
    inputs = sized(network.inputs, shapes)
    source = Source(clean_name(Path(file).stem), plain, None, inputs, network.outputs)
    written = formats.load(format_name)
    path = Path(folder) / f"{source.name}_float32{written.suffix}"
    with whole_file(path) as temporary:
        written.write(source, Precision.FLOAT32, given, temporary)
    return {"path": str(path)}
