"""T13: number formats that a GPU computes in, by its compute capability.

From the support matrix of TensorRT; what it says of int8 is that its tensor cores came with 7.2.
"""

from compressor.lint.tensorrt.network import Complaints, Network
from compressor.onnx_view.types import tensor_types

_OLDEST = {"float8": 8.9, "bfloat16": 8.0, "int8": 7.2}


def number_formats(network: Network) -> Complaints:
    """Formats of quantizers and tensors that the GPU lacks, each told where it first occurs."""
    capability = network.platform.compute_capability
    if capability is None:
        return
    places: dict[str, str] = {}
    for node in network.quantizers():
        places.setdefault(_family(node.quantized_type), node.name)
    for name, kind in tensor_types(network).items():
        places.setdefault(_family(kind), name)
    for kind, oldest in _OLDEST.items():
        if kind in places and capability < oldest:
            todo = "use another precision, or another GPU"
            wrong = f"this GPU does not compute in {kind}"
            yield places[kind], wrong, f"compute capability {oldest:g} or later", f"{capability:g}", todo


def _family(kind: str) -> str:
    return "float8" if kind.startswith("float8") else kind
