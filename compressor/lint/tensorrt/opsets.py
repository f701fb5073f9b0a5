"""T1: opsets that TensorRT reads, and that have the quantizers which the file uses."""

from compressor.lint.tensorrt.network import Complaints, Network

# Per major version: oldest opset, newest opset of its first release, newest opset of its last release.
OPSETS = {8: (9, 13, 17), 9: (9, 19, 19), 10: (9, 20, 24), 11: (9, 25, 25)}
OLDEST_OPSET = {"float8e4m3fn": 19, "int4": 21, "float4e2m1": 23}


def opset(network: Network) -> Complaints:
    """operators.md: the opsets that some release of this major version reads."""
    oldest, _, newest = OPSETS[network.platform.trt_major]
    if not oldest <= network.opset <= newest:
        wrong = f"TensorRT {network.platform.trt_major} does not read this opset"
        yield "opset_import", wrong, f"{oldest} to {newest}", network.opset, "export again within that range"


def late_opset(network: Network) -> Complaints:
    """operators.md: the opsets that the first release of this major version reads."""
    _, early, newest = OPSETS[network.platform.trt_major]
    if early < network.opset <= newest:
        wrong = f"early releases of TensorRT {network.platform.trt_major} do not read this opset"
        yield "opset_import", wrong, f"at most {early}", network.opset, "export again or check the release"


def quantizer_opset(network: Network) -> Complaints:
    """ONNX changelog: `axis` came with opset 13, float8 with 19, int4 with 21, float4 with 23."""
    for node in network.quantizers():
        oldest = max(OLDEST_OPSET.get(node.quantized_type, 10), 10 if node.channel_scale is None else 13)
        if network.opset < oldest:
            wrong = f"the opset has no such {node.op} ({node.quantized_type})"
            yield node.name, wrong, f"{oldest} or later", network.opset, "export again with a later opset"
