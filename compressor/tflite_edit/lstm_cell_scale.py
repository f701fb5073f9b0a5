"""The scale of an integer LSTM's cell: finer than its kernel computes, the answers would be garbage."""

from __future__ import annotations

import struct
from typing import Any

# Place of the cell among the operator's inputs, and of `scale` in the vtable of its quantization (lite/schema).
_CELL, _SCALE = 19, 8
# lite/kernels/internal/reference/portable_tensor_utils.cc, ApplyTanh: it knows 0 to 6 integer bits, and returns without
# having computed anything for others. The finest scale is that of values within ±1.
_FINEST = 2.0**-15


def with_cells_that_compute(content: bytes) -> bytes:
    """The file with every int16 cell scale at least 2⁻¹⁵; nothing else changes.

    TensorFlow's converter takes the power of two that fits the calibrated cells: where none passed ±0.5, the kernel
    leaves the hyperbolic tangent of the cell out. Nothing else hangs on this scale: the kernel derives all from it.
    """
    from ai_edge_litert import schema_py_generated as schema

    patched = bytearray(content)
    model = schema.Model.GetRootAs(patched, 0)
    fused = (schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM, schema.BuiltinOperator.LSTM)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            if kind in fused and operator.InputsLength() > _CELL and operator.Inputs(_CELL) >= 0:
                _coarsen(patched, graph.Tensors(operator.Inputs(_CELL)), schema)
    return bytes(patched)


def _coarsen(content: bytearray, cell: Any, schema: Any) -> None:
    scales = cell.Quantization()
    if cell.Type() != schema.TensorType.INT16 or scales is None or scales.ScaleLength() != 1:
        return
    if scales.Scale(0) < _FINEST:
        place = scales._tab.Vector(scales._tab.Offset(_SCALE))
        struct.pack_into("<f", content, place, _FINEST)
