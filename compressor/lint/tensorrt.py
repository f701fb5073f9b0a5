"""TensorRT linter: would NVIDIA's ONNX parser take this file, and would its int8 kernels be used?

The rules come from onnx-tensorrt (operators.md, onnxOpImporters.cpp), from "Explicit Quantization" in the
TensorRT documentation and from files that ModelOpt writes. Neither TensorRT nor a GPU is needed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from compressor.lint import Finding, Severity
from compressor.onnx_view import LAYERS, Graph, Node, read

# Per major version: oldest opset, newest opset of its first release, newest opset of its last release.
OPSETS = {8: (9, 13, 17), 9: (9, 19, 19), 10: (9, 20, 24), 11: (9, 25, 25)}
FOUR_BIT = {"int4", "float4e2m1"}
MODERN = {"int8", "float8e4m3fn", *FOUR_BIT}
QUANTIZED_TYPES = {8: {"int8"}, 9: {"int8", "float8e4m3fn"}, 10: MODERN, 11: MODERN}
OLDEST_OPSET = {"float8e4m3fn": 19, "int4": 21, "float4e2m1": 23}
INTEGER_OPS = {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "QGemm"}
SMOOTH = {"Elu", "Gelu", "HardSigmoid", "HardSwish", "Mish", "Selu", "Sigmoid", "Softplus", "Tanh"}
FUSED_AFTER_LAYER = {"BatchNormalization", "Clip", "LeakyRelu", "PRelu", "Relu", *SMOOTH}

# Where, what is wrong, what was expected, what was received, what to do.
Complaints = Iterator[tuple[str, str, object, object, str]]


class Profile(NamedTuple):
    """Shapes of one dynamic input, as in trtexec --minShapes, --optShapes and --maxShapes."""

    min: tuple[int, ...]
    opt: tuple[int, ...]
    max: tuple[int, ...]

    def fits(self, shape: tuple[int | None, ...]) -> bool:
        """Whether these have the rank and the fixed sizes of an input, and grow from min to max."""
        if {len(limits) for limits in self} != {len(shape)}:
            return False
        grows = all(low <= opt <= high for low, opt, high in zip(*self, strict=True))
        fixed = all(size is None or {size} == set(limits) for size, *limits in zip(shape, *self, strict=True))
        return grows and fixed


Profiles = Mapping[str, Profile]
NO_PROFILES: Profiles = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Network(Graph):
    """A graph, and the TensorRT that is to take it."""

    trt_major: int
    profiles: Profiles


def lint(path: Path, trt_major: int = 10, profiles: Profiles = NO_PROFILES) -> tuple[Finding, ...]:
    """Why TensorRT `trt_major` would refuse the ONNX file at `path`, or run it slower than it could."""
    if trt_major not in OPSETS:
        raise ValueError(f"no rules for TensorRT {trt_major}; expected one of {[*OPSETS]}; pass one of those")
    graph = read(path)
    network = Network(graph.opset, graph.inputs, graph.nodes, trt_major, profiles)
    return tuple(
        Finding(rule, severity, where, f"{wrong}; expected {expected}, received {received}; {todo}")
        for rule, severity, check in RULES
        for where, wrong, expected, received, todo in check(network)
    )


def opset(network: Network) -> Complaints:
    """operators.md: the opsets that some release of this major version reads."""
    oldest, _, newest = OPSETS[network.trt_major]
    if not oldest <= network.opset <= newest:
        wrong = f"TensorRT {network.trt_major} does not read this opset"
        yield "opset_import", wrong, f"{oldest} to {newest}", network.opset, "export again within that range"


def late_opset(network: Network) -> Complaints:
    """operators.md: the opsets that the first release of this major version reads."""
    _, early, newest = OPSETS[network.trt_major]
    if early < network.opset <= newest:
        wrong = f"early releases of TensorRT {network.trt_major} do not read this opset"
        yield "opset_import", wrong, f"at most {early}", network.opset, "export again or check the release"


def quantizer_opset(network: Network) -> Complaints:
    """ONNX changelog: `axis` came with opset 13, float8 with 19, int4 with 21, float4 with 23."""
    for node in network.quantizers():
        oldest = max(OLDEST_OPSET.get(node.quantized_type, 10), 10 if node.channel_scale is None else 13)
        if network.opset < oldest:
            wrong = f"the opset has no such {node.op} ({node.quantized_type})"
            yield node.name, wrong, f"{oldest} or later", network.opset, "export again with a later opset"


def integer_operators(network: Network) -> Complaints:
    """operators.md lists them as unsupported."""
    for node in network.nodes:
        if node.op in INTEGER_OPS or node.op.startswith("QLinear"):
            wrong, expected = f"TensorRT has no {node.op}", "float operators between Q/DQ pairs"
            yield node.name, wrong, expected, "integer arithmetic", "quantize statically, in the QDQ format"


def zero_points(network: Network) -> Complaints:
    """onnxOpImporters.cpp: "TensorRT only supports symmetric quantization"; as many zero points as scales."""
    for node in network.quantizers():
        scale, zero_point = node.scale, node.input(2).source.value
        if not node.input(2).name:
            continue
        if zero_point is None:
            yield node.name, "the zero point is not constant", "an initializer", "a computed one", "store it"
        elif (furthest := np.abs(zero_point.astype(np.float64)).max(initial=0)) > 0:
            todo = "quantize activations and weights symmetrically"
            yield node.name, "the quantization is asymmetric", "zero point 0", f"{furthest:g}", todo
        elif scale is not None and zero_point.size != scale.size:
            wrong = "zero points and scales differ in number"
            yield node.name, wrong, scale.size, zero_point.size, "store one zero point for each scale"


def quantized_types(network: Network) -> Complaints:
    """onnxOpImporters.cpp: int32 is refused, and uint8 is read as int8 with only a warning."""
    allowed = QUANTIZED_TYPES[network.trt_major]
    for node in network.quantizers():
        received = node.quantized_type
        if received and received not in allowed:
            wrong = f"TensorRT {network.trt_major} has no {received} quantization"
            todo = "use int8 and store its zero point (without one ONNX means uint8), or stay in float"
            yield node.name, wrong, ", ".join(sorted(allowed)), received, todo


def scales(network: Network) -> Complaints:
    """onnxOpImporters.cpp: "Scale coefficients must all be positive"."""
    for node in network.quantizers():
        scale = node.scale
        if scale is None:
            yield node.name, "the scale is not constant", "an initializer", "a computed one", "store it"
        elif not scale.size or not np.all(np.isfinite(scale) & (scale > 0)):
            received = f"{scale.min():g} to {scale.max():g}" if scale.size else "none"
            todo = "calibrate with data that reaches this tensor"
            yield node.name, "the scale is not usable", "positive and finite", received, todo


def channel_scales(network: Network) -> Complaints:
    """onnxOpImporters.cpp: only weights have more than one scale, and one for each index along `axis`."""
    for node in network.quantizers():
        scale, weight, axis = node.channel_scale, node.data.value, node.attributes.get("axis", 1)
        if scale is None or (scale.ndim > 1 and node.quantized_type in FOUR_BIT):
            continue
        if not node.data.is_weight:
            wrong, todo = "an activation is quantized per channel", "quantize activations per tensor"
            yield node.name, wrong, "1 scale", scale.size, todo
        elif weight is not None:
            expected = weight.shape[axis : axis + 1 or None]
            if scale.shape != expected:
                wrong = f"the scales do not fit axis {axis} of a weight of shape {weight.shape}"
                yield node.name, wrong, f"shape {expected}", scale.shape, "store one scale for each channel"


def channel_axes(network: Network) -> Complaints:
    """onnxOpImporters.cpp: as many scales as the layer has output channels."""
    for node in network.select(*LAYERS):
        transpose = node.input(1).made_by("Transpose")
        dequantizer = (transpose.input(0) if transpose else node.input(1)).made_by("DequantizeLinear")
        weight = dequantizer.data.value if dequantizer else None
        if not dequantizer or weight is None or weight.ndim < 2 or dequantizer.channel_scale is None:
            continue
        expected = _output_axis(node, weight.ndim)
        if transpose:
            expected = transpose.attributes.get("perm", range(weight.ndim)[::-1])[expected]
        axis = dequantizer.attributes.get("axis", 1)
        if dequantizer.channel_scale.ndim == 1 and axis % weight.ndim != expected:
            wrong = f"the scales of this weight do not follow the output channels of {node.op}"
            yield dequantizer.name, wrong, f"axis {expected}", axis, "quantize along the output channels"


def biases(network: Network) -> Complaints:
    """ModelOpt leaves every bias in float, be it an input of the layer or an Add behind it."""
    for node in network.nodes:
        candidates = node.inputs[2:] if node.op in LAYERS else ()
        if _is_bias_add(node):
            candidates = tuple(tensor for tensor in node.inputs if tensor.is_weight)
        for dequantizer in filter(None, (tensor.dequantizer for tensor in candidates)):
            wrong, received = f"the bias at {node.name} is quantized", dequantizer.quantized_type
            yield dequantizer.name, wrong, "float", received, "leave it in float (QuantizeBias=False)"


def mixed_inputs(network: Network) -> Complaints:
    """Explicit Quantization: quantize all inputs of weighted operations; 4 bits are for weights alone."""
    for node in network.select(*LAYERS):
        floats = [tensor.name for tensor in node.inputs[:2] if not tensor.dequantizer]
        types = {tensor.dequantizer.quantized_type for tensor in node.inputs[:2] if tensor.dequantizer}
        if floats and types and not types <= FOUR_BIT:
            wrong = f"{node.op} runs in float although one input is quantized"
            yield node.name, wrong, "Q/DQ on both", f"none on {floats[0]}", "quantize that input, or neither"


def split_fusions(network: Network) -> Complaints:
    """Explicit Quantization: do not quantize the output of a weighted operation that can fuse."""
    for node in network.nodes:
        if node.op not in FUSED_AFTER_LAYER and not _is_bias_add(node):
            continue
        for tensor in node.inputs:
            dequantizer, layer = tensor.made_by("DequantizeLinear"), tensor.layer
            if dequantizer and layer:
                wrong, expected = f"{layer.name} cannot fuse with {node.name}", f"Q/DQ behind {node.name}"
                yield dequantizer.name, wrong, expected, "Q/DQ between the two", "move this pair"


def float_residuals(network: Network) -> Complaints:
    """Explicit Quantization: quantize the residual input of skip connections."""
    for node in filter(_is_residual_add, network.nodes):
        layers = [tensor.made_by(*LAYERS) for tensor in node.inputs]
        quantized = any(layer and layer.input(0).dequantizer for layer in layers)
        if quantized and not any(tensor.dequantizer for tensor in node.inputs):
            wrong = "the residual branch is float, so the layer before this Add cannot write int8"
            yield node.name, wrong, "Q/DQ on one input", "on none", "quantize the residual branch"


def crowded_residuals(network: Network) -> Complaints:
    """Explicit Quantization: Q/DQ on both inputs of an Add separates it from the layer before it."""
    for node in filter(_is_residual_add, network.nodes):
        if all(tensor.dequantizer for tensor in node.inputs):
            wrong, todo = "this Add cannot fuse with the layer before it", "remove the pair behind that layer"
            yield node.name, wrong, "Q/DQ on one input", "on both", todo


def weight_range(network: Network) -> Complaints:
    """Explicit Quantization: symmetric, and -128 has no counterpart."""
    for node in network.select("DequantizeLinear"):
        codes = node.codes if node.quantized_type == "int8" else None
        if codes is not None and codes.min(initial=0) < -127:
            wrong, todo = "a weight leaves the symmetric range", "quantize with scale = max|w| / 127"
            yield node.name, wrong, "-127 to 127", f"{codes.min():g}", todo


def input_profiles(network: Network) -> Complaints:
    """trtexec --help: minShapes, optShapes and maxShapes for every dynamic input."""
    for tensor in network.inputs:
        shape, profile = tensor.shape, network.profiles.get(tensor.name)
        if (shape is None or None in shape) and profile is None:
            todo = "give it an optimization profile"
            yield tensor.name, "the input is dynamic", "min, opt and max shapes", "none", todo
        elif shape is not None and profile is not None and not profile.fits(shape):
            wrong, todo = "the profile does not fit the input", "keep fixed sizes and min <= opt <= max"
            yield tensor.name, wrong, shape, tuple(profile), todo


def doubles(network: Network) -> Complaints:
    """operators.md: limited support for DOUBLE, which is cast down to FLOAT and clamped where possible."""
    tensors = [*network.inputs, *(tensor for node in network.nodes for tensor in node.inputs)]
    names = [tensor.name for tensor in tensors if tensor.type == "double"]
    names += [node.name for node in network.nodes if "double" in node.attributes.values()]
    for name in dict.fromkeys(names):
        yield name, "TensorRT does not compute in double", "float", "double", "cast to float before export"


RULES: tuple[tuple[str, Severity, Callable[[Network], Complaints]], ...] = (
    ("T1", "error", opset),
    ("T1", "warn", late_opset),
    ("T1", "error", quantizer_opset),
    ("T2", "error", integer_operators),
    ("T3", "error", zero_points),
    ("T4", "error", quantized_types),
    ("T5", "error", scales),
    ("T6", "error", channel_scales),
    ("T6", "error", channel_axes),
    ("T7", "warn", biases),
    ("T8", "warn", mixed_inputs),
    ("T8", "warn", split_fusions),
    ("T8", "warn", float_residuals),
    ("T8", "info", crowded_residuals),
    ("T8", "warn", weight_range),
    ("T9", "error", input_profiles),
    ("T9", "error", doubles),
)


def _output_axis(layer: Node, rank: int) -> int:
    if layer.op == "Gemm":
        return 0 if layer.attributes.get("transB", 0) else 1
    return {"Conv": 0, "ConvTranspose": 1, "MatMul": rank - 1}[layer.op]


def _is_bias_add(node: Node) -> bool:
    return _is_add_after_layer(node) and any(tensor.is_weight for tensor in node.inputs)


def _is_residual_add(node: Node) -> bool:
    return _is_add_after_layer(node) and not any(tensor.is_weight for tensor in node.inputs)


def _is_add_after_layer(node: Node) -> bool:
    return node.op == "Add" and any(tensor.layer for tensor in node.inputs)
