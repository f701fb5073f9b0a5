"""The operators that the Edge TPU computes, with their limits.

Limits are those of "TensorFlow models on the Edge TPU" (https://coral.ai/docs/edgetpu/models-intro/) for runtime 14.
`versions` are those seen in the compiled part of files that the real compiler made (google-coral/test_data); a newer
one is not known to be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from compressor.tflite_view import Operator, Tensor

# What is wrong, and what to do.
Complaint = tuple[str, str]
Limit = Callable[[Operator], Iterator[Complaint]]
_SOFTMAX_ELEMENTS = 16_000
# Refused by the real compiler: 1x1 to 33x33x256, and to 513x513x19.
_REFUSED_SCALE, _REFUSED_ELEMENTS = 33, 513 * 513 * 19
# Taken by it: 64x64 to 128x128x32 (https://github.com/google-coral/edgetpu/issues/31).
_TAKEN_SCALE, _TAKEN_ELEMENTS = 2, 128 * 128 * 32
_BATCH = "keep the batch axis as it is"


@dataclass(frozen=True, slots=True)
class Supported:
    """One operator of the table."""

    versions: tuple[int, ...] = ()
    limits: tuple[Limit, ...] = ()
    weights: tuple[int, ...] = ()


def complaints(operator: Operator) -> Iterator[Complaint]:
    """What in an operator the Edge TPU does not take; nothing where it takes it.

    Raises:
        BadInput: a constant that a limit looks at is damaged.
    """
    known = TABLE.get(operator.op)
    if known is None or operator.custom:
        kind = "a custom operator" if operator.custom else "not in its table of operators"
        yield f"the Edge TPU does not compute {operator.op}: {kind}", _INSTEAD.get(operator.op, _WITHOUT)
        return
    for place in known.weights:
        weights = operator.inputs[place] if place < len(operator.inputs) else None
        if weights is not None and not weights.constant:
            yield "its weights are computed, and have to be constant", "store them in the model"
    for limit in known.limits:
        yield from limit(operator)


def doubts(operator: Operator) -> Iterator[str]:
    """Why it is not certain that the compiler takes an operator that no rule refuses."""
    known = TABLE.get(operator.op, Supported())
    if operator.version > max(known.versions, default=0):
        seen = f"up to {max(known.versions)}" if known.versions else "none"
        yield (
            f"{operator.op} version {operator.version} (versions seen to be accepted: {seen}): the compiler may leave "
            "it on the CPU ('Operation version not supported'), or refuse the file"
        )
    if _not_too_far_resized in known.limits and _further_than_seen(operator):
        yield f"{operator.op} to {list(operator.outputs[0].shape)}: the compiler may refuse it by size"


def _input(operator: Operator, place: int) -> Tensor | None:
    return operator.inputs[place] if place < len(operator.inputs) else None


def _constant(operator: Operator, place: int) -> list[int] | None:
    tensor = _input(operator, place)
    return None if tensor is None or not tensor.constant else [int(each) for each in tensor.values.reshape(-1)]


def _sizes_above_one(tensor: Tensor) -> int:
    return sum(size > 1 for size in tensor.shape)


def _no_activation(operator: Operator) -> Iterator[Complaint]:
    if operator.option("fusedActivationFunction"):
        yield f"{operator.op} has a fused activation function", "put the activation after another operator"


def _only_zeros_joined(operator: Operator) -> Iterator[Complaint]:
    for constant in operator.constants:
        zeros = bool(np.all(constant.values == (constant.zero_points or (0,))[0]))
        if len(operator.inputs) != 2 or not zeros:
            yield "it joins a constant, which has to be all zeros and one of two inputs", "join computed tensors only"


def _same_dilation(operator: Operator) -> Iterator[Complaint]:
    # Options that are not stored are the schema's default, 1.
    across, down = operator.option("dilationWFactor") or 1, operator.option("dilationHFactor") or 1
    if across != down:
        yield f"its dilation is {down} in y and {across} in x", "use the same dilation in both"


def _default_weights(operator: Operator) -> Iterator[Complaint]:
    if operator.option("weightsFormat"):
        yield "its weights are in another format than the default", "convert without shuffled weights"


def _flat_output(operator: Operator) -> Iterator[Complaint]:
    if _sizes_above_one(operator.outputs[0]) > 1:
        shape = list(operator.outputs[0].shape)
        yield f"its output {shape} is not one-dimensional", "use Conv2D with kernel size 1, or Flatten before Dense"


def _alpha_per_channel(operator: Operator) -> Iterator[Complaint]:
    alpha = _input(operator, 1)
    if alpha is not None and any(size > 1 for size in alpha.shape[:-1]):
        yield f"its alpha {list(alpha.shape)} is not one-dimensional", "use PReLU(shared_axes=[1, 2])"


def _not_packed_on_batch(operator: Operator) -> Iterator[Complaint]:
    if operator.option("axis") in (0, -len(operator.outputs[0].shape)):
        yield "it packs along the batch", _BATCH


def _not_reduced_on_batch(operator: Operator) -> Iterator[Complaint]:
    read, axes = _input(operator, 0), _constant(operator, 1)
    if read is None or axes is None:
        yield "its axes are computed, and have to be constant", "reduce along fixed axes"
        return
    rank = len(read.shape)
    if any(axis % max(rank, 1) == 0 for axis in axes):
        yield "it reduces the batch", _BATCH


def _multiple_of_four(operator: Operator) -> Iterator[Complaint]:
    read, axes = _input(operator, 0), _constant(operator, 1)
    if read is None or axes is None or len(read.shape) < 2:
        return
    if any(axis % len(read.shape) == len(read.shape) - 1 for axis in axes) and read.shape[-1] % 4:
        yield f"it averages {read.shape[-1]} channels, no multiple of 4", "use a multiple of 4 channels"


def _not_padded_on_batch(operator: Operator) -> Iterator[Complaint]:
    paddings = _constant(operator, 1)
    if paddings is None:
        yield "its paddings are computed, and have to be constant", "pad by fixed numbers"
    elif any(paddings[:2]):
        yield "it pads the batch", _BATCH


def _not_too_far_resized(operator: Operator) -> Iterator[Complaint]:
    read, made = _input(operator, 0), operator.outputs[0]
    if read is None or len(read.shape) != 4 or len(made.shape) != 4:
        yield "it resizes no picture of height, width and channels", "resize (1, height, width, channels)"
        return
    if _scale(read, made) >= _REFUSED_SCALE or made.elements >= _REFUSED_ELEMENTS:
        sizes = [f"{height}x{width}x{channels}" for _, height, width, channels in (read.shape, made.shape)]
        yield (
            f"it resizes {sizes[0]} to {sizes[1]}, too far to be precise on the Edge TPU",
            "resize in smaller steps, on the host after the model, or broadcast by UpSampling or Concatenate",
        )


def _further_than_seen(operator: Operator) -> bool:
    read, made = _input(operator, 0), operator.outputs[0]
    return read is not None and (_scale(read, made) > _TAKEN_SCALE or made.elements > _TAKEN_ELEMENTS)


def _scale(read: Tensor, made: Tensor) -> float:
    sizes = zip(read.shape[1:3], made.shape[1:3], strict=False)
    return max((after / max(before, 1) for before, after in sizes), default=1.0)


def _not_split_on_batch(operator: Operator) -> Iterator[Complaint]:
    axis, read = _constant(operator, 0), _input(operator, 1)
    if not axis or read is None:
        yield "its axis is computed, and has to be constant", "split along a fixed axis"
    elif axis[0] % max(len(read.shape), 1) == 0:
        yield "it splits the batch", _BATCH


def _plain_slices(operator: Operator) -> Iterator[Complaint]:
    strides = _constant(operator, 3)
    if strides is None or any(stride != 1 for stride in strides):
        yield "its strides are not all 1", "take whole ranges, or use pooling"
    if operator.option("ellipsisMask") or operator.option("newAxisMask"):
        yield "it has an ellipsis or a new axis", "name every axis, and use Reshape for a new one"


def _flat_and_short(operator: Operator) -> Iterator[Complaint]:
    read = operator.outputs[0]
    if _sizes_above_one(read) > 1:
        yield f"its input {list(read.shape)} is not one-dimensional", "put the softmax on the host, after the model"
    elif read.elements > _SOFTMAX_ELEMENTS:
        yield f"it has {read.elements} elements, more than {_SOFTMAX_ELEMENTS}", "leave the softmax to the host"


_POOL = (_no_activation,)
_RESIZE = (_not_too_far_resized,)
_REDUCE = (_not_reduced_on_batch,)
TABLE: Mapping[str, Supported] = MappingProxyType(
    {
        "ADD": Supported((1, 2)),
        "AVERAGE_POOL_2D": Supported((1,), _POOL),
        "CONCATENATION": Supported((1, 2), (_no_activation, _only_zeros_joined)),
        "CONV_2D": Supported((1, 3), (_same_dilation,), weights=(1, 2)),
        "DEPTHWISE_CONV_2D": Supported((1, 2, 3), (_same_dilation,), weights=(1, 2)),
        "EXPAND_DIMS": Supported(),
        "FULLY_CONNECTED": Supported((4,), (_default_weights, _flat_output), weights=(1, 2)),
        "L2_NORMALIZATION": Supported(),
        "LOGISTIC": Supported((2,)),
        "MAXIMUM": Supported(),
        "MAX_POOL_2D": Supported((), _POOL),
        "MEAN": Supported((), (*_REDUCE, _multiple_of_four)),
        "MINIMUM": Supported(),
        "MUL": Supported((2,)),
        "PACK": Supported((), (_not_packed_on_batch,)),
        "PAD": Supported((2,), (_not_padded_on_batch,)),
        "PRELU": Supported((), (_alpha_per_channel,), weights=(1,)),
        "QUANTIZE": Supported((1,)),
        "REDUCE_MAX": Supported((), _REDUCE),
        "REDUCE_MIN": Supported((), _REDUCE),
        "RELU": Supported(),
        "RELU6": Supported(),
        "RELU_N1_TO_1": Supported(),
        "RESHAPE": Supported((1,)),
        "RESIZE_BILINEAR": Supported((1, 3), _RESIZE),
        "RESIZE_NEAREST_NEIGHBOR": Supported((), _RESIZE),
        "RSQRT": Supported(),
        "SLICE": Supported(),
        "SOFTMAX": Supported((1, 2), (_flat_and_short,)),
        "SPACE_TO_DEPTH": Supported(),
        "SPLIT": Supported((1,), (_not_split_on_batch,)),
        "SQUARED_DIFFERENCE": Supported(),
        "SQUEEZE": Supported(),
        "STRIDED_SLICE": Supported((), (_plain_slices,)),
        "SUB": Supported((2,)),
        "SUM": Supported((), _REDUCE),
        "TANH": Supported(),
        # Not in the table of the documentation, and mapped in deeplab_mobilenet_edgetpu_slim_cityscapes.
        "TILE": Supported((1,)),
        "TRANSPOSE": Supported(),
        "TRANSPOSE_CONV": Supported((), (), weights=(1,)),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": Supported((1,), (), weights=tuple(range(1, 9))),
    }
)
_WITHOUT = "leave it out of the model, or put it last and on the host"
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "ARG_MAX": "leave it to the host: return the scores",
        "CAST": "feed the integers that the model's own input takes",
        "DEQUANTIZE": "leave the output in int8 and apply its scale on the host",
        "ELU": "use ReLU, or PReLU(shared_axes=[1, 2])",
        "GELU": "use ReLU",
        "HARD_SWISH": "use ReLU6",
        "LEAKY_RELU": "use ReLU, or PReLU(shared_axes=[1, 2]) with a fixed alpha",
    }
)
