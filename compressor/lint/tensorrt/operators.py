"""T10: operators that TensorRT has no layer for, and settings that its layers lack.

From operators.md of onnx-tensorrt.
"""

from collections.abc import Iterator

from compressor.lint.tensorrt.network import Complaints, Network
from compressor.onnx_view import Node

_POOLS = {"AveragePool", "LpPool", "MaxPool"}
_RECURRENT = {"GRU", "LSTM", "RNN"}
_ABSENT = {"DFT", "Unique"}
_WITHOUT = ("Optional", "Sequence")
# Where these read what must be an initializer.
_CONSTANTS = {"Pad": (1,), "Slice": (3,), "Squeeze": (1,), "Unsqueeze": (1,)}
_LARGEST_K = 3839
_RESIZES = ("nearest", "linear")
_DOMAINS = ("", "ai.onnx")
# What is wrong, what was expected, what was received, what to do.
_Flaws = Iterator[tuple[str, object, object, str]]


def operators(network: Network) -> Complaints:
    """operators.md: what is listed as unsupported, or as supported with limits."""
    for node in network.nodes:
        for flaw in flaws(node):
            yield (node.name, *flaw)


def flaws(node: Node) -> _Flaws:
    """Why TensorRT's parser refuses one operator, whatever the numbers are."""
    if node.domain not in _DOMAINS:
        wrong, expected = f"{node.op} is of the domain {node.domain}", "operators of ONNX"
        yield wrong, expected, node.domain, "export with ONNX's own operators, or bring a plugin"
    elif node.op in _ABSENT or node.op.startswith(_WITHOUT) or "Sequence" in node.op:
        yield f"TensorRT has no {node.op}", "an operator it has", node.op, "leave it to the program around the engine"
    elif node.op in _POOLS:
        yield from _of_pool(node)
    elif node.op in _RECURRENT:
        yield from _of_recurrent(node)
    elif node.op == "TopK":
        yield from _of_top_k(node)
    elif node.op == "Resize" and node.attributes.get("mode", "nearest") not in _RESIZES:
        yield "TensorRT does not resize so", " or ".join(_RESIZES), node.attributes["mode"], "use another mode"
    yield from _of_constants(node)


def _of_pool(node: Node) -> _Flaws:
    kernel, dilations = node.attributes.get("kernel_shape", []), node.attributes.get("dilations", [1])
    if len(kernel) not in (2, 3):
        yield "TensorRT pools in two or three dimensions", "2 or 3", len(kernel), "add a dimension of size 1"
    if set(dilations) != {1}:
        yield "TensorRT pools without dilation", 1, dilations, "use a larger window or a stride"
    if len([name for name, _ in node.made if name]) > 1:
        yield "TensorRT gives no indices of maxima", "one output", "Indices too", "leave the second output out"


def _of_recurrent(node: Node) -> _Flaws:
    given, both = node.attributes.get, node.attributes.get("direction") == "bidirectional"
    if given("layout", 0):
        yield f"TensorRT takes {node.op} with the steps first", "layout 0", given("layout"), "transpose around it"
    if given("input_forget", 0):
        yield "TensorRT does not couple the gates", "input_forget 0", given("input_forget"), "train without"
    activations = given("activations") or []
    half = len(activations) // 2
    if both and activations[:half] != activations[half:]:
        wrong, todo = "TensorRT takes the same activations in both directions", "use the same"
        yield wrong, activations[:half], activations[half:], todo


def _of_top_k(node: Node) -> _Flaws:
    stored = node.input(1).value
    k = node.attributes.get("k") if stored is None else int(stored.max(initial=0))
    if k is not None and k > _LARGEST_K:
        yield "TensorRT's TopK has a limit", f"at most {_LARGEST_K}", k, "take fewer"


def _of_constants(node: Node) -> _Flaws:
    for place in _CONSTANTS.get(node.op, ()):
        tensor = node.input(place)
        if tensor.name and tensor.source.value is None:
            wrong = f"{node.op} reads what must be known when the engine is built"
            yield wrong, "an initializer", f"{tensor.name}, which is computed", "fold constants, or store it"
