"""T2: no integer arithmetic, Q/DQ pairs instead."""

from compressor.lint.tensorrt.network import Complaints, Network

INTEGER_OPS = {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "QGemm"}


def is_integer(op: str) -> bool:
    """Whether an operator computes in integers, scales and all."""
    return op in INTEGER_OPS or op.startswith("QLinear")


def integer_operators(network: Network) -> Complaints:
    """operators.md lists them as unsupported."""
    for node in network.nodes:
        if is_integer(node.op):
            wrong, expected = f"TensorRT has no {node.op}", "float operators between Q/DQ pairs"
            yield node.name, wrong, expected, "integer arithmetic", "quantize statically, in the QDQ format"
