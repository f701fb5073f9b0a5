"""A softmax over many classes stays float in integer files: one scale of 1/256 for all of them leaves nothing."""

from __future__ import annotations

from typing import Any

from compressor import large_softmax
from compressor.tflite_edit.graph import Graph


def with_float_softmax(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The file with each such softmax that is an output computed, and answered, in float32; and notes that say so.

    Integer kernels fix the step of a softmax, 1/256 in int8 and 1/32768 in int16 (TFLite's quantization
    specification). Where the classes are so many that one step is as much as each has on average, most likelihoods
    become 0. Other outputs stay as they are.
    """
    graph = Graph(content)
    chains = [chain for output in graph.outputs if _collapses(graph, chain := _back_to_softmax(graph, output))]
    if not chains:
        return content, ()
    # Two outputs may be two shapes of one softmax.
    freed = list({id(operator): operator for chain in chains for operator in chain}.values())
    softmaxes = list({id(chain[-1]): chain[-1] for chain in chains}.values())
    notes = [_told(graph, softmax) for softmax in softmaxes]
    for softmax in softmaxes:
        softmax.inputs[0] = graph.dequantize_before(softmax, int(softmax.inputs[0]))
    for operator in freed:
        _make_output_float(graph, operator, freed)
    return graph.packed(), tuple(dict.fromkeys(notes))


def _collapses(graph: Graph, chain: list[Any]) -> bool:
    return (
        bool(chain)
        and graph.quantized(int(chain[-1].outputs[0]))
        and large_softmax.collapses(*_steps(graph, chain[-1]))
    )


def _steps(graph: Graph, softmax: Any) -> tuple[int, float]:
    """Number of classes and the step of their likelihoods."""
    answers = int(softmax.outputs[0])
    return int(graph.tensor(answers).shape[-1]), graph.scale(answers)


def _told(graph: Graph, softmax: Any) -> str:
    note = large_softmax.note(*_steps(graph, softmax))
    return f"{note}; an accelerator that takes integers only leaves it to the CPU"


def _back_to_softmax(graph: Graph, output: int) -> list[Any]:
    """The operators from the one that makes an output back to a softmax, with nothing but changes of shape between."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    shaping = (BuiltinOperator.RESHAPE, BuiltinOperator.SQUEEZE, BuiltinOperator.EXPAND_DIMS, BuiltinOperator.TRANSPOSE)
    chain: list[Any] = []
    operator = graph.producer(output)
    while operator is not None:
        chain.append(operator)
        if graph.code(operator) == BuiltinOperator.SOFTMAX:
            return chain
        operator = graph.producer(int(operator.inputs[0])) if graph.code(operator) in shaping else None
    return []


def _make_output_float(graph: Graph, operator: Any, freed: list[Any]) -> None:
    """State that an operator answers in float; who else reads the integers gets a copy of them."""
    index = int(operator.outputs[0])
    readers = [each for each in graph.readers(index) if not any(each is other for other in freed)]
    if readers:
        copy = graph.add_twin(index, like=index)
        for reader in readers:
            reader.inputs[reader.inputs == index] = copy
        graph.quantize_after(operator, index, copy)
    graph.make_float(index)
