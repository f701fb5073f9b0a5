"""The operators that each generation of the Ethos-U computes, with their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from compressor.ethosu import products, shapes, tensors, windows
from compressor.ethosu.npu import Npu
from compressor.ethosu.roles import Complaint
from compressor.ethosu.shapes import Limit
from compressor.tflite_view import Operator

_PARAMETERS = (shapes.constant_parameters,)
_PADDED = (*_PARAMETERS, shapes.padded_by)
_SAME_SCALES = (shapes.same_scales,)
_SPLIT = (shapes.all_outputs,)
_RESIZED = (windows.resized,)
_EIGHT_BITS = ("INT8", "UINT8")
# On every generation.
_LIMITS: Mapping[str, tuple[Limit, ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("ABS", "ADD", "CONCATENATION", "EXP", "EXPAND_DIMS", "LEAKY_RELU", "LOGISTIC", "MUL", "NEG", "PACK"),
                *("PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"),
                *("RESHAPE", "SQUARED_DIFFERENCE", "SQUEEZE", "SUB", "SUM", "TANH", "UNPACK"),
            ),
            (),
        ),
        "ARG_MAX": (shapes.arg_max,),
        "AVERAGE_POOL_2D": (windows.moved, windows.averaged),
        "BATCH_MATMUL": (products.matrices,),
        "CONV_2D": (products.weighted, windows.moved),
        "DEPTHWISE_CONV_2D": (products.weighted, windows.moved_per_channel),
        "ELU": (shapes.of_types("INT8"),),
        "FULLY_CONNECTED": (products.dense,),
        "GELU": (shapes.of_types(*_EIGHT_BITS),),
        "HARD_SWISH": (shapes.of_types(*_EIGHT_BITS),),
        "LOG": (shapes.of_types("INT8", "INT16"),),
        "MAXIMUM": _SAME_SCALES,
        "MAX_POOL_2D": (windows.moved, windows.pooled),
        "MEAN": (*_PARAMETERS, shapes.mean),
        "MINIMUM": _SAME_SCALES,
        "MIRROR_PAD": _PADDED,
        "PAD": _PADDED,
        "PADV2": _PADDED,
        "RESIZE_BILINEAR": _RESIZED,
        "RESIZE_NEAREST_NEIGHBOR": _RESIZED,
        "REVERSE_V2": (shapes.backwards,),
        "RSQRT": (shapes.of_types("INT8", "INT16"),),
        "SLICE": _PARAMETERS,
        "SOFTMAX": (shapes.softmax,),
        "SPLIT": _SPLIT,
        "SPLIT_V": _SPLIT,
        "STRIDED_SLICE": (*_PARAMETERS, shapes.slices),
        "TILE": _PARAMETERS,
        "TRANSPOSE": (*_PARAMETERS, shapes.transposed_axes),
        "TRANSPOSE_CONV": (products.weighted, windows.transposed),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": (shapes.lstm,),
    }
)
_LIMITS_IF_WIDE: Mapping[str, tuple[Limit, ...]] = MappingProxyType(
    {
        **_LIMITS,
        **dict.fromkeys(
            (
                *("ASSIGN_VARIABLE", "CAST", "DIV", "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"),
                *("LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "NOT_EQUAL", "READ_VARIABLE", "REDUCE_ALL"),
                *("REDUCE_ANY", "SELECT", "SELECT_V2"),
            ),
            (),
        ),
        "GATHER": (shapes.gathered,),
        "SCATTER_ND": (shapes.scattered,),
    }
)
_WITHOUT = "leave it out of the model, or to the host"
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "CAST": "feed the integers that the model's own input takes, or use an Ethos-U85",
        "DEQUANTIZE": "leave the output in integers and apply its scale on the host",
        "GATHER": "look up the embedding on the host, or use an Ethos-U85",
        "L2_NORMALIZATION": "normalize on the host",
        "SQRT": "use RSQRT, as x * rsqrt(x)",
    }
)


def names(npu: Npu) -> tuple[str, ...]:
    """Every operator that a generation computes."""
    return tuple(sorted(_table(npu)))


def complaints(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """What in an operator the unit does not take; nothing where it takes it.

    Raises:
        BadInput: a constant that a limit looks at is damaged.
    """
    limits = None if operator.custom else _table(npu).get(operator.op)
    if limits is None:
        kind = "a custom operator" if operator.custom else "not in its table of operators"
        yield f"the {npu.name} does not compute {operator.op}: {kind}", _INSTEAD.get(operator.op, _WITHOUT)
        return
    yield from tensors.complaints(operator, npu)
    for limit in limits:
        yield from limit(operator, npu)


def _table(npu: Npu) -> Mapping[str, tuple[Limit, ...]]:
    return _LIMITS_IF_WIDE if npu.wide else _LIMITS
