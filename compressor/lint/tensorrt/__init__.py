"""TensorRT linter: would NVIDIA's ONNX parser take this file, and would its int8 kernels be used?

The rules come from onnx-tensorrt (operators.md, onnxOpImporters.cpp), from "Explicit Quantization" and the support
matrix in the TensorRT documentation and from files that ModelOpt writes. Neither TensorRT nor a GPU is needed.
"""

from collections.abc import Callable
from pathlib import Path

from compressor.lint import Finding, Severity, of_a_file
from compressor.lint.tensorrt import channels, inputs, layers, opsets, quantizers
from compressor.lint.tensorrt.integer_operators import integer_operators
from compressor.lint.tensorrt.network import Complaints, Network, Platform, Profile
from compressor.lint.tensorrt.number_formats import number_formats
from compressor.lint.tensorrt.operators import operators, shipped_plugins
from compressor.lint.tensorrt.sparsity import sparsity
from compressor.lint.tensorrt.strong_typing import strong_typing
from compressor.onnx_view import Graph, read

__all__ = ["RULES", "Platform", "Profile", "lint", "lint_graph"]

_PLANS = (".engine", ".plan", ".trt")

RULES: tuple[tuple[str, Severity, Callable[[Network], Complaints]], ...] = (
    ("T1", "error", opsets.opset),
    ("T1", "warn", opsets.late_opset),
    ("T1", "error", opsets.quantizer_opset),
    ("T2", "error", integer_operators),
    ("T3", "error", quantizers.zero_points),
    ("T4", "error", quantizers.quantized_types),
    ("T4", "error", quantizers.unsigned_tensors),
    ("T5", "error", quantizers.scales),
    ("T6", "error", channels.channel_scales),
    ("T6", "error", channels.channel_axes),
    ("T7", "warn", layers.biases),
    ("T8", "warn", layers.mixed_inputs),
    ("T8", "warn", layers.split_fusions),
    ("T8", "warn", layers.float_residuals),
    ("T8", "info", layers.crowded_residuals),
    ("T8", "warn", layers.weight_range),
    ("T9", "error", inputs.input_profiles),
    ("T9", "error", inputs.doubles),
    ("T10", "error", operators),
    ("T10", "warn", shipped_plugins),
    ("T11", "info", sparsity),
    ("T12", "error", strong_typing),
    ("T13", "error", number_formats),
)


def lint(path: Path, platform: Platform = Platform()) -> tuple[Finding, ...]:
    """Why TensorRT would refuse the ONNX file at `path` for a platform, or run it slower than it could.

    Raises:
        BadInput: no file that can be read as ONNX.
    """
    if path.suffix in _PLANS:
        told = (
            "an engine runs on the GPU, the system and the TensorRT it was built with alone; expected an .onnx file, "
            f"received {path.name}; ship the ONNX file and the command that builds it"
        )
        return (Finding("T14", "error", path.name, told),)
    return lint_graph(read(path), platform)


def lint_graph(graph: Graph, platform: Platform = Platform()) -> tuple[Finding, ...]:
    """As `lint`, of a file that was read.

    Raises:
        BadInput: it holds what cannot be.
    """
    if platform.trt_major not in opsets.OPSETS:
        known = [*opsets.OPSETS]
        raise ValueError(f"no rules for TensorRT {platform.trt_major}; expected one of {known}; pass one of those")
    network = Network(graph.opset, graph.inputs, graph.nodes, platform)
    with of_a_file():
        return tuple(
            Finding(rule, severity, where, f"{wrong}; expected {expected}, received {received}; {todo}")
            for rule, severity, check in RULES
            for where, wrong, expected, received, todo in check(network)
        )
