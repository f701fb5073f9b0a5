"""TFLite files made by hand, for tests that need no converter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

KINDS, CODES = schema.TensorType, schema.BuiltinOperator


class TfliteFile:
    """Tensors and operators are added in order; everything not stored is an activation."""

    def __init__(self) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []

    def tensor(
        self,
        name: str,
        *shape: int,
        kind: int = KINDS.INT8,
        values: Any = None,
        variable: bool = False,
        scales: Sequence[float] = (0.5,),
    ) -> int:
        """A tensor's number."""
        made = schema.TensorT()
        made.name, made.shape, made.type, made.isVariable, made.buffer = name, list(shape), kind, variable, 0
        if kind != KINDS.FLOAT32 and scales:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = list(scales), [0] * len(scales)
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None) -> None:
        """An operator; `name` as TFLite writes it, any other is custom. `options` of the schema's own class."""
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        number = vars(CODES).get(name, CODES.CUSTOM)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        if number == CODES.CUSTOM:
            code.customCode = name
        self.model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(self.model.operatorCodes) - 1, list(inputs), list(outputs)
        if options is not None:
            made.builtinOptions = options
            made.builtinOptionsType = vars(schema.BuiltinOptions)[type(options).__name__.removesuffix("T")]
        self.graph.operators.append(made)

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file."""
        import flatbuffers

        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def relu_chain(*sizes: int) -> bytes:
    """int8 values from one RELU to the next; the first size is the input's."""
    made = TfliteFile()
    tensors = [made.tensor(f"t{place}", 1, size) for place, size in enumerate(sizes)]
    for before, after in pairwise(tensors):
        made.operator("RELU", [before], [after])
    return made.content(tensors[:1], tensors[-1:])


def float_lstm_with_int8_weights() -> bytes:
    """A fused LSTM of 2 units over 3 inputs, 24 operands, computing in float with int8 weights."""
    made = TfliteFile()
    x = made.tensor("x", 1, 4, 3, kind=KINDS.FLOAT32)
    operands = [x, *[-1] * 23]
    for place in range(1, 5):
        operands[place] = made.tensor(f"w{place}", 2, 3, values=np.ones((2, 3), np.int8))
        operands[place + 4] = made.tensor(f"r{place}", 2, 2, values=np.ones((2, 2), np.int8))
        operands[place + 11] = made.tensor(f"b{place}", 2, kind=KINDS.FLOAT32, values=np.zeros(2, np.float32))
    operands[18] = made.tensor("h", 1, 2, kind=KINDS.FLOAT32, variable=True)
    operands[19] = made.tensor("c", 1, 2, kind=KINDS.FLOAT32, variable=True)
    y = made.tensor("y", 1, 4, 2, kind=KINDS.FLOAT32)
    options = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    made.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], options)
    return made.content([x], [y])
