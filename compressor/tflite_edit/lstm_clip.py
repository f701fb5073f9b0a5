"""The clip of a fused LSTM's cell in TFLite files: TensorFlow's converter sets it to 10, Keras has none."""

from __future__ import annotations

import struct
from typing import Any


def without_cell_clip(content: bytes) -> bytes:
    """The file with every LSTM's `cell_clip` set to 0, which kernels read as none; nothing else changes.

    Fused LSTMs are three operators, whose options are tables with the field `cell_clip` (lite/schema/schema.fbs).
    """
    from ai_edge_litert import schema_py_generated as schema

    kinds = {
        schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions: schema.UnidirectionalSequenceLSTMOptions,
        schema.BuiltinOptions.BidirectionalSequenceLSTMOptions: schema.BidirectionalSequenceLSTMOptions,
        schema.BuiltinOptions.LSTMOptions: schema.LSTMOptions,
    }
    patched = bytearray(content)
    model = schema.Model.GetRootAs(patched, 0)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            kind = kinds.get(operator.BuiltinOptionsType())
            if kind is not None:
                options = operator.BuiltinOptions()
                _clear(patched, kind, options)
    return bytes(patched)


# Of the field's place in the vtable: the second of each of the three tables, after the activation.
_CELL_CLIP = 6


def _clear(content: bytearray, kind: Any, union: Any) -> None:
    options = kind()
    options.Init(union.Bytes, union.Pos)
    offset = options._tab.Offset(_CELL_CLIP)
    # A field at its default is not stored.
    if offset:
        struct.pack_into("<f", content, options._tab.Pos + offset, 0.0)
