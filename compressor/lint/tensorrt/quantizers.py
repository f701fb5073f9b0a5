"""T3 to T5: symmetric, in a type that TensorRT has, with usable scales."""

import numpy as np

from compressor.lint.tensorrt.integer_operators import is_integer
from compressor.lint.tensorrt.network import FOUR_BIT, Complaints, Network
from compressor.onnx_view.types import tensor_types

# Casts may read uint8; quantizers have a rule of their own.
_READ_BYTES = {"Cast", "CastLike", "DequantizeLinear", "QuantizeLinear"}
MODERN = {"int8", "float8e4m3fn", *FOUR_BIT}
QUANTIZED_TYPES = {8: {"int8"}, 9: {"int8", "float8e4m3fn"}, 10: MODERN, 11: MODERN}


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
    allowed = QUANTIZED_TYPES[network.platform.trt_major]
    for node in network.quantizers():
        received = node.quantized_type
        if received and received not in allowed:
            wrong = f"TensorRT {network.platform.trt_major} has no {received} quantization"
            todo = "use int8 and store its zero point (without one ONNX means uint8), or stay in float"
            yield node.name, wrong, ", ".join(sorted(allowed)), received, todo


def unsigned_tensors(network: Network) -> Complaints:
    """operators.md: "UINT8 is only supported as network input or output tensor types"; a cast may read them."""
    types = tensor_types(network)
    for node in network.nodes:
        read = [tensor.name for tensor in node.inputs if types.get(tensor.name) == "uint8"]
        if read and node.op not in _READ_BYTES and not is_integer(node.op):
            wrong, todo = f"{node.op} reads uint8, which TensorRT has at the ends of a network alone", "cast it first"
            yield node.name, wrong, "a Cast behind the input", f"uint8 {read[0]}", todo


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
