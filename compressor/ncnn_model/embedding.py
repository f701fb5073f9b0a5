"""Embeddings, around pnnx: it leaves ONNX's Gather, which NCNN lacks, and loses track of the batch axis there.

So the graph is cut behind them before pnnx reads it, and NCNN's Embed, which is the same, put in front of what it made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.weights import Tensor, Weights
from compressor.values import Array

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Table:
    """An embedding that was cut off.

    Attributes:
        rows: its weights, one row per number.
        numbers: name of the input that says which rows.
        cut: name of the graph's new input, which takes the rows.
    """

    rows: Array
    numbers: str
    cut: str


def cut_off(model: onnx.ModelProto) -> tuple[Table, ...]:
    """Make inputs of the rows that embeddings give, in place of the row numbers that they take; in graph order."""
    import onnx

    graph = model.graph
    tables: list[Table] = []
    for value in [value for value in graph.input if _is_whole(value)]:
        sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        casts, gathers = _readers(model, value.name)
        if not gathers or len(sizes) != 2:
            continue
        graph.input.remove(value)
        for node, rows in gathers:
            tables.append(Table(rows, value.name, node.output[0]))
            kind = onnx.TensorProto.FLOAT
            graph.input.append(onnx.helper.make_tensor_value_info(node.output[0], kind, [*sizes, rows.shape[1]]))
        for node in [*casts, *(node for node, _ in gathers)]:
            graph.node.remove(node)
    return tuple(tables)


def _is_whole(value: onnx.ValueInfoProto) -> bool:
    import onnx

    return value.type.tensor_type.elem_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


def _readers(model: onnx.ModelProto, name: str) -> tuple[list[onnx.NodeProto], list[tuple[onnx.NodeProto, Array]]]:
    """Casts and Gathers that read an input as row numbers; none where anything else reads it too."""
    import onnx

    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] == name]
    names = {name, *(node.output[0] for node in casts)}
    gathers = []
    for node in model.graph.node:
        if node in casts or not names & set(node.input):
            continue
        table = constants.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or len(table.dims) != 2 or any(attribute.i for attribute in node.attribute):
            return [], []
        gathers.append((node, onnx.numpy_helper.to_array(table)))
    return casts, gathers


def put_back(
    layers: Sequence[Layer],
    weights: Weights,
    tables: Sequence[Table],
    blobs: Mapping[str, str],
    inputs: Sequence[str],
    whole: Collection[str],
) -> tuple[tuple[Layer, ...], Weights]:
    """Layers with every input as a blob in0, in1, … again, and an Embed behind each that names rows.

    Args:
        blobs: those that pnnx made of its graph's inputs, by name.
        inputs: names of all inputs before `cut_off`, in order.
        whole: names of pnnx's inputs that have the batch axis too.
    """
    places = {name: f"in{place}" for place, name in enumerate(inputs)}
    new = {blob: places.get(name, f"rows_{blob}") for name, blob in blobs.items()}
    heads = [Layer("Input", blob, (), (blob,)) for blob in places.values()]
    stored = dict(weights)
    for name, blob in places.items():
        own = [table for table in tables if table.numbers == name]
        read = [blob] if len(own) == 1 else [f"{blob}_{place}" for place in range(len(own))]
        if len(own) > 1:
            heads.append(Layer("Split", f"split_{blob}", (blob,), tuple(read)))
        for table, source in zip(own, read, strict=True):
            rows = new[blobs[table.cut]]
            embed = _embed(table, source, rows)
            heads += _with_first_axis(embed) if table.cut in whole else [embed]
            stored[embed.name] = (Tensor(table.rows.ravel(), tagged=True),)
    rest = [layer for layer in layers if layer.kind != "Input"]
    renamed = [replace(layer, inputs=tuple(new.get(name, name) for name in layer.inputs)) for layer in rest]
    return (*heads, *renamed), stored


def _embed(table: Table, numbers: str, rows: str) -> Layer:
    count, width = table.rows.shape
    parameters = {"0": str(width), "1": str(count), "2": "0", "3": str(width * count)}
    return Layer("Embed", f"embed_{rows}", (numbers,), (rows,), parameters)


def _with_first_axis(embed: Layer) -> list[Layer]:
    """ExpandDims with the one axis 0: a list of length 1."""
    (rows,) = embed.outputs
    flat = f"{rows}_flat"
    return [
        replace(embed, outputs=(flat,)),
        Layer("ExpandDims", f"expand_{rows}", (flat,), (rows,), {"-23303": "1,0"}),
    ]
