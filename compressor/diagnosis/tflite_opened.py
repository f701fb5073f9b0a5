"""A TFLite file opened to look inside, by LiteRT, which keeps all tensors when asked to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from compressor import tflite_view
from compressor.diagnosis.opened import INPUT, Alone, Constant, Grid, Key, Node
from compressor.tflite_edit import apart as cutting
from compressor.tflite_edit.graph import Graph
from compressor.tflite_view import Operator, Tensor
from compressor.tflite_view.layers import layer_of, layers
from compressor.tflite_view.session import Kernels, TfliteSession, quantized
from compressor.tflm import c_array
from compressor.values import Array, TensorSpec

_INTEGERS = ("INT8", "UINT8", "INT16")
# The axis of output channels in the weights, where it is not the first.
_CHANNELS = {"DEPTHWISE_CONV_2D": 3}


class TfliteOpened:
    """See `Opened`; tensors go by their number.

    Raises:
        BadInput: no TFLite model, or one that LiteRT does not run.
    """

    channels_first = False

    def __init__(self, path: Path, runtime: str) -> None:
        self._content = c_array.content(path) if path.suffix == c_array.SUFFIX else path.read_bytes()
        self._kernels = _kernels(runtime)
        view = tflite_view.parse(self._content, str(path))
        self._session = TfliteSession(path, 1, self._kernels, lambda _: self._content, keep=True)
        graph = Graph(self._content)
        self.name = graph.name
        self._fixed = cutting.constants(graph)
        self._tensors = {each.index: each for each in _tensors(view) if each.index not in self._fixed}
        self._view = view
        self.nodes = (*_inputs(view, self.inputs), *self._computed())

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs as the file states them."""
        return self._session.inputs

    @property
    def input_keys(self) -> tuple[Key, ...]:
        """Numbers of the inputs."""
        return tuple(each.index for each in self._view.inputs)

    @property
    def output_keys(self) -> tuple[Key, ...]:
        """Numbers of the outputs."""
        return tuple(each.index for each in self._view.outputs)

    def values(self, sample: Mapping[str, Array]) -> Mapping[Key, Array]:
        """Every tensor for one sample."""
        self._session.load(sample)
        self._session.invoke()
        return {index: _real(self._session.stored(index), each) for index, each in self._tensors.items()}

    def apart(self, cut: Collection[Key]) -> Alone:
        """The operators run alone, in one file."""
        content, twins, answered = cutting.apart(self._content, {key for key in cut if isinstance(key, int)})
        session = TfliteSession(Path("operators alone"), 1, self._kernels, lambda _: content, keep=True)

        def run(given: Mapping[Key, Array]) -> Mapping[Key, Array]:
            session.put({new: _stored(given[old], self._tensors[old]) for old, new in twins.items()})
            session.invoke()
            return {index: _real(session.stored(index), self._tensors[index]) for index in answered}

        return run

    def _computed(self) -> tuple[Node, ...]:
        named = layers(self._view)
        return tuple(
            _node(operator, layer, tensor, self._constants(operator))
            for operator, layer in zip(self._view.operators, named, strict=True)
            for tensor in operator.outputs
            if tensor.index in self._tensors and tensor.type != "RESOURCE"
        )

    def _constants(self, operator: Operator) -> tuple[Constant, ...]:
        """What it reads that is the same for every sample, float16 weights before they were widened among it."""
        found = []
        for tensor in operator.inputs:
            stored = self._origin(tensor) if tensor is not None and tensor.index in self._fixed else None
            if stored is not None and stored.type in ("FLOAT32", "FLOAT16", "INT8", "INT16", "INT32", "INT64"):
                found.append(_constant(stored, operator.op))
        return tuple(found)

    def _origin(self, tensor: Tensor) -> Tensor | None:
        if tensor.constant:
            return tensor
        makers = (each for each in self._view.operators if tensor in each.outputs)
        return next((each.inputs[0] for each in makers if each.op == "DEQUANTIZE"), None)


def _kernels(runtime: str) -> Kernels:
    """`litert` runs the default kernels, `litert_reference` those of that name."""
    name = runtime.removeprefix("litert").strip("_").upper()
    return Kernels[name] if name in Kernels.__members__ else Kernels.DEFAULT


def _tensors(view: tflite_view.View) -> list[Tensor]:
    read = [tensor for operator in view.operators for tensor in (*operator.inputs, *operator.outputs) if tensor]
    return [each for each in dict.fromkeys((*view.inputs, *read)) if not each.variable and each.type != "RESOURCE"]


def _inputs(view: tflite_view.View, specs: tuple[TensorSpec, ...]) -> tuple[Node, ...]:
    """The inputs that are quantized: their scale may not fit."""
    return tuple(
        Node(-1, INPUT, spec.name, each.index, (spec.name, each.name), each.shape, _grid(each), _bits(each), (), ())
        for each, spec in zip(view.inputs, specs, strict=True)
        if _grid(each) is not None
    )


def _node(operator: Operator, layer: str, tensor: Tensor, constants: tuple[Constant, ...]) -> Node:
    read = tuple(each.index for each in operator.inputs if each and not each.constant and not each.variable)
    weights = [each.bits for each in constants if each.stored.ndim > 1 and each.stored.dtype.kind in "fi"]
    bits = weights[0] if weights else _bits(tensor)
    named = tuple(dict.fromkeys(filter(None, (layer_of(part) for part in tensor.name.split(";") if "/" in part))))
    return Node(
        operator.index,
        operator.op,
        layer,
        tensor.index,
        (tensor.name,),
        tensor.shape,
        _grid(tensor),
        bits,
        read,
        constants,
        named,
    )


def _grid(tensor: Tensor) -> Grid | None:
    if tensor.type not in _INTEGERS or not tensor.quantized or len(tensor.scales) != 1:
        return None
    ends = np.iinfo(tensor.type.lower())
    return Grid(tensor.scales[0], next(iter(tensor.zero_points), 0), int(ends.min), int(ends.max))


def _bits(tensor: Tensor) -> int:
    return {"FLOAT16": 16, "INT16": 16, "INT8": 8, "UINT8": 8, "BOOL": 8, "INT64": 64}.get(tensor.type, 32)


def _constant(tensor: Tensor, op: str) -> Constant:
    scale = zero = None
    axis = min(_CHANNELS.get(op, 0), max(len(tensor.shape) - 1, 0))
    if tensor.quantized:
        shape = [1] * len(tensor.shape)
        if len(tensor.scales) > 1:
            shape[axis] = len(tensor.scales)
        scale = np.array(tensor.scales).reshape(shape)
        zero = np.array(tensor.zero_points or (0,) * len(tensor.scales)).reshape(shape)
    return Constant(tensor.name, tensor.values, scale, zero, axis, tensor.index)


def _real(stored: Array, tensor: Tensor) -> Array:
    grid = _grid(tensor)
    return stored if grid is None else grid.real(stored)


def _stored(values: Array, tensor: Tensor) -> Array:
    grid, dtype = _grid(tensor), tensor.type.lower()
    shaped = values.reshape(tensor.shape)
    if grid is not None:
        return quantized(shaped, dtype, grid.scale, grid.zero_point)
    return np.ascontiguousarray(shaped, dtype if dtype != "bool" else np.bool_)
