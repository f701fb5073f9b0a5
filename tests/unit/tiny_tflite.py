"""Writes TFLite files of a few operators by hand, with the schema that LiteRT brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_STORED = {
    "BOOL": np.bool_,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FLOAT32": np.float32,
}


class File:
    """A file that grows operator by operator; tensors are told by number."""

    def __init__(self) -> None:
        self._graph, self._model = schema.SubGraphT(), schema.ModelT()
        self._graph.tensors, self._graph.operators, self._graph.inputs = [], [], []
        self._model.version, self._model.subgraphs = 3, [self._graph]
        self._model.buffers, self._model.operatorCodes = [schema.BufferT()], []

    def tensor(
        self,
        shape: Sequence[int],
        kind: str = "INT8",
        scale: float | None = 0.1,
        name: str = "",
        signature: Sequence[int] | None = None,
    ) -> int:
        """A tensor that is computed."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name or f"t{len(self._graph.tensors)}", list(shape), _kind(kind)
        made.shapeSignature = None if signature is None else list(signature)
        if scale is not None and kind in ("INT8", "UINT8", "INT16"):
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [0]
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def input(self, shape: Sequence[int], kind: str = "INT8", **more: Any) -> int:
        """An input of the model."""
        self._graph.inputs.append(self.tensor(shape, kind, **more))
        return int(self._graph.inputs[-1])

    def constant(self, values: Any, kind: str = "INT8", **more: Any) -> int:
        """A tensor with these numbers."""
        array = np.asarray(values, _STORED[kind])
        index, buffer = self.tensor(array.shape, kind, **more), schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        self._graph.tensors[index].buffer = len(self._model.buffers) - 1
        if kind in ("INT32", "INT64") and "scale" not in more:
            self._graph.tensors[index].quantization = None
        return index

    def add(
        self, op: str, inputs: Sequence[int], outputs: Sequence[int], version: int = 1, options: Any = None, **set_: int
    ) -> None:
        """An operator; `set_` are options by name."""
        made, code = schema.OperatorT(), schema.OperatorCodeT()
        builtin = getattr(schema.BuiltinOperator, op, schema.BuiltinOperator.CUSTOM)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
        if builtin == schema.BuiltinOperator.CUSTOM:
            code.customCode = op
        self._model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(self._model.operatorCodes) - 1, list(inputs), list(outputs)
        if set_:
            kind = _OPTIONS[op]
            made.builtinOptions = getattr(schema, f"{kind}T")()
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            for name, value in set_.items():
                setattr(made.builtinOptions, name, value)
        self._graph.operators.append(made)

    def second_graph(self) -> None:
        """Another graph, as a loop would bring it."""
        self._model.subgraphs.append(schema.SubGraphT())

    def content(self, every: bool = False) -> bytes:
        """The file, its outputs those of the last operator, or of every one."""
        import flatbuffers  # type: ignore[import-untyped]

        answering = self._graph.operators if every else self._graph.operators[-1:]
        self._graph.outputs = [place for operator in answering for place in operator.outputs]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


_OPTIONS: Mapping[str, str] = {
    "ARG_MAX": "ArgMaxOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "PACK": "PackOptions",
    "REDUCE_MAX": "ReducerOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUM": "ReducerOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "UNPACK": "UnpackOptions",
}


def _kind(name: str) -> int:
    return int(getattr(schema.TensorType, name))


def conv(file: File, source: int, shape: Sequence[int], name: str = "", **more: Any) -> int:
    """A 3x3 convolution without bias into a tensor of `shape`; returns that."""
    channels = list(file._graph.tensors[source].shape)[-1]
    weights = file.constant(np.ones((shape[-1], 3, 3, channels)), name=f"{name}/Conv2D" if name else "")
    made = file.tensor(shape, name=f"{name}/Relu" if name else "")
    options = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1} | more
    file.add("CONV_2D", [source, weights], [made], version=3, **options)
    return made
