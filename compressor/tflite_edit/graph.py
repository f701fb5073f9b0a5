"""The main graph of a TFLite file, opened for changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor.values import Array

# schema.fbs asks for it (force_align); Python's flatbuffers heed it only when told.
_ALIGNMENT = 16
_LARGEST_OLD_CODE = 127


class Graph:
    """Operators and tensors of a subgraph, the first unless `number` says so, as the objects of LiteRT's schema."""

    def __init__(self, content: bytes, number: int = 0) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self._model = schema.ModelT.InitFromPackedBuf(content, 0)
        self._graph = self._model.subgraphs[number]
        for operator in self._graph.operators:
            # As they come they are views of the file, which is not to be written to.
            operator.inputs, operator.outputs = _indices(operator.inputs), _indices(operator.outputs)

    @property
    def name(self) -> str:
        """Its name in the file, "" where it has none."""
        return (self._graph.name or b"").decode(errors="replace")

    @property
    def operators(self) -> list[Any]:
        """All operators, in the order they run in."""
        return list(self._graph.operators)

    @property
    def inputs(self) -> list[int]:
        """Tensors that the model is asked with."""
        return [int(index) for index in _indices(self._graph.inputs)]

    @property
    def outputs(self) -> list[int]:
        """Tensors that the model answers with."""
        return [int(index) for index in _indices(self._graph.outputs)]

    @property
    def tensors(self) -> list[Any]:
        """All tensors, constants among them."""
        return list(self._graph.tensors)

    @property
    def graphs(self) -> int:
        """How many subgraphs the file has."""
        return len(self._model.subgraphs)

    def metadata(self, name: str) -> bytes:
        """What the file keeps under a name; nothing where it keeps nothing."""
        for each in self._model.metadata or ():
            if each.name == name.encode():
                data = self._model.buffers[each.buffer].data
                return b"" if data is None else bytes(np.asarray(data, np.uint8))
        return b""

    def tensor(self, index: int) -> Any:
        """A tensor."""
        return self._graph.tensors[index]

    def code(self, operator: Any) -> int:
        """The `BuiltinOperator` of an operator."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))

    def code_name(self, operator: Any) -> str:
        """The name of an operator as TFLite writes it, `CONV_2D`; of a custom operator its own."""
        custom = self._model.operatorCodes[operator.opcodeIndex].customCode
        if custom is not None:
            return str(custom.decode(errors="replace"))
        kinds = vars(self._schema.BuiltinOperator)
        return next((name for name, code in kinds.items() if code == self.code(operator)), f"#{self.code(operator)}")

    def dtype(self, index: int) -> str:
        """The numpy name of a tensor's type; the schema's own number where numpy has none."""
        kind = self._dtypes.get(self.tensor(index).type)
        return f"type {self.tensor(index).type}" if kind is None else np.dtype(kind).name

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a tensor as stored; a free dimension is 1 there."""
        shape = self.tensor(index).shape
        return () if shape is None else tuple(int(size) for size in shape)

    def stored(self, index: int) -> bool:
        """True for a constant: its numbers are in the file."""
        data = self._model.buffers[self.tensor(index).buffer].data
        return data is not None and len(data) > 0

    def producer(self, index: int) -> Any | None:
        """The operator that makes a tensor."""
        return next((each for each in self._graph.operators if index in each.outputs), None)

    def readers(self, index: int) -> list[Any]:
        """The operators that read a tensor."""
        return [each for each in self._graph.operators if index in each.inputs]

    def values(self, index: int) -> Array:
        """The numbers of a constant tensor, as stored."""
        tensor = self.tensor(index)
        stored = np.asarray(self._model.buffers[tensor.buffer].data, np.uint8)
        return stored.view(self._dtypes[tensor.type]).reshape(tuple(tensor.shape))

    def quantized(self, index: int) -> bool:
        """True when a tensor's integers stand for real numbers."""
        quantization = self.tensor(index).quantization
        return quantization is not None and quantization.scale is not None and len(quantization.scale) > 0

    def scale(self, index: int) -> float:
        """The step of a tensor with one scale."""
        return float(self.tensor(index).quantization.scale[0])

    def make_float(self, index: int) -> None:
        """State that a tensor without stored numbers holds float32."""
        tensor = self.tensor(index)
        tensor.type, tensor.quantization = self._schema.TensorType.FLOAT32, None

    def add_twin(self, index: int, like: int | None = None) -> int:
        """A new tensor of the same shape; float32, or of the type of `like`."""
        tensor, twin = self.tensor(index), self._schema.TensorT()
        twin.shape, twin.shapeSignature, twin.hasRank = tensor.shape, tensor.shapeSignature, tensor.hasRank
        twin.name = tensor.name + (b"_float" if like is None else b"_integer")
        twin.type = self._schema.TensorType.FLOAT32
        if like is not None:
            twin.type, twin.quantization = self.tensor(like).type, self.tensor(like).quantization
        return self._add(twin)

    def add_constant(self, name: bytes, values: Array) -> int:
        """A new float32 tensor with these numbers."""
        buffer, tensor = self._schema.BufferT(), self._schema.TensorT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values, np.float32).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        tensor.name, tensor.shape = name, np.asarray(values.shape, np.int32)
        tensor.type, tensor.buffer = self._schema.TensorType.FLOAT32, len(self._model.buffers) - 1
        return self._add(tensor)

    def dequantize_before(self, operator: Any, index: int) -> int:
        """Put a DEQUANTIZE before an operator; returns the new float tensor."""
        twin = self.add_twin(index)
        self._insert(self._position(operator), self._schema.BuiltinOperator.DEQUANTIZE, 2, index, twin)
        return twin

    def quantize_after(self, operator: Any, source: int, index: int) -> None:
        """Put a QUANTIZE after an operator, from the float tensor `source` into `index`."""
        self._insert(self._position(operator) + 1, self._schema.BuiltinOperator.QUANTIZE, 1, source, index)

    def replace(self, index: int, values: Array) -> None:
        """Put other numbers of the same type in a constant's place."""
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values, self._dtypes[self.tensor(index).type]), np.uint8)
        self._model.buffers.append(buffer)
        self.tensor(index).buffer = len(self._model.buffers) - 1

    def round_behind(self, index: int, dtype: str, scale: float, zero_point: int) -> None:
        """Let everyone who reads a float tensor read it after a QUANTIZE and a DEQUANTIZE."""
        readers, maker, outputs = self.readers(index), self.producer(index), self.outputs
        integers, back = self.add_twin(index), self.add_twin(index)
        tensor = self.tensor(integers)
        tensor.type = getattr(self._schema.TensorType, dtype.upper())
        tensor.quantization = self._schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
        for each in readers:
            each.inputs[each.inputs == index] = back
        place = 0 if maker is None else self._position(maker) + 1
        self._insert(place, self._schema.BuiltinOperator.DEQUANTIZE, 2, integers, back)
        self._insert(place, self._schema.BuiltinOperator.QUANTIZE, 1, index, integers)
        self._graph.outputs = _indices([back if each == index else each for each in outputs])
        for each in (end for signature in self._model.signatureDefs or () for end in signature.outputs):
            each.tensorIndex = back if each.tensorIndex == index else each.tensorIndex

    def narrow(self, operators: Sequence[Any], inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Keep these operators alone, and ask and answer with these tensors."""
        self._graph.operators = list(operators)
        self._graph.inputs, self._graph.outputs = _indices(inputs), _indices(outputs)
        # They name the ends as they were.
        self._model.signatureDefs = None

    def packed(self) -> bytes:
        """The changed file."""
        import flatbuffers  # type: ignore[import-untyped]

        for buffer in self._model.buffers:
            buffer.Pack = _AlignedPack(self._schema, buffer)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    @property
    def _dtypes(self) -> dict[int, type[np.generic]]:
        kinds = self._schema.TensorType
        return {
            kinds.FLOAT32: np.float32,
            kinds.FLOAT16: np.float16,
            kinds.INT8: np.int8,
            kinds.INT16: np.int16,
            kinds.INT32: np.int32,
            kinds.INT64: np.int64,
            kinds.UINT8: np.uint8,
            kinds.UINT32: np.uint32,
            kinds.BOOL: np.bool_,
            # A handle: a whole number that names a variable.
            kinds.RESOURCE: np.int32,
        }

    def _add(self, tensor: Any) -> int:
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _position(self, operator: Any) -> int:
        return next(place for place, each in enumerate(self._graph.operators) if each is operator)

    def _insert(self, position: int, code: int, version: int, source: int, destination: int) -> None:
        made = self._schema.OperatorT()
        made.opcodeIndex = self._code_index(code, version)
        made.inputs, made.outputs = _indices([source]), _indices([destination])
        self._graph.operators.insert(position, made)

    def _code_index(self, code: int, version: int) -> int:
        codes = self._model.operatorCodes
        for place, known in enumerate(codes):
            if max(int(known.builtinCode), int(known.deprecatedBuiltinCode)) == code and known.version >= version:
                return place
        new = self._schema.OperatorCodeT()
        new.builtinCode, new.deprecatedBuiltinCode, new.version = code, min(code, _LARGEST_OLD_CODE), version
        codes.append(new)
        return len(codes) - 1


def all_graphs(content: bytes) -> tuple[Graph, ...]:
    """All subgraphs of a file, the main one first."""
    first = Graph(content)
    return (first, *(Graph(content, number) for number in range(1, first.graphs)))


class _AlignedPack:
    """Writes a buffer where its numbers can be read in place."""

    def __init__(self, schema: Any, buffer: Any) -> None:
        self._schema = schema
        self._buffer = buffer

    def __call__(self, builder: Any) -> Any:
        data = None if self._buffer.data is None else np.asarray(self._buffer.data, np.uint8).tobytes()
        if data is not None:
            builder.StartVector(1, len(data), _ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            data = builder.EndVector()
        self._schema.BufferStart(builder)
        if data is not None:
            self._schema.BufferAddData(builder, data)
        return self._schema.BufferEnd(builder)


def _indices(values: Sequence[int] | None) -> Any:
    return np.array([] if values is None else values, np.int32)
