"""The kernels of an ONNX file: of its main graph, floats or integers with a scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from compressor.kernels import Kernel, along
from compressor.onnx_view import reader
from compressor.onnx_view.listing import layer_named
from compressor.onnx_view.reader import RawGraph, RawNode
from compressor.values import Array

# Operators that read trained weights, and at which places; of a recurrent layer states are no weights.
_FIRST, _SECOND, _BOTH, _RECURRENT = (0,), (1,), (0, 1), (1, 2)
_LAYERS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("Gather",), _FIRST),
    **dict.fromkeys(("Conv", "ConvTranspose", "ConvInteger", "FusedConv", "Gemm", "FusedGemm"), _SECOND),
    **dict.fromkeys(("MatMul", "MatMulInteger", "FusedMatMul", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"), _BOTH),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"), _RECURRENT),
}
# What may stand between a constant and its layer, and changes no value of it.
_BETWEEN = ("DequantizeLinear", "Cast", "Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze")
_LONGEST_CHAIN = 8
_FLOATS, _INTEGERS = ("float", "float16", "double", "bfloat16"), ("int8", "uint8", "int16", "uint16", "int4", "uint4")
# onnxruntime's quantizer calls what it makes of a constant after it.
_QUANTIZED = "_quantized"


def read(path: Path) -> tuple[Kernel, ...]:
    """Every kernel once, in the order of its first reader.

    Raises:
        BadInput: the file cannot be read.
    """
    return tuple(_Reader(reader.read(path)[1]).kernels())


class _Reader:
    def __init__(self, graph: RawGraph) -> None:
        self._graph = graph
        self._constants = {each.name: each for each in graph.constants}
        self._makers = {name: node for node in graph.nodes for name in node.outputs}

    def kernels(self) -> Iterator[Kernel]:
        seen = set()
        for node in self._graph.nodes:
            for place in _LAYERS.get(node.op, ()):
                name, dequantizer = self._source(node.inputs[place]) if place < len(node.inputs) else ("", None)
                if name not in self._constants or name in seen:
                    continue
                seen.add(name)
                kernel = self._kernel(name, dequantizer, node, f"{node.op.replace('Integer', '')} {place}")
                if kernel is not None:
                    yield kernel

    def _source(self, name: str) -> tuple[str, RawNode | None]:
        """Where a value comes from, and what makes real numbers of it on the way."""
        dequantizer = None
        for _ in range(_LONGEST_CHAIN):
            maker = self._makers.get(name)
            if maker is None or maker.op not in _BETWEEN or not maker.inputs:
                break
            dequantizer = maker if maker.op == "DequantizeLinear" else dequantizer
            name = maker.inputs[0]
        return name, dequantizer

    def _kernel(self, name: str, dequantizer: RawNode | None, reader: RawNode, role: str) -> Kernel | None:
        constant = self._constants[name]
        plain = name.removesuffix(_QUANTIZED)
        layer = layer_named(plain) or layer_named(reader.name)
        if constant.value is None or len(constant.shape) < 2:
            return None
        if constant.type in _FLOATS:
            return Kernel(layer, plain, role, constant.value)
        if constant.type not in _INTEGERS:
            return None
        if dequantizer is not None:
            names = (*dequantizer.inputs[1:], "")[:2]
            axis = int(dequantizer.attributes.get("axis", 1))
        else:
            names = f"{plain}_scale", f"{plain}_zero_point"
            axis = 0 if reader.op == "ConvInteger" else len(constant.shape) - 1
        scales, zeros = self._value(names[0]), self._value(names[1])
        if scales is None:
            return None
        zeros = np.zeros(1, np.int8) if zeros is None else zeros
        try:
            ends = [along(each, axis, len(constant.shape)) for each in (scales, zeros)]
            np.broadcast_shapes(constant.shape, *(each.shape for each in ends))
        except (ValueError, IndexError):
            return None
        return Kernel(layer, plain, role, constant.value, *ends)

    def _value(self, name: str) -> Array | None:
        return self._constants[name].value if name in self._constants else None
