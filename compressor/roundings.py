"""How far a rounding inside a file may move its answers: told by its last operators and by how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compressor import ends, placement
from compressor.errors import CompressorError
from compressor.placing import Listed
from compressor.tflite_edit.graph import Graph
from compressor.tflm import c_array
from compressor.values import TensorSpec

# The largest that an answer can change when one number that it is made of, or for a softmax all of them, move by 1:
# σ'(0) = 1/4; tanh'(0) = 1; of a softmax, p (1 - p) and as much again from the others.
_STEEPEST = {"SOFTMAX": 0.5, "LOGISTIC": 0.25, "TANH": 1.0}
_PASSED_THROUGH = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
_MADE_OF = {".ort": (".onnx", "onnx"), c_array.SUFFIX: (".tflite", "tflite")}
_TFLITE = (".tflite", c_array.SUFFIX)


@dataclass(frozen=True, slots=True)
class Roundings:
    """What is known of a file.

    Attributes:
        operators: how many it has; 0 where that is not known.
        scales: by output, the real number that one integer step stands for; empty where an answer is float.
        steepness: integer steps of an answer that one step before the last operator makes at most; 1 for most.
    """

    operators: int = 0
    scales: Mapping[str, float] = field(default_factory=dict)
    steepness: float = 1.0


def of_file(path: Path, outputs: Sequence[Mapping[str, Any]]) -> Roundings:
    """What a file tells.

    Args:
        outputs: its outputs, as a measuring process names them.
    """
    if path.suffix not in _TFLITE:
        return Roundings(len(_listed(path)))
    graph = Graph(c_array.content(path) if path.suffix == c_array.SUFFIX else path.read_bytes())
    specs = [TensorSpec(each["name"], tuple(each["shape"]), each["dtype"]) for each in outputs]
    scales = {end.spec.name: end.scale for end in ends.of_graph(graph, graph.outputs, specs)}
    if not all(scales.values()):
        return Roundings(len(graph.operators))
    return Roundings(len(graph.operators), scales, max(_steepness(graph, each) for each in graph.outputs))


def work(path: Path) -> int:
    """Multiply-accumulates of one run; 0 where they are not known."""
    return sum(each.macs for each in _listed(path))


def _listed(path: Path) -> Sequence[Listed]:
    """The operators of a file; none where it cannot be read. Files made of another one have the operators of that."""
    suffix, folder = _MADE_OF.get(path.suffix, (path.suffix, path.parent.name))
    rules = placement.load("cpu")
    try:
        return rules.listed(rules.read(path.parent.parent / folder / f"{path.stem}{suffix}"))
    except CompressorError:
        return ()


def _steepness(graph: Graph, output: int) -> float:
    operator = graph.producer(output)
    while operator is not None and graph.code_name(operator) in _PASSED_THROUGH:
        operator = graph.producer(int(operator.inputs[0]))
    steepest = None if operator is None else _STEEPEST.get(graph.code_name(operator))
    if operator is None or steepest is None or not graph.quantized(int(operator.inputs[0])):
        return 1.0
    return max(1.0, steepest * graph.scale(int(operator.inputs[0])) / graph.scale(output))
