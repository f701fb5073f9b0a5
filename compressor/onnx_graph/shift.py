"""Move an input so that its values fill symmetric int8, and let the layers that read it take the move back.

`x ≈ s·(q + 128) + low` is what asymmetric int8 would compute. Here `x - c` is quantized with the scale s and no zero
point, c = s·z for a whole z, and each layer's bias grows by c times the sum of its weights, as they were quantized. A
convolution's padding goes before the move, so that it stays what zeros were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.onnx_graph import walk
from compressor.values import Array

if TYPE_CHECKING:
    import onnx

_STEPS, _LOWEST = 255, -128
# Symmetric int8 must waste at least a quarter of its steps.
_WORTH = 4 / 3
# What may stand between the model's input and the tensor: none of these could be fused with a layer before it.
_BEFORE = {"Add", "Cast", "Div", "Flatten", "Identity", "Mul", "Reshape", "Squeeze", "Sub", "Transpose", "Unsqueeze"}


class Graph:
    """An ONNX graph that is changed in place, with its constants and readers by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self.proto = model.graph
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.producers = {name: node for node in model.graph.node for name in node.output}

    def constant(self, name: str) -> Array | None:
        """The value of a constant, None for what is computed."""
        import onnx

        found = self._constants.get(name)
        return None if found is None else np.asarray(onnx.numpy_helper.to_array(found))

    def set_constant(self, name: str, value: Any) -> str:
        """Give a constant another value, or add it."""
        import onnx

        made = onnx.numpy_helper.from_array(np.asarray(value), name)
        if name in self._constants:
            self._constants[name].CopyFrom(made)
        else:
            self.proto.initializer.append(made)
            self._constants[name] = self.proto.initializer[-1]
        return name

    def drop_unused(self) -> None:
        """Leave out constants that no node reads any more."""
        nodes = walk.nodes(self._model)
        read = {name for node in nodes for name in node.input} | {each.name for each in self.proto.output}
        for tensor in [each for each in self.proto.initializer if each.name not in read]:
            self.proto.initializer.remove(tensor)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor, those inside branches and loops too."""
        return [node for node in walk.nodes(self._model) if name in node.input]

    def activation_quantizers(self) -> Iterator[onnx.NodeProto]:
        """The nodes that quantize what is computed."""
        for node in self.proto.node:
            if node.op_type == "QuantizeLinear" and node.input[0] not in self._constants:
                yield node

    def weights(self, layer: onnx.NodeProto) -> Array | None:
        """What the layer multiplies with, as it was quantized: (outputs, …); None where that is not constant."""
        node = self.producers.get(layer.input[1])
        if node is None or node.op_type != "DequantizeLinear":
            return None
        stored, scale = self.constant(node.input[0]), self.constant(node.input[1])
        if stored is None or scale is None:
            return None
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
        sizes = [1] * stored.ndim
        if scale.size > 1:
            sizes[axis] = -1
        values = stored.astype(np.float64) * scale.astype(np.float64).reshape(sizes)
        return values if layer.op_type == "Conv" or _number(layer, "transB") else values.T


def worthwhile(low: float, high: float) -> bool:
    """Whether values within these ends would waste a quarter of symmetric int8."""
    low, high = min(low, 0.0), max(high, 0.0)
    return high > low and 2 * max(-low, high) >= _WORTH * (high - low)


def move(graph: Graph, quantizer: onnx.NodeProto, low: float, high: float) -> bool:
    """Quantize a tensor moved; False where that cannot be done, or would be between layers."""
    layers = _layers(graph, quantizer)
    if layers is None or not _is_input(graph, quantizer.input[0]):
        return False
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / _STEPS)
    zero = round(_LOWEST - low / float(scale))
    shift = np.float32(-zero * float(scale))
    if not np.isfinite(scale) or scale <= 0:
        return False
    for layer in layers:
        _correct(graph, layer, float(shift))
    graph.set_constant(quantizer.input[1], scale)
    _insert(graph, quantizer, layers[0], shift)
    return True


def _layers(graph: Graph, quantizer: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """The layers that read a quantized tensor, when they are all that read it and can take a move back."""
    back = graph.readers(quantizer.output[0])
    if len(back) != 1 or back[0].op_type != "DequantizeLinear":
        return None
    layers = graph.readers(back[0].output[0])
    able = layers and all(_takes(graph, layer, back[0].output[0]) for layer in layers)
    alike = len({tuple(_pads(layer) or ()) for layer in layers}) == 1
    return layers if able and alike else None


def _takes(graph: Graph, layer: onnx.NodeProto, name: str) -> bool:
    if layer.op_type not in ("Conv", "Gemm") or list(layer.input).count(name) != 1 or layer.input[0] != name:
        return False
    if graph.weights(layer) is None or _pads(layer) is None:
        return False
    if layer.op_type == "Gemm" and any(_number(layer, each, 1.0) != 1.0 for each in ("alpha", "beta")):
        return False
    if _number(layer, "transA"):
        return False
    biased = len(layer.input) > 2 and layer.input[2]
    return not biased or graph.constant(layer.input[2]) is not None


def _is_input(graph: Graph, name: str) -> bool:
    """Whether only moves and arithmetic with constants stand between the model's inputs and this tensor."""
    node = graph.producers.get(name)
    if node is None:
        return True
    computed = [each for each in node.input if each and graph.constant(each) is None]
    return node.op_type in _BEFORE and all(_is_input(graph, each) for each in computed)


def _pads(layer: onnx.NodeProto) -> list[int] | None:
    """The explicit padding; None where it is for the runtime to find out."""
    automatic = next((each.s for each in layer.attribute if each.name == "auto_pad"), b"NOTSET")
    if automatic not in (b"NOTSET", b"VALID"):
        return None
    return next((list(each.ints) for each in layer.attribute if each.name == "pads"), [])


def _correct(graph: Graph, layer: onnx.NodeProto, shift: float) -> None:
    weights = graph.weights(layer)
    assert weights is not None
    gained = shift * weights.reshape(len(weights), -1).sum(axis=1)
    biased = len(layer.input) > 2 and layer.input[2]
    before = graph.constant(layer.input[2]) if biased else np.zeros(len(weights), np.float32)
    name = graph.set_constant(f"{layer.output[0]}_moved_bias", (before + gained).astype(np.float32))
    del layer.input[2:]
    layer.input.append(name)


def _insert(graph: Graph, quantizer: onnx.NodeProto, layer: onnx.NodeProto, shift: np.float32) -> None:
    """Padding and move before the quantizer; the layers that padded do so no more."""
    import onnx

    name = quantizer.input[0]
    nodes, pads = [], _pads(layer) or []
    if any(pads):
        half = len(pads) // 2
        whole = np.array([0, 0, *pads[:half], 0, 0, *pads[half:]], np.int64)
        amounts = graph.set_constant(f"{name}_pads", whole)
        nodes.append(onnx.helper.make_node("Pad", [name, amounts], [f"{name}_padded"], name=f"{name}_pad"))
    moved = f"{name}_moved"
    constant = graph.set_constant(f"{name}_move", shift)
    taken = nodes[-1].output[0] if nodes else name
    nodes.append(onnx.helper.make_node("Sub", [taken, constant], [moved], name=f"{name}_sub"))
    back = graph.readers(quantizer.output[0])[0]
    for each in graph.readers(back.output[0]):
        kept = [attribute for attribute in each.attribute if attribute.name != "pads"]
        del each.attribute[:]
        each.attribute.extend(kept)
    quantizer.input[0] = moved
    place = next(index for index, node in enumerate(graph.proto.node) if node is quantizer or node == quantizer)
    for offset, node in enumerate(nodes):
        graph.proto.node.insert(place + offset, node)


def _number(layer: onnx.NodeProto, name: str, default: float = 0) -> float:
    found = next((each for each in layer.attribute if each.name == name), None)
    return default if found is None else (found.f if found.type == found.FLOAT else found.i)
