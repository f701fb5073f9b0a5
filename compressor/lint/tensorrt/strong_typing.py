"""T12: TensorRT 11 computes in the types that the file states; it has no flags for less precision.

From the migration guide of TensorRT 11: FP16, BF16, INT8 and FP8 flags, calibrators and dynamic ranges are gone.
"""

from compressor.lint.tensorrt.network import Complaints, Network
from compressor.onnx_view.types import data_types, tensor_types

_FIRST = 11
_FLOATS = ("float", "float16", "bfloat16")
# What the file must hold so that an engine computes so.
_HALF = {"float16": {"float16"}, "bfloat16": {"bfloat16"}}
# AutoCast, which makes such files.
_OLDEST_OPSET = {"float16": 13, "bfloat16": 22}
# Operators whose inputs may differ in type.
_FREE = {"Cast", "CastLike", "DequantizeLinear", "If", "LayerNormalization", "Loop", "QuantizeLinear", "Scan"}


def strong_typing(network: Network) -> Complaints:
    """The precision that is asked for is in the file, types meet, and the opset has them."""
    if network.platform.trt_major < _FIRST:
        return
    types = tensor_types(network)
    held = {*types.values(), *(node.quantized_type for node in network.quantizers())}
    asked = network.platform.precision
    wanted = {"int8"} if asked.endswith("int8") else _HALF.get(asked, set())
    if wanted and not wanted & held:
        wrong, todo = "TensorRT 11 has no flag for this precision", "write it into the file: Q/DQ pairs, or casts"
        yield "precision", wrong, f"{asked} in the file", ", ".join(sorted(filter(None, held))), todo
    for kind, oldest in _OLDEST_OPSET.items():
        if kind in held and network.opset < oldest:
            wrong, todo = f"the opset has no {kind} for all operators", "export again with a later opset"
            yield "opset_import", wrong, f"{oldest} or later", network.opset, todo
    for node in network.nodes:
        read = set(_FLOATS).intersection(data_types(node, types))
        if node.op not in _FREE and len(read) > 1:
            wrong, todo = f"{node.op} mixes types, and TensorRT 11 casts nothing by itself", "cast one of them"
            yield node.name, wrong, "one type", " and ".join(sorted(read)), todo
