"""T7 and T8: where Q/DQ pairs stand around layers, so that TensorRT computes and fuses them in int8."""

from compressor.lint.tensorrt.network import FOUR_BIT, Complaints, Network
from compressor.onnx_view import LAYERS, Node

SMOOTH = {"Elu", "Gelu", "HardSigmoid", "HardSwish", "Mish", "Selu", "Sigmoid", "Softplus", "Tanh"}
FUSED_AFTER_LAYER = {"BatchNormalization", "Clip", "LeakyRelu", "PRelu", "Relu", *SMOOTH}


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


def _is_bias_add(node: Node) -> bool:
    return _is_add_after_layer(node) and any(tensor.is_weight for tensor in node.inputs)


def _is_residual_add(node: Node) -> bool:
    return _is_add_after_layer(node) and not any(tensor.is_weight for tensor in node.inputs)


def _is_add_after_layer(node: Node) -> bool:
    return node.op == "Add" and any(tensor.layer for tensor in node.inputs)
