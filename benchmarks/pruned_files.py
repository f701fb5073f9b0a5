"""Writes a sample, untrained, whole and with a share of its multiply-accumulates, as the files that are timed.

How long a file takes hangs on its shapes alone: weights are random, and so are the calibration samples.

Usage: python benchmarks/pruned_files.py SAMPLE FOLDER SHARE MULTIPLE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from compressor import formats, names, steps
from compressor.networks import tensorflow_network
from compressor.steps import Workpiece
from compressor.training import Trainer, set_up
from compressor.values import Dataset, Precision, Source, Split

FORMATS = ("tflite", "onnx")
PRECISIONS = (Precision.FLOAT32, Precision.INT8)
_SAMPLES = 32


def main(sample: str, folder: Path, share: float, multiple: int) -> None:
    """Leave `whole` and `pruned` files of all formats and precisions, and `facts.json`."""
    place = set_up()
    model = names.load_sample(sample).build()
    shape = (_SAMPLES, *model.input_shape[1:])
    inputs = {"x": np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)}
    _write(model, "whole", inputs["x"], folder)
    step = steps.load("channel_prune")
    settings = step.settings(keep={"macs": share}, multiple=multiple, epochs=0)
    dataset = Dataset("random", "generated", Split(inputs), Split(inputs))
    started = time.monotonic()
    pruned = step.apply(Workpiece(model), settings, Trainer(dataset, place=place))
    seconds = time.monotonic() - started
    _write(pruned.model, "pruned", inputs["x"], folder)
    (folder / "facts.json").write_text(json.dumps(dict(pruned.facts[0]) | {"seconds": seconds}))


def _write(model: Any, name: str, samples: Any, folder: Path) -> None:
    network = tensorflow_network.of_tf_keras(model)
    (spec,) = network.inputs
    shapes = {spec.name: samples.shape[1:]}
    network.leave(shapes, folder / name)
    source = Source(name, folder / name, None, network.inputs, network.outputs)
    for written in map(formats.load, FORMATS):
        for precision in PRECISIONS:
            path = folder / f"{name}_{precision}{written.suffix}"
            written.write(source, precision, {spec.name: samples}, path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
