"""T10: operators that TensorRT has no layer for, and settings that its layers lack.

From operators.md of onnx-tensorrt.
"""

from collections.abc import Iterator

from compressor.lint.tensorrt.integer_operators import is_integer
from compressor.lint.tensorrt.network import Complaints, Network
from compressor.lint.tensorrt.supported import REDUCTIONS, SUPPORTED
from compressor.onnx_view import Node, Tensor

_POOLS = {"AveragePool", "LpPool", "MaxPool"}
_RECURRENT = {"GRU", "LSTM", "RNN"}
# Where these read axes, which must be an initializer.
_AXES = {**dict.fromkeys(REDUCTIONS, 1), "Pad": 3, "Slice": 3, "Squeeze": 1, "Unsqueeze": 1}
_LARGEST_K = 3839
# Attributes of Resize: the default, and what TensorRT takes.
_RESIZES = {
    "mode": ("nearest", "linear"),
    "coordinate_transformation_mode": (
        *("half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners"),
    ),
    "nearest_mode": ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    "keep_aspect_ratio_policy": ("stretch",),
    "antialias": (0,),
}
_DOMAINS = ("", "ai.onnx")
# What is wrong, what was expected, what was received, what to do.
_Flaws = Iterator[tuple[str, object, object, str]]


def operators(network: Network) -> Complaints:
    """operators.md: what is listed as unsupported, or as supported with limits."""
    for node in network.nodes:
        for flaw in flaws(node):
            yield (node.name, *flaw)


def shipped_plugins(network: Network) -> Complaints:
    """NVIDIA's own plug-ins are named so; `trtexec` loads them, and which there are depends on the release."""
    for node in filter(_is_shipped_plugin, network.nodes):
        wrong, todo = f"{node.op} is a plug-in, of which no rule is known here", "check that the release has it"
        yield node.name, wrong, "an operator of ONNX", node.op, todo


def flaws(node: Node) -> _Flaws:
    """Why TensorRT's parser refuses one operator, whatever the numbers are."""
    if _is_shipped_plugin(node):
        return
    if node.domain not in _DOMAINS:
        # An error, as `trtexec` is called without plug-ins of others: it would build no engine.
        wrong, expected = f"TensorRT has no plugin called {node.op} here", "operators of ONNX"
        yield wrong, expected, f"the domain {node.domain}", "export with ONNX's own operators, or bring a plugin"
    elif node.op not in SUPPORTED and not is_integer(node.op):
        yield f"TensorRT has no {node.op}", "an operator it has", node.op, "leave it to the program around the engine"
    elif node.op in _POOLS:
        yield from _of_pool(node)
    elif node.op in _RECURRENT:
        yield from _of_recurrent(node)
    elif node.op == "TopK":
        yield from _of_top_k(node)
    elif node.op == "Resize":
        yield from _of_resize(node)
    yield from _of_axes(node)


def _is_shipped_plugin(node: Node) -> bool:
    return node.op.endswith("_TRT") or node.op.startswith("TRT_")


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


def _of_resize(node: Node) -> _Flaws:
    nearest = node.attributes.get("mode", "nearest") == "nearest"
    for name, taken in _RESIZES.items():
        received = node.attributes.get(name, taken[0])
        if received not in taken and (name != "nearest_mode" or nearest):
            expected = " or ".join(map(str, taken))
            yield f"TensorRT does not resize with this {name}", expected, received, f"use another {name}"


def _of_axes(node: Node) -> _Flaws:
    tensor = node.input(_AXES[node.op]) if node.op in _AXES else Tensor()
    if tensor.name and not _is_constant(tensor):
        wrong = f"{node.op} reads axes, which must be known when the engine is built"
        yield wrong, "an initializer", f"{tensor.name}, which is computed", "fold constants, or store it"


def _is_constant(tensor: Tensor) -> bool:
    """Whether it is made of constants alone, in however many steps; a shape that is known is one too."""
    waiting, seen = [tensor], set()
    while waiting:
        each = waiting.pop()
        if each.value is not None or not each.name or each.name in seen:
            continue
        seen.add(each.name)
        maker = each.producer
        if maker is None or not maker.inputs:
            return False
        if maker.op in ("Shape", "Size"):
            shape = maker.input(0).shape
            if shape is not None and None not in shape:
                continue
        waiting += maker.inputs
    return True
