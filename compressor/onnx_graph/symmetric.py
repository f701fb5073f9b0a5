"""Symmetric int8 that loses little: scales of activations by the smallest error, inputs moved to use all of int8.

onnxruntime takes the largest magnitude it saw; here a threshold is chosen as for NCNN (`thresholds.py`). A tensor that
is never negative leaves half of symmetric int8 unused. Behind a layer nothing is done about it: what TensorRT fuses
there is worth more. An input, which is quantized by itself anyway, is moved so that its values fill int8, and the layer
that reads it takes the move back through its bias: pixels from 0 to 255 come through exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compressor import thresholds
from compressor.onnx_graph import shift, wide_sums
from compressor.onnx_graph.shift import Graph
from compressor.values import Array

if TYPE_CHECKING:
    import onnx

_LARGEST = 127


def calibrate(float_file: Path, quantized_file: Path, calibration: Mapping[str, Array]) -> None:
    """Change the scales of a symmetrically quantized file, in place.

    Args:
        float_file: what it was quantized from, with the same names.
        calibration: samples by input name, first axis = samples.
    """
    import onnx

    model = onnx.load(str(quantized_file))
    graph = Graph(model)
    quantizers = {node.input[0]: node for node in graph.activation_quantizers()}
    float_model = onnx.load(str(float_file))
    seen = thresholds.observe(list(quantizers), lambda: _values(float_model, list(quantizers), calibration))
    for name, node in quantizers.items():
        low, high = seen[name].low, seen[name].high
        if shift.worthwhile(low, high) and shift.move(graph, node, low, high):
            continue
        if seen[name].threshold > 0:
            graph.set_constant(node.input[1], np.float32(seen[name].threshold / _LARGEST))
    graph.drop_unused()
    wide_sums.mark(model)
    onnx.save(model, str(quantized_file))


def _values(
    model: onnx.ModelProto, names: Sequence[str], calibration: Mapping[str, Array]
) -> Iterator[dict[str, Array]]:
    """The values of these tensors, sample by sample."""
    import onnx
    import onnxruntime as ort

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    ends = {value.name for value in (*model.graph.output, *model.graph.input)}
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in ends)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    computed = [name for name in names if name not in calibration]
    for row in range(len(next(iter(calibration.values())))):
        sample = {name: np.ascontiguousarray(array[row : row + 1]) for name, array in calibration.items()}
        # An empty list would mean all outputs.
        values = session.run(computed, sample) if computed else []
        yield sample | dict(zip(computed, values, strict=True))
