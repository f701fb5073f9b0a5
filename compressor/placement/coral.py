"""What runs on a Coral's Edge TPU, by the documented rules of its compiler and what was seen of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.edgetpu import compiler, operators
from compressor.edgetpu.partition import partition
from compressor.placement import Placement
from compressor.placing import Decision, Placing
from compressor.target import Target
from compressor.tflite_view import View

_COMPILED = "edgetpu-custom-op"
_MIB = 1 << 20


def place(view: View, target: Target) -> Placing:
    """Where the compiler would put each operator.

    `target` states `usable_parameter_cache_bytes`.
    """
    decisions = partition(view)
    parameters = _parameter_bytes(view, decisions)
    cache = int(target.number("usable_parameter_cache_bytes"))
    memory = {
        "parameters_bytes": parameters,
        "parameter_cache_bytes": cache,
        "streamed_bytes": max(0, parameters - cache),
    }
    warnings = (*_of_ends(view), *_of_doubts(view, decisions), *_of_memory(memory))
    return Placing(decisions, tuple(_mistakes(view)), tuple(dict.fromkeys(warnings)), memory)


def _mistakes(view: View) -> Iterator[str]:
    if any(operator.op == _COMPILED for operator in view.operators):
        yield "it is compiled for the Edge TPU already: inspect the file it was made of"
        return
    if view.subgraphs > 1:
        yield f"it has {view.subgraphs} graphs, and the compiler takes one: convert without loops and conditions"
    dynamic = [f"{tensor.name} {list(tensor.signature)}" for tensor in view.inputs if tensor.dynamic]
    if dynamic:
        told = ", ".join(dynamic)
        yield f"the shape of its input is dynamic, {told}: convert with constant shapes and batch 1, as `run` does"
    kinds = {tensor.type for operator in view.operators for tensor in operator.activations}
    if not kinds & {"INT8", "UINT8"}:
        told = ", ".join(sorted(kind.lower() for kind in kinds)) or "nothing"
        yield f"the Edge TPU takes int8, and it computes in {told}: convert to full integers (recipe int8)"


def _of_ends(view: View) -> Iterator[str]:
    ends = [tensor for tensor in (*view.inputs, *view.outputs) if tensor.type.startswith("FLOAT")]
    if ends:
        told = ", ".join(tensor.name for tensor in ends)
        yield f"{told}: float at the ends of the model leaves QUANTIZE and DEQUANTIZE on the CPU"


def _of_doubts(view: View, decisions: Sequence[Decision]) -> Iterator[str]:
    for operator, decision in zip(view.operators, decisions, strict=True):
        if decision.where == "accelerator":
            yield from operators.doubts(operator)


def _of_memory(memory: dict[str, int]) -> Iterator[str]:
    if memory["streamed_bytes"]:
        parameters, cache, streamed = (value / _MIB for value in memory.values())
        yield (
            f"{parameters:.2f} MiB of parameters do not fit the cache ({cache:.2f} MiB): {streamed:.2f} MiB are sent "
            "from the host on each inference"
        )


def _parameter_bytes(view: View, decisions: Sequence[Decision]) -> int:
    accelerated = (each for each, made in zip(view.operators, decisions, strict=True) if made.where == "accelerator")
    constants = {tensor.index: tensor for operator in accelerated for tensor in operator.constants}
    # Shapes, axes and the like have no scale, and become instructions.
    return sum(tensor.bytes for tensor in constants.values() if tensor.quantized)


PLACEMENT = Placement(
    summary="Coral Edge TPU: one part of the graph, int8, by the operators that its compiler takes",
    place=place,
    tool=compiler.PROGRAM,
    tool_help="install it from Google's package repository on x86-64 Debian: https://coral.ai/docs/edgetpu/compiler/",
    compile=compiler.compile_file,
    writes=True,
)
