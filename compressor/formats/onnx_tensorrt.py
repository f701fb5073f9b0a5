"""ONNX as TensorRT takes it: static batch 1, symmetric QDQ in int8, per-channel weights, float bias.

Whether TensorRT takes a file is said by the row of each target, whose release and GPU decide (`compressor.tensorrt`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import onnx_graph
from compressor.formats import Calibration, Format
from compressor.onnx_graph import symmetric
from compressor.values import Entry, Precision, Source

if TYPE_CHECKING:
    import onnx


def write(source: Source, precision: Precision, calibration: Calibration, destination: Path) -> tuple[str, ...]:
    """Convert, and quantize where asked."""
    import onnx

    model = onnx_graph.convert(source, any_batch=False)
    if precision is Precision.FLOAT32:
        onnx.save(model, str(destination))
    elif precision is Precision.FLOAT16:
        onnx.save(onnx_graph.to_float16(model), str(destination))
    else:
        _write_symmetric(model, calibration, destination)
    return onnx_graph.float_weights(destination) if precision is Precision.INT8 else ()


def _write_symmetric(model: onnx.ModelProto, calibration: Calibration, destination: Path) -> None:
    with onnx_graph.prepared(model) as path:
        onnx_graph.quantize(
            path,
            calibration,
            destination,
            op_types_to_quantize=[*_QUANTIZED, "Add"],
            nodes_to_exclude=_adds_to_leave(path),
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": [*_QUANTIZED, "Add"],
            },
        )
        symmetric.calibrate(path, destination, calibration)


def _adds_to_leave(path: Path) -> list[str]:
    """Names of the Adds that need no Q/DQ of their own.

    Those are the additions of a bias, and of a shortcut that is quantized already because a layer reads it too. What
    remains are residual additions of two branches that would both stay float, and cost TensorRT its int8 fusion.
    """
    import onnx

    graph = onnx.load(str(path)).graph
    constants = {tensor.name for tensor in graph.initializer}
    quantized = {name for node in graph.node if node.op_type in _QUANTIZED for name in node.input}
    return [node.name for node in graph.node if node.op_type == "Add" and (constants | quantized) & set(node.input)]


# Q/DQ stand on the inputs of these, never on their outputs: TensorRT fuses what follows into them.
_QUANTIZED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "GlobalAveragePool", "AveragePool")

FORMAT = Format(
    summary="TensorRT-ready ONNX: static batch 1, symmetric QDQ",
    suffix=".onnx",
    precisions=(Precision.FLOAT32, Precision.FLOAT16, Precision.INT8),
    write=write,
    packages=("onnx", "onnxruntime"),
    converters=("tensorflow", "tf2onnx"),
    entries=tuple(Entry),
)
