"""NCNN, by pnnx from ONNX: float32, weights in float16, or int8 with scales calibrated here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compressor import onnx_graph
from compressor.errors import Refused
from compressor.formats import Calibration, Format
from compressor.ncnn_model import container, conversion, float16, int8, observed, param, proof, weights
from compressor.ncnn_model.container import NcnnModel
from compressor.values import Entry, Precision, Source


def write(source: Source, precision: Precision, calibration: Calibration, destination: Path) -> tuple[str, ...]:
    """Convert, see that NCNN answers as ONNX Runtime does, and make weights smaller where asked.

    Raises:
        MissingTool: pnnx is not installed.
        Refused: pnnx does not convert the network; NCNN does not load it, or answers otherwise; or it has nothing that
            NCNN computes in int8.
    """
    graph = onnx_graph.convert(source, any_batch=False, channels_first=True)
    expected = proof.expect(graph, source, calibration)
    inputs, outputs = expected.inputs, expected.outputs
    converted = conversion.convert(graph)
    layers, floats = converted.layers, converted.weights
    inputs = tuple(replace(end, keeps_first=end.blob in converted.whole) for end in inputs)
    model = NcnnModel(param.render(layers), weights.write(layers, floats), inputs, outputs)
    proof.check(model, expected)
    notes: tuple[str, ...] = ()
    if precision is Precision.FLOAT16:
        floats, notes = float16.stored(floats)
        model = NcnnModel(model.param, weights.write(layers, floats), inputs, outputs)
    if precision is Precision.INT8:
        model, notes = _in_int8(model, layers, floats, calibration)
    container.write(model, destination)
    return notes


def _in_int8(
    model: NcnnModel, layers: Sequence[param.Layer], floats: weights.Weights, calibration: Calibration
) -> tuple[NcnnModel, tuple[str, ...]]:
    chosen = [layer for layer in layers if int8.quantizable(layer, floats)]
    if not chosen:
        raise Refused("NCNN computes convolutions and dense layers in int8, and this network has none")
    thresholds = observed.input_thresholds(model, chosen, calibration)
    marked, stored = int8.quantized(layers, floats, thresholds)
    with_weights = [layer for layer in layers if any(tensor.tagged for tensor in floats.get(layer.name, ()))]
    kept = [f"{layer.kind} {layer.name}" for layer in with_weights if layer not in chosen]
    small = NcnnModel(param.render(marked), weights.write(marked, stored), model.inputs, model.outputs)
    notes = ("inputs, outputs and what passes between layers stay float32",)
    return small, notes + ((f"layers that stay float32: {', '.join(kept)}",) if kept else ())


FORMAT = Format(
    summary="NCNN's graph and weights in one file; int8 in convolutions and dense layers",
    suffix=".ncnn",
    precisions=(Precision.FLOAT32, Precision.FLOAT16, Precision.INT8),
    write=write,
    packages=("ncnn", "onnx", "onnxruntime", "pnnx"),
    converters=("tensorflow", "tf2onnx"),
    entries=tuple(Entry),
    install="pip install '.[tensorflow,ncnn]' && pip install --no-deps pnnx",
)
