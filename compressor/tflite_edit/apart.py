"""A TFLite file whose operators are run each for itself: their inputs are asked for, their outputs answered."""

from __future__ import annotations

from collections.abc import Collection

from compressor.tflite_edit.graph import Graph

# They run other graphs, or keep what others are to read.
NOT_ALONE = ("WHILE", "IF", "CALL", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")


def constants(graph: Graph) -> frozenset[int]:
    """Tensors that are the same for every sample: stored ones, and what operators make of them alone."""
    found = {index for index in range(len(graph.tensors)) if graph.stored(index)}
    for operator in graph.operators:
        read = [int(index) for index in operator.inputs if index >= 0]
        if read and all(index in found for index in read) and not graph.code_name(operator).startswith("VAR"):
            found.update(int(index) for index in operator.outputs)
    return frozenset(found)


def apart(content: bytes, cut: Collection[int]) -> tuple[bytes, dict[int, int], list[int]]:
    """The file with operators cut from one another at these tensors.

    Returns:
        the file; which new tensor takes the place of which of `cut` where it is read; and the tensors that it answers
        with, every output of an operator that can be run alone.
    """
    graph = Graph(content)
    fixed = constants(graph)
    kept = [operator for operator in graph.operators if graph.code_name(operator) not in NOT_ALONE]
    twins: dict[int, int] = {}
    for operator in kept:
        for place, index in enumerate(operator.inputs):
            if int(index) in cut and int(index) not in fixed:
                if int(index) not in twins:
                    twins[int(index)] = graph.add_twin(int(index), like=int(index))
                operator.inputs[place] = twins[int(index)]
    made = {int(index) for operator in kept for index in operator.outputs}
    asked = [index for index in _asked(graph, kept, fixed) if index not in made]
    answered = sorted(made - fixed)
    graph.narrow(kept, asked, answered)
    return graph.packed(), {old: new for old, new in twins.items() if new in asked}, answered


def _asked(graph: Graph, operators: list[object], fixed: frozenset[int]) -> list[int]:
    """What operators read that is neither constant nor kept from the sample before."""
    read = {int(index) for each in operators for index in each.inputs if index >= 0}  # type: ignore[attr-defined]
    return sorted(index for index in read - fixed if not graph.tensor(index).isVariable)
