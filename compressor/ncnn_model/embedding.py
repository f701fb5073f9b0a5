"""Embeddings: pnnx leaves ONNX's Gather, which NCNN lacks; NCNN's Embed is the same on a table of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.weights import Tensor, Weights


def fused(layers: Sequence[Layer], weights: Weights) -> tuple[tuple[Layer, ...], Weights]:
    """Put an Embed in place of each Gather on a table, and take away the guards that pnnx needed.

    Embed keeps row numbers within the table itself.
    """
    tables = {layer.outputs[0]: layer for layer in layers if layer.kind == "MemoryData" and _is_table(layer)}
    gathers = [layer for layer in layers if layer.kind == "Gather" and not layer.parameters]
    gathers = [layer for layer in gathers if len(layer.inputs) == 2 and layer.inputs[0] in tables]
    if not gathers:
        return tuple(layers), weights
    embeds = {layer.name: _embed(layer, tables[layer.inputs[0]]) for layer in gathers}
    stored = dict(weights)
    for layer in gathers:
        (table,) = stored[tables[layer.inputs[0]].name]
        stored[layer.name] = (Tensor(table.values, tagged=True),)
    read = {name for layer in layers if layer.name not in embeds for name in layer.inputs}
    left = [embeds.get(layer.name, layer) for layer in layers if not _is_left_over(layer, tables, read)]
    kept = _without_guards(left)
    names = {layer.name for layer in kept}
    return tuple(kept), {name: tensors for name, tensors in stored.items() if name in names}


def _is_table(layer: Layer) -> bool:
    return layer.number(0) > 0 and layer.number(1) > 0 and not layer.number(2) and not layer.number(11)


def _is_left_over(layer: Layer, tables: dict[str, Layer], read: set[str]) -> bool:
    return layer in tables.values() and layer.outputs[0] not in read


def _embed(gather: Layer, table: Layer) -> Layer:
    width, rows = table.number(0), table.number(1)
    parameters = {"0": str(width), "1": str(rows), "2": "0", "3": str(width * rows)}
    return Layer("Embed", gather.name, gather.inputs[1:], gather.outputs, parameters)


def _without_guards(layers: Sequence[Layer]) -> list[Layer]:
    """Without each Clip whose result nothing but an Embed reads: it would read row numbers as float32."""
    kept = list(layers)
    for clip in [layer for layer in layers if layer.kind == "Clip"]:
        readers = [layer for layer in kept if clip.outputs[0] in layer.inputs]
        if readers and all(reader.kind == "Embed" for reader in readers):
            kept = [
                replace(layer, inputs=clip.inputs) if layer in readers else layer for layer in kept if layer is not clip
            ]
    return kept
