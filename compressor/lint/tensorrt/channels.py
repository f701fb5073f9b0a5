"""T6: one scale per channel for weights alone, along the output channels of the layer."""

from compressor.lint.tensorrt.network import FOUR_BIT, Complaints, Network
from compressor.onnx_view import LAYERS, Node


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


def _output_axis(layer: Node, rank: int) -> int:
    if layer.op == "Gemm":
        return 0 if layer.attributes.get("transB", 0) else 1
    return {"Conv": 0, "ConvTranspose": 1, "MatMul": rank - 1}[layer.op]
