"""The graph of an ONNX file in parts: what is constant, what is quantized and back, copies that tell more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.diagnosis.opened import Constant, Grid
from compressor.errors import BadInput, MissingTool
from compressor.values import Array

if TYPE_CHECKING:
    import onnx

_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
# Where a tensor is given in place of the one that the file computes, and where an operator's own answer is told.
_GIVEN, _OWN = "given to ", "own "


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A QuantizeLinear and the DequantizeLinear that reads it: `real` is the name of the tensor behind both."""

    quantize: Any
    dequantize: Any
    grid: Grid

    @property
    def real(self) -> str:
        """The tensor behind both."""
        return str(self.dequantize.output[0])

    @property
    def integers(self) -> str:
        """The tensor between them: who asks for it leaves runtimes their fused integer operators."""
        return str(self.quantize.output[0])

    @property
    def bits(self) -> int:
        """Of its integers."""
        return int(self.grid.last - self.grid.first).bit_length()


def load(path: Path) -> Parts:
    """Read a file.

    Raises:
        BadInput: no ONNX model.
        MissingTool: the package `onnx` is not here.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingTool(
            "looking into ONNX files takes the package onnx, which is not installed here", fix="pip install onnx"
        ) from None
    try:
        return Parts(onnx.load(str(path)))
    except Exception as error:
        raise BadInput(f"{path} is no ONNX model that can be read", received=str(error)[:120]) from None


class Parts:
    """Looks at a model, and makes copies of it."""

    def __init__(self, model: onnx.ModelProto) -> None:
        import onnx

        self.model = model
        self._stored = {each.name: each for each in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                self._stored[node.output[0]] = node.attribute[0].t
        self._arrays = onnx.numpy_helper.to_array
        self._makers = {name: node for node in model.graph.node for name in node.output}

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Names of what is the same for every sample."""
        found = set(self._stored) | {""}
        for node in self.model.graph.node:
            if all(name in found for name in node.input):
                found.update(node.output)
        return frozenset(found - {""})

    @cached_property
    def pairs(self) -> dict[str, Pair]:
        """By the name of what is quantized: the first pair that reads it."""
        readers: dict[str, Any] = {}
        for node in self.model.graph.node:
            if node.op_type == _DEQUANTIZE:
                readers.setdefault(node.input[0], node)
        found: dict[str, Pair] = {}
        for node in self.model.graph.node:
            back = readers.get(node.output[0]) if node.op_type == _QUANTIZE else None
            grid = None if back is None or node.input[0] in self.fixed else self._grid(back, node)
            if grid is not None and node.input[0] not in found:
                found[node.input[0]] = Pair(node, back, grid)
        return found

    def computed(self) -> dict[str, tuple[int, Any]]:
        """Every tensor that hangs on the sample, with the place and the operator that makes it, but for pairs."""
        return {
            name: (index, node)
            for index, node in enumerate(self.model.graph.node)
            if node.op_type not in (_QUANTIZE, _DEQUANTIZE)
            for name in node.output
            if name and name not in self.fixed
        } | {each.name: (-1, each) for each in self.model.graph.input if each.name in self.pairs}

    def reads(self, node: Any) -> tuple[str, ...]:
        """The computed tensors that an operator reads, by the name before their quantization."""
        return tuple(self.before(name) for name in node.input if name and name not in self.fixed)

    def before(self, name: str) -> str:
        """What a tensor is before its quantization."""
        maker = self._makers.get(name)
        while maker is not None and maker.op_type in (_QUANTIZE, _DEQUANTIZE):
            name = maker.input[0]
            maker = self._makers.get(name)
        return name

    def constant(self, name: str, axis: int) -> Constant | None:
        """The numbers behind a constant input; None for one that is computed in other ways than by dequantization."""
        if name in self._stored:
            return Constant(name, self._arrays(self._stored[name]), None, None, axis)
        maker = self._makers.get(name)
        if name not in self.fixed or maker is None or maker.op_type != _DEQUANTIZE:
            return None
        stored, scale, zero = (self._value(each) for each in (*maker.input, "", "")[:3])
        if stored is None or scale is None:
            return None
        at = next((each.i for each in maker.attribute if each.name == "axis"), 1)
        axis = at % stored.ndim if scale.size > 1 and stored.ndim else axis
        shape = [-1 if place == axis else 1 for place in range(stored.ndim)] if scale.size > 1 else []
        return Constant(name, stored, scale.reshape(shape), None if zero is None else zero.reshape(shape), axis)

    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Of tensors, as far as they can be inferred."""
        return {
            each.name: tuple(size.dim_value or None for size in each.type.tensor_type.shape.dim)
            for each in self._inferred
        }

    def bits(self, name: str) -> int:
        """Of a tensor's numbers; 32 where its type is not known."""
        import onnx

        kind = self._types.get(name, 0)
        return int(onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize * 8) if kind else 32

    def answering(self, names: Sequence[str]) -> onnx.ModelProto:
        """A copy that answers with these tensors alone."""
        copy = self._copy()
        del copy.graph.output[:]
        copy.graph.output.extend(_value(name) for name in dict.fromkeys(names))
        return copy

    def apart(
        self, cut: Collection[str], wanted: Sequence[str]
    ) -> tuple[onnx.ModelProto, dict[str, str], dict[str, str]]:
        """A copy with operators cut from one another at the tensors of `cut`.

        Returns:
            the copy; under which name each of `cut` is given; and where each of `wanted` is answered.
        """
        copy = self._copy()
        given = {name: f"{_GIVEN}{name}" for name in cut if name not in self.fixed}
        for node in copy.graph.node:
            node.input[:] = [given.get(name, name) for name in node.input]
        answered, more = {}, []
        for name in wanted:
            pair, answered[name] = self.pairs.get(name), name
            if pair is not None:
                source = given.get(name, name) if any(each.name == name for each in self.model.graph.input) else name
                answered[name] = f"{_OWN}{pair.integers}"
                more.append(self._again(pair, source, answered[name]))
        copy.graph.node.extend(more)
        types = self._types
        del copy.graph.output[:]
        copy.graph.output.extend(_value(name) for name in dict.fromkeys(answered.values()))
        kept = [each for each in copy.graph.input if each.name not in given]
        del copy.graph.input[:]
        copy.graph.input.extend([*kept, *(_value(new, types.get(old, 1)) for old, new in given.items())])
        return copy, given, answered

    def _again(self, pair: Pair, source: str, name: str) -> Any:
        import onnx

        made = onnx.NodeProto()
        made.CopyFrom(pair.quantize)
        made.name, made.input[0], made.output[0] = name, source, name
        return made

    def _copy(self) -> onnx.ModelProto:
        import onnx

        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        return copy

    def _value(self, name: str) -> Array | None:
        return np.asarray(self._arrays(self._stored[name])) if name in self._stored else None

    def _grid(self, back: Any, quantize: Any) -> Grid | None:
        scale, zero = (self._value(each) for each in (*back.input, "", "")[1:3])
        if scale is None or scale.size != 1:
            return None
        if zero is None:
            zero = np.zeros(1, np.uint8) if len(quantize.input) < 3 else self._value(quantize.input[2])
        if zero is None or zero.dtype.kind not in "iu":
            return None
        ends = np.iinfo(zero.dtype)
        return Grid(float(scale.reshape(())), int(zero.reshape(-1)[0]), int(ends.min), int(ends.max))

    @cached_property
    def _types(self) -> dict[str, int]:
        return {each.name: each.type.tensor_type.elem_type for each in self._inferred}

    @cached_property
    def _inferred(self) -> tuple[Any, ...]:
        import onnx

        try:
            graph = onnx.shape_inference.infer_shapes(self.model).graph
        except Exception:
            graph = self.model.graph
        return (*graph.input, *graph.value_info, *graph.output)


def _value(name: str, kind: int = 0) -> Any:
    import onnx

    made = onnx.ValueInfoProto(name=name)
    if kind:
        made.type.tensor_type.elem_type = kind
    return made
