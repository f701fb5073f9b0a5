"""The partition of Google's compiler: one part of the graph goes to the Edge TPU, and nothing behind it.

Confirmed on files that the real compiler made (google-coral/test_data): operators in front that cannot be mapped stay
before the part; it ends at the first one after that cannot be, which takes everything that follows to the CPU with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from compressor.edgetpu import operators
from compressor.edgetpu.operators import Complaint
from compressor.placing import Decision
from compressor.tflite_view import Operator, Tensor, View

_TYPES = ("INT8", "UINT8")
_MOST_LARGE_AXES = 3
# Operators that only LiteRT with TensorFlow's own kernels would run.
_FLEX = "Flex"
ACCELERATED = "the Edge TPU computes it"


def partition(view: View) -> tuple[Decision, ...]:
    """Where each operator runs."""
    refusals = [next(_refusals(operator), None) for operator in view.operators]
    taken = [place for place, refused in enumerate(refusals) if refused is None]
    first = taken[0] if taken else len(refusals)
    end = next((place for place in range(first, len(refusals)) if refusals[place]), len(refusals))
    return tuple(_decided(view, place, refusals[place], first, end) for place in range(len(refusals)))


def _decided(view: View, place: int, refused: Complaint | None, first: int, end: int) -> Decision:
    operator = view.operators[place]
    if first <= place < end:
        return Decision("accelerator", ACCELERATED)
    if operator.custom and operator.op.startswith(_FLEX):
        return Decision(
            "unsupported",
            f"{operator.op} needs TensorFlow's own kernels, which LiteRT lacks",
            "convert with TFLite's operators only",
        )
    if refused is not None:
        consequence = "; this ends the accelerated part, and whatever follows is CPU too" if place == end else ""
        return Decision("cpu", refused[0] + consequence, refused[1])
    last = view.operators[end]
    return Decision(
        "cpu",
        f"it follows {last.op} (operator {end}), which ends the accelerated part: the compiler makes only one",
    )


def _refusals(operator: Operator) -> Iterator[Complaint]:
    if operator.op not in operators.TABLE or operator.custom:
        yield from operators.complaints(operator)
        return
    if not operator.outputs:
        yield "it writes nothing", "convert again"
        return
    for tensor in operator.activations:
        yield from _of_activation(tensor)
    for tensor in operator.constants:
        yield from _of_constant(tensor)
    yield from operators.complaints(operator)


def _of_activation(tensor: Tensor) -> Iterator[Complaint]:
    if tensor.type not in _TYPES:
        kind = tensor.type.lower()
        yield f"the tensor {tensor.title} is {kind}, and the Edge TPU takes int8 or uint8", _whole(kind)
    elif not tensor.quantized:
        yield f"the tensor {tensor.title} has no scale", "convert with full integer quantization"
    elif tensor.dynamic and not tensor.dynamic_in_batch_alone:
        yield f"a size of the tensor {tensor.title} is known only at run time", "convert with constant shapes"
    elif any(size > 1 for size in tensor.shape[:-_MOST_LARGE_AXES]):
        shape = list(tensor.shape)
        yield f"the tensor {tensor.title} is {shape}: only its 3 innermost sizes may be more than 1", "use batch 1"


def _of_constant(tensor: Tensor) -> Iterator[Complaint]:
    if tensor.type in _TYPES:
        if not tensor.quantized:
            yield f"the constant {tensor.title} has no scale", "convert with full integer quantization"
    elif tensor.type not in ("INT32", "INT64"):
        kind = tensor.type.lower()
        yield f"the constant {tensor.title} is {kind}, and the Edge TPU takes int8 or uint8", _whole(kind)


def _whole(kind: str) -> str:
    return "use a recipe with precision int8" + (", and integers at both ends" if kind.startswith("float") else "")
