"""Answers of another processor against those of this machine: the same file, the same runtime, the same samples.

Tolerances were measured with the same wheels on aarch64 (Cortex-A53 to A76, Neoverse) and x86-64: the reference kernels
give the same integers everywhere, those of XNNPACK differ by a rounding now and then, floats by the order of sums.
"""

from __future__ import annotations

import numpy as np

from compressor import ends
from compressor.report.figures import AgainstHostValue
from compressor.rows import Measured, arrays_of
from compressor.tflite_edit.graph import Graph
from compressor.values import Artifact, Precision, TensorSpec, as_float

_REFERENCE = "litert_reference"
_NCNN = "ncnn"
# Of the largest answer, or of 1 where all are smaller. With int8 weights alone, activations are rounded on the fly.
# NCNN's Winograd convolutions round more, and another way on each architecture; its float16 is the phone's own.
_NCNN_LIMIT, _NCNN_FLOAT16_LIMIT = 1e-5, 1e-3
_FLOAT_LIMITS = {Precision.FLOAT32: 1e-6, Precision.FLOAT16: 1e-6, Precision.DYNAMIC_INT8: 1e-4}
# A rounding grows from layer to layer: of more operators than this, the difference is stated and no matter.
_SHALLOW = 20


def compare(
    found: Measured, here: Measured, artifact: Artifact, runtime: str
) -> tuple[AgainstHostValue, tuple[str, ...]]:
    """How far the other processor's answers are from this machine's, and what is remarkable about it.

    Args:
        found: of the first samples; `here` may have more.
    """
    ours, theirs = arrays_of(found.outputs), arrays_of(here.outputs)
    count = int(found.answer["samples"])
    pairs = {name: (as_float(value), as_float(theirs[name][:count])) for name, value in ours.items()}
    scales, operators = _steps(found, artifact)
    differences = {name: np.abs(one - other) for name, (one, other) in pairs.items()}
    largest = max((float(each.max(initial=0.0)) for each in differences.values()), default=0.0)
    lsb = None
    if scales and all(scales.get(name) for name in differences):
        lsb = max(round(float(each.max(initial=0.0)) / scales[name]) for name, each in differences.items())
    value = AgainstHostValue(
        samples=count,
        values=sum(each.size for each in differences.values()),
        differing_values=sum(int(np.count_nonzero(each)) for each in differences.values()),
        max_abs_error=largest,
        max_lsb=lsb,
    )
    reach = max((float(np.abs(other).max(initial=1.0)) for _, other in pairs.values()), default=1.0)
    return value, _remarks(value, artifact.precision, runtime, operators, reach)


def _remarks(
    value: AgainstHostValue, precision: Precision, runtime: str, operators: int, reach: float
) -> tuple[str, ...]:
    if value.max_lsb is None:
        limit = _float_limit(precision, runtime)
        if limit is None or value.max_abs_error <= limit * max(1.0, reach):
            return ()
        if operators > _SHALLOW:
            return (f"rounding grew to {value.max_abs_error:.1e} over {operators} operators",)
        return (f"out of tolerance: expected at most {limit * max(1.0, reach):.1e} from this machine's answers",)
    if runtime == _REFERENCE:
        return () if value.max_lsb == 0 else ("out of tolerance: reference kernels were to give the same integers",)
    if value.max_lsb <= 1:
        return ()
    if operators > _SHALLOW:
        return (f"a rounding grew to {value.max_lsb} integer steps over {operators} operators",)
    return (f"out of tolerance: expected at most 1 integer step in a network of {operators} operators",)


def _float_limit(precision: Precision, runtime: str) -> float | None:
    """None where answers are float and what is between is integer: a rounding then moves them by any step."""
    limit = _FLOAT_LIMITS.get(precision)
    if limit is None or not runtime.startswith(_NCNN):
        return limit
    return _NCNN_LIMIT if runtime == _NCNN else _NCNN_FLOAT16_LIMIT


def _steps(found: Measured, artifact: Artifact) -> tuple[dict[str, float], int]:
    """The real number that one integer step of each output stands for, 0 where answers are float; and the operators."""
    if artifact.path.suffix != ".tflite":
        return {}, 0
    graph = Graph(artifact.path.read_bytes())
    specs = [TensorSpec(each["name"], tuple(each["shape"]), each["dtype"]) for each in found.answer["outputs"]]
    answers = ends.of_graph(graph, graph.outputs, specs)
    return {end.spec.name: end.scale for end in answers}, len(graph.operators)
