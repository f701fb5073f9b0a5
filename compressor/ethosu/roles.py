"""What an operator's inputs are for: feature maps, weights, a bias, or parameters such as shapes and axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from compressor.tflite_view import Operator, Tensor

# What is wrong, and what to do.
Complaint = tuple[str, str]
_WEIGHTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "CONV_2D": (1,),
        "DEPTHWISE_CONV_2D": (1,),
        "FULLY_CONNECTED": (1,),
        "TRANSPOSE_CONV": (1,),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": tuple(range(1, 9)),
    }
)
_BIAS: Mapping[str, int] = MappingProxyType(
    {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
)
# Of all other operators every input is a feature map.
_FEATURE_MAPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("ARG_MAX", "CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "FULLY_CONNECTED", "MEAN", "MIRROR_PAD"),
                *("PAD", "PADV2", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "RESHAPE"),
                *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SPLIT_V", "STRIDED_SLICE"),
                *("SUM", "TILE", "TRANSPOSE", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
            ),
            (0,),
        ),
        "ASSIGN_VARIABLE": (1,),
        "READ_VARIABLE": (),
        "SCATTER_ND": (0, 1),
        "SPLIT": (1,),
        "TRANSPOSE_CONV": (2,),
    }
)


def given(operator: Operator, place: int) -> Tensor | None:
    """An input, None where it is left out."""
    return operator.inputs[place] if place < len(operator.inputs) else None


def read_maps(operator: Operator) -> Iterator[Tensor]:
    """The feature maps that it reads; a constant can be one."""
    places = _FEATURE_MAPS.get(operator.op, range(len(operator.inputs)))
    yield from (tensor for place in places if (tensor := given(operator, place)) is not None)


def feature_maps(operator: Operator) -> Iterator[Tensor]:
    """Those that it reads, and those that it writes."""
    yield from read_maps(operator)
    yield from operator.outputs


def weights(operator: Operator) -> Iterator[Tensor]:
    """Its weights, of an LSTM those of all gates."""
    places = _WEIGHTS.get(operator.op, ())
    yield from (tensor for place in places if (tensor := given(operator, place)) is not None)


def bias(operator: Operator) -> Tensor | None:
    """Its bias, None where it has none."""
    place = _BIAS.get(operator.op)
    return None if place is None else given(operator, place)


def numbers(tensor: Tensor | None) -> list[int] | None:
    """The whole numbers of a constant; None of what is computed.

    Raises:
        BadInput: the constant is damaged.
    """
    return None if tensor is None or not tensor.constant else [int(each) for each in tensor.values.reshape(-1)]


def padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape of at least batch, height, width and channels."""
    return (*(1,) * (4 - len(shape)), *shape)
