"""What a SavedModel's graph may do: compute. Operators that touch files, Python or the network are refused.

A SavedModel is a program (https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md): loading one runs its
initializers, and calling one runs whatever it holds. So its operators are looked at before TensorFlow loads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from compressor.errors import BadInput

# Operators with a state or an effect outside the graph, of which these are variables, calls, random numbers and tables.
_STATEFUL = {
    *("VarHandleOp", "ReadVariableOp", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"),
    *("VarIsInitializedOp", "DestroyResourceOp", "DisableCopyOnRead", "ResourceGather", "ResourceGatherNd"),
    *("StatefulPartitionedCall", "PartitionedCall", "While", "If", "Case", "Assert", "Placeholder"),
    *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "Multinomial"),
    *("StatefulUniform", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "RngReadAndSkip", "RngSkip"),
    *("HashTableV2", "MutableHashTableV2", "LookupTableFindV2", "LookupTableImportV2", "LookupTableSizeV2"),
    *("LookupTableExportV2", "LookupTableInsertV2", "InitializeTableV2"),
}
# Operators that TensorFlow calls stateless although they reach outside, by a word in their names or by their names.
_REACHING = (
    *("PyFunc", "ReadFile", "TextFile", "MatchingFiles", "Debug", "Vocab", "Dataset", "BigQuery", "Remote", "Rpc"),
    *("Reader", "Queue", "Barrier", "TPU", "Collective", "Mlir"),
)
# They read a file, send what they see to an address or a file, or end the process.
_REACHING_NAMES = {
    "ImmutableConst",
    "DecodeProtoV2",
    "EncodeProto",
    "Copy",
    "CopyHost",
    "Abort",
    "Batch",
    "BatchFunction",
}
# What puts weights in place in a SavedModel of TensorFlow 1, and only there.
_RESTORING = {"RestoreV2", "Assign", "VariableV2"}


def check(folder: Path) -> None:
    """Look at every operator that loading or calling the SavedModel could run.

    Raises:
        BadInput: the file is no SavedModel, or names an operator that does more than compute.
    """
    for meta_graph in _parsed(folder).meta_graphs:
        functions = {each.signature.name: each for each in meta_graph.graph_def.library.function}
        restoring = _restoring_nodes(folder, meta_graph)
        roots = list(_reachable_nodes(meta_graph, _ends(meta_graph)))
        names = _called((*roots, *restoring)) | _functions_of_objects(meta_graph)
        for node in (*roots, *restoring, *_nodes_of(functions, names)):
            _check_operator(folder, node)


def _parsed(folder: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    parsed = saved_model_pb2.SavedModel()
    try:
        parsed.ParseFromString((folder / "saved_model.pb").read_bytes())
    except (DecodeError, OSError) as error:
        raise BadInput(
            f"{folder} cannot be read as a SavedModel: {error}", expected="a readable saved_model.pb"
        ) from None
    if not parsed.meta_graphs:
        raise BadInput(f"{folder} cannot be read as a SavedModel: it holds no graph")
    return parsed


def _ends(meta_graph: Any) -> list[str]:
    """Tensors of the main graph that a signature answers with, and operators that an initializer runs."""
    ends = [tensor.name for each in meta_graph.signature_def.values() for tensor in each.outputs.values()]
    return ends + [name for each in meta_graph.collection_def.values() for name in each.node_list.value]


def _restoring_nodes(folder: Path, meta_graph: Any) -> list[Any]:
    """What loading a SavedModel of TensorFlow 1 runs to restore weights, without what may do so.

    Raises:
        BadInput: weights are read from another file than its own.
    """
    if meta_graph.HasField("object_graph_def"):
        return []
    own = _node_name(meta_graph.saver_def.filename_tensor_name)
    nodes = list(_reachable_nodes(meta_graph, [meta_graph.saver_def.restore_op_name]))
    for node in nodes:
        if node.op == "RestoreV2" and _node_name(next(iter(node.input), "")) != own:
            raise BadInput(f"{folder}: '{node.name}' reads weights from another file", expected="its own variables")
    return [node for node in nodes if node.op not in _RESTORING]


def _reachable_nodes(meta_graph: Any, ends: Iterable[str]) -> Iterator[Any]:
    """Nodes of the main graph that have to run for those tensors and operators."""
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    waiting, seen = [_node_name(end) for end in ends], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        yield nodes[name]
        waiting += [_node_name(each) for each in nodes[name].input]


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]


def _functions_of_objects(meta_graph: Any) -> set[str]:
    """Functions that loading hands out as methods, or runs to restore an object."""
    names = set(meta_graph.object_graph_def.concrete_functions)
    for node in meta_graph.object_graph_def.nodes:
        for saveable in node.saveable_objects.values():
            for function in (saveable.save_function, saveable.restore_function):
                owner = meta_graph.object_graph_def.nodes[function] if function else None
                names |= set(owner.function.concrete_functions) if owner is not None else set()
    return names


def _called(nodes: Iterable[Any]) -> set[str]:
    return {
        function.name
        for node in nodes
        for value in node.attr.values()
        for function in ([value.func] if value.func.name else []) + list(value.list.func)
    }


def _nodes_of(functions: dict[str, Any], names: set[str]) -> Iterator[Any]:
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        yield from functions[name].node_def
        waiting += _called(functions[name].node_def)


def _check_operator(folder: Path, node: Any) -> None:
    from tensorflow.python.framework import op_def_registry

    known = op_def_registry.get(node.op)
    reaching = node.op in _REACHING_NAMES or any(word in node.op for word in _REACHING)
    if known is None or reaching or (known.is_stateful and node.op not in _STATEFUL):
        raise BadInput(
            f"{folder}: the operator '{node.op}' ('{node.name}') "
            + ("is not known to TensorFlow" if known is None else "may do more than compute, and is not run"),
            expected="arithmetic, variables, control flow and lookup tables",
            fix="export the model again without it",
        )
