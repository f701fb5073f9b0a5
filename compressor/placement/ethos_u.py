"""What runs on an Ethos-U, by the rules of its compiler Vela: operator by operator, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.ethosu import npu, operators
from compressor.ethosu.npu import Npu
from compressor.placement import Placement
from compressor.placing import Decision, Placing
from compressor.target import Target
from compressor.tflite_view import Operator, View
from compressor.vela import compiler

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_INTEGERS = ("INT8", "UINT8", "INT16")
# Operators that only LiteRT with TensorFlow's own kernels would run.
_FLEX = "Flex"


def place(view: View, target: Target) -> Placing:
    """Where Vela would put each operator.

    `target` states `accelerator_config`.
    """
    unit = npu.of(str(target.facts["accelerator_config"].value))
    decisions = tuple(_decided(operator, unit) for operator in view.operators)
    mistakes = tuple(_mistakes(view, unit))
    return Placing(decisions, mistakes, tuple(_warnings(view, decisions, unit)))


def _decided(operator: Operator, unit: Npu) -> Decision:
    if operator.custom and operator.op.startswith(_FLEX):
        return Decision(
            "unsupported",
            f"{operator.op} needs TensorFlow's own kernels, which TensorFlow Lite Micro lacks",
            "convert with TFLite's operators only",
        )
    refused = next(operators.complaints(operator, unit), None)
    return Decision("cpu", *refused) if refused else Decision("accelerator", f"the {unit.name} computes it")


def _mistakes(view: View, unit: Npu) -> Iterator[str]:
    if any(operator.op == compiler.COMPILED for operator in view.operators):
        yield "it is compiled for an Ethos-U already: inspect the file it was made of"
        return
    kinds = {tensor.type for operator in view.operators for tensor in operator.activations}
    if not kinds & set(_INTEGERS):
        told = ", ".join(sorted(kind.lower() for kind in kinds)) or "nothing"
        yield (
            f"the {unit.name} takes int8 or int16, and it computes in {told}: Vela would leave all of it to the CPU; "
            "convert to full integers (recipe int8)"
        )
        return
    free = [each for each in view.inputs if each.dynamic and not each.dynamic_in_batch_alone]
    if free:
        told = ", ".join(f"{tensor.name} {list(tensor.signature)}" for tensor in free)
        yield f"the shape of its input is dynamic, {told}: convert with constant shapes, as `run` does"
    for operator in view.operators:
        read = next(iter(operator.inputs), None)
        if operator.op == _LSTM and read is not None and read.type not in ("INT8", "INT16"):
            yield (
                f"operator {operator.index} is an LSTM in {read.type.lower()}, at which Vela stops: "
                "keep sums of its gates within ±8, so that it converts to int8"
            )


def _warnings(view: View, decisions: Sequence[Decision], unit: Npu) -> Iterator[str]:
    ends = [tensor.name for tensor in (*view.inputs, *view.outputs) if tensor.type.startswith("FLOAT")]
    if ends:
        yield f"{', '.join(ends)}: float at the ends of the model stays on the CPU"
    booleans = any(tensor.type == "BOOL" for operator in view.operators for tensor in operator.activations)
    if booleans and not unit.wide:
        yield f"it computes with truth values, at which Vela may stop for an {unit.name}"
    if decisions and not any(decision.where == "accelerator" for decision in decisions):
        yield f"all {len(decisions)} operators stay on the CPU: the file would run, and none of it on the {unit.name}"


PLACEMENT = Placement(
    summary="Arm Ethos-U: integer operators one by one, by the rule book of its compiler Vela",
    place=place,
    tool=compiler.PROGRAM,
    tool_help="pip install 'compressor[ethos-u]'",
    compile=compiler.compile_file,
    writes=True,
    estimates=True,
)
