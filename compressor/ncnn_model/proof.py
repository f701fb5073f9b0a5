"""Proof that a converted network is the same network: NCNN's answers against ONNX Runtime's, on calibration samples."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compressor import onnx_graph
from compressor.errors import Refused
from compressor.ncnn_model import container, trial
from compressor.ncnn_model.container import End, NcnnModel
from compressor.values import Array, Source, TensorSpec

if TYPE_CHECKING:
    import onnx

_SAMPLES = 8
# Of the largest answer, 1 at least. Sums in another order differ by 1e-5; a layer that was misread, by everything.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Expected:
    """Samples by input name, and ONNX Runtime's answers by output name, with axes as the model has them."""

    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    samples: Mapping[str, Array]
    answers: Mapping[str, Array]


def expect(graph: onnx.ModelProto, source: Source, calibration: Mapping[str, Array]) -> Expected:
    """Run an ONNX graph for single samples, made with `channels_first`; its shapes become those of the samples."""
    import onnxruntime as ort

    specs = {spec.name: spec for spec in (*source.inputs, *source.outputs)}
    constants = {tensor.name for tensor in graph.graph.initializer}
    names = [value.name for value in graph.graph.input if value.name not in constants]
    inputs = tuple(
        _end(source, specs[name], f"in{place}", (1, *calibration[name].shape[1:])) for place, name in enumerate(names)
    )
    _fix_shapes(graph, inputs)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    types = {value.name: value.type.removeprefix("tensor(").removesuffix(")") for value in session.get_inputs()}
    samples = {name: calibration[name][:_SAMPLES] for name in names}
    found = [
        session.run(None, {end.name: _fed(samples[end.name][row : row + 1], end, types[end.name]) for end in inputs})
        for row in range(len(samples[names[0]]))
    ]
    outputs, answers = [], {}
    for place, value in enumerate(graph.graph.output):
        spec = specs[value.name]
        end = _end(source, spec, f"out{place}", _unmoved(source, spec, found[0][place].shape))
        outputs.append(end)
        answers[end.name] = np.concatenate([values[place].transpose(np.argsort(end.order)) for values in found])
    return Expected(inputs, tuple(outputs), samples, answers)


def check(model: NcnnModel, expected: Expected) -> None:
    """See that NCNN runs the model and answers as expected.

    Raises:
        Refused: it does not.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.ncnn"
        container.write(model, file)
        found = trial.run(file, expected.samples)
    for name, value in found.items():
        _compare(name, value, expected.answers[name])


def _compare(name: str, value: Array, wanted: Array) -> None:
    error = float(np.abs(value.astype(np.float64) - wanted).max(initial=0.0))
    if not error <= _TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0))):
        raise Refused(
            f"what pnnx made of this network answers otherwise than ONNX Runtime: '{name}' differs by {error:.3g}"
        )


def _end(source: Source, spec: TensorSpec, blob: str, shape: tuple[int, ...]) -> End:
    axes = (3, 1, 2) if onnx_graph.moves_channels(source, spec) else tuple(range(1, len(shape)))
    whole = np.dtype(spec.dtype).kind in "iu"
    return End(spec.name, blob, tuple(map(int, shape)), "int32" if whole else "float32", axes)


def _unmoved(source: Source, spec: TensorSpec, shape: tuple[int, ...]) -> tuple[int, ...]:
    if not onnx_graph.moves_channels(source, spec):
        return shape
    first, channels, height, width = shape
    return first, height, width, channels


def _fed(sample: Array, end: End, onnx_type: str) -> Array:
    dtype = {"float": "float32", "double": "float64"}.get(onnx_type, onnx_type)
    return np.ascontiguousarray(sample.transpose(end.order), dtype)


def _fix_shapes(graph: onnx.ModelProto, inputs: tuple[End, ...]) -> None:
    shapes = {end.name: [end.shape[axis] for axis in end.order] for end in inputs}
    for value in graph.graph.input:
        for dimension, size in zip(value.type.tensor_type.shape.dim, shapes.get(value.name, ()), strict=False):
            dimension.dim_value = size
    del graph.graph.value_info[:]
