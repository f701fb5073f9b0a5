"""What tensors have to be like, whatever the operator: types, shapes, scales (rules U1 to U5)."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.ethosu.npu import Npu
from compressor.ethosu.roles import Complaint, feature_maps, read_maps, weights
from compressor.tflite_view import Operator, Tensor

_NARROW = ("INT8", "UINT8", "INT16", "INT32", "INT64")
_SCALED = ("INT8", "UINT8", "INT16")
_PER_AXIS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_OF_VARIABLES = ("ASSIGN_VARIABLE", "READ_VARIABLE")
_UNSCALED = frozenset({"ARG_MAX", "EXPAND_DIMS", "MIRROR_PAD", "PAD", "PADV2", "QUANTIZE", "TRANSPOSE"})
_UNSCALED_IF_WIDE = _UNSCALED | {
    *("GATHER", "REDUCE_ALL", "REDUCE_ANY", "SCATTER_ND", "SELECT", "SELECT_V2", *_OF_VARIABLES),
}
_ANY_ZERO_POINT = frozenset(
    {"AVERAGE_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
)
_ANY_ZERO_POINT_IF_WIDE = _ANY_ZERO_POINT | {"DIV"}
# They take 32 bits also on an Ethos-U55 or U65.
_ALSO_32_BIT = frozenset(
    {
        *("ADD", "ARG_MAX", "BATCH_MATMUL", "EXPAND_DIMS", "MIRROR_PAD", "MUL", "NEG", "RESHAPE", "SQUEEZE", "SUB"),
        *("SUM", "TRANSPOSE"),
    }
)
# The Ethos-U85 has no way to compute these with 32 bits, and Vela stops at them instead of leaving them to the CPU.
_STOPS_AT_32_BIT = frozenset(
    {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "EXP", "FULLY_CONNECTED", "LEAKY_RELU", "LOGISTIC", "PRELU", "QUANTIZE"),
        *("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "SOFTMAX", "SQUARED_DIFFERENCE", "TANH", "TRANSPOSE_CONV"),
    }
)
_INTEGERS = "use a recipe with precision int8 or int16x8"
_WHOLE = f"{_INTEGERS}, with integers at both ends"


def complaints(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """What in an operator's tensors the unit does not take."""
    if not operator.outputs and operator.op != "ASSIGN_VARIABLE":
        yield "it writes nothing", "convert again"
    for tensor in feature_maps(operator):
        yield from _of_type(operator, tensor, npu)
        yield from _of_shape(operator, tensor)
    yield from _of_scales(operator, npu)
    yield from _of_zero_points(operator, npu)


def _of_type(operator: Operator, tensor: Tensor, npu: Npu) -> Iterator[Complaint]:
    kind = tensor.type.lower()
    if operator.op in _OF_VARIABLES and tensor.type == "RESOURCE":
        return
    if tensor.type not in (*_NARROW, *(("BOOL",) if npu.wide else ())):
        change = _WHOLE if kind.startswith("float") else _INTEGERS
        yield f"the tensor {tensor.title} is {kind}, and the {npu.name} takes integers", change
    elif not npu.wide:
        if tensor.type == "INT64" and operator.op != "ARG_MAX":
            yield f"the tensor {tensor.title} is int64, which the {npu.name} does not take", _INTEGERS
        elif tensor.type == "INT32" and operator.op not in _ALSO_32_BIT:
            yield f"the tensor {tensor.title} is int32, which the {npu.name} does not take in {operator.op}", _INTEGERS
    elif tensor.type in ("INT32", "INT64") and operator.op in _STOPS_AT_32_BIT:
        yield f"the tensor {tensor.title} is {kind}, and Vela stops at {operator.op} with it", _INTEGERS


def _of_shape(operator: Operator, tensor: Tensor) -> Iterator[Complaint]:
    if operator.op in _OF_VARIABLES:
        return
    if tensor.dynamic and not tensor.dynamic_in_batch_alone:
        yield f"a size of the tensor {tensor.title} is known only at run time", "convert with constant shapes"
    elif tensor.shape == () and not tensor.constant:
        yield f"the tensor {tensor.title} has no axis", "keep one axis, as Reshape((1,)) does"


def _of_scales(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Numbers of 32 bits and booleans need none."""
    unscaled = _UNSCALED_IF_WIDE if npu.wide else _UNSCALED
    for tensor in (*feature_maps(operator), *weights(operator)):
        if operator.op in unscaled or tensor.type not in _SCALED:
            continue
        if not tensor.scales or not tensor.zero_points:
            yield f"the tensor {tensor.title} has no scale or no zero point", "convert with full integer quantization"
        elif not tensor.quantized:
            yield f"a scale of the tensor {tensor.title} is not positive", "convert with full integer quantization"
    for tensor in feature_maps(operator):
        if operator.op not in _PER_AXIS and len(tensor.scales) > 1:
            yield f"the tensor {tensor.title} has a scale per channel", "use one scale for all of an activation"


def _of_zero_points(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    if operator.op in (_ANY_ZERO_POINT_IF_WIDE if npu.wide else _ANY_ZERO_POINT):
        return
    read = {tensor.index for tensor in read_maps(operator)}
    for tensor in feature_maps(operator):
        for zero_point in tensor.zero_points[:1]:
            if not _takes(tensor, zero_point, npu, tensor.index in read):
                yield (
                    f"the zero point of the tensor {tensor.title} ({tensor.type.lower()}) is {zero_point}",
                    "convert with symmetric quantization of what is no int8",
                )


def _takes(tensor: Tensor, zero_point: int, npu: Npu, read: bool) -> bool:
    if not npu.wide:
        return not (tensor.type == "INT32" and zero_point) and not (tensor.type.startswith("U") and zero_point < 0)
    if tensor.type == "UINT8":
        return 0 <= zero_point <= 255
    return -128 <= zero_point <= 127 if tensor.type == "INT8" or not read else zero_point == 0
