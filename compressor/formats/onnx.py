"""ONNX, by tf2onnx, with a free batch dimension; quantized by onnxruntime, int8 as QuantizeLinear/DequantizeLinear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import onnx_graph
from compressor.formats import Calibration, Format
from compressor.values import Entry, Precision, Source

if TYPE_CHECKING:
    import onnx


def write(source: Source, precision: Precision, calibration: Calibration, destination: Path) -> tuple[str, ...]:
    """Convert and, where asked, quantize."""
    import onnx

    model = onnx_graph.convert(source, any_batch=True)
    if precision is Precision.FLOAT32:
        onnx.save(model, str(destination))
        return ()
    if precision is Precision.FLOAT16:
        onnx.save(onnx_graph.to_float16(model), str(destination))
        return ("inputs and outputs stay float32",)
    if precision is Precision.DYNAMIC_INT8:
        return _write_dynamic(model, destination)
    return _write_static(model, source, precision, calibration, destination)


def _write_dynamic(model: onnx.ModelProto, destination: Path) -> tuple[str, ...]:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # uint8 weights: onnxruntime's CPU kernels for them are the faster ones, at the same accuracy.
    with onnx_graph.prepared(model) as path:
        quantize_dynamic(str(path), str(destination), weight_type=QuantType.QUInt8)
    return onnx_graph.float_weights(destination)


def _write_static(
    model: onnx.ModelProto, source: Source, precision: Precision, calibration: Calibration, destination: Path
) -> tuple[str, ...]:
    wide = precision is Precision.INT16X8
    with onnx_graph.prepared(model) as path:
        # Seven bits of weight: x86 processors without VNNI add two products in 16 bits, which eight bits overflow
        # (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
        kept = onnx_graph.quantize(
            path,
            calibration,
            destination,
            int16_activations=wide,
            granularity=source.granularity,
            reduce_range=not wide,
        )
    return ("inputs and outputs stay float32", *kept, *onnx_graph.float_weights(destination))


FORMAT = Format(
    summary="ONNX with a free batch dimension; int8 as QDQ",
    suffix=".onnx",
    precisions=tuple(Precision),
    write=write,
    packages=("onnx", "onnxruntime"),
    converters=("tensorflow", "tf2onnx"),
    entries=tuple(Entry),
)
