"""Sizes, axes and parameters of operators without weights (rules U9, U10, U12, U13 and U15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import prod

from compressor.ethosu.npu import Npu
from compressor.ethosu.roles import Complaint, given, numbers, padded, read_maps
from compressor.tflite_view import Operator, Tensor

Limit = Callable[[Operator, Npu], Iterator[Complaint]]
_LARGEST_AXIS = 1 << 16
_MOST_ROWS = 1 << 16
_LARGEST_REDUCED_AXIS = 4096
_MOST_REDUCED = {"INT8": 1 << 24, "UINT8": 1 << 23, "INT16": 1 << 16}
_MOST_CLASSES = 127
_LARGEST_32_BIT_CHANNELS = 1 << 14
_PEEPHOLES, _PROJECTIONS, _NORMALIZATIONS = range(9, 12), range(16, 18), range(20, 24)
_INPUT_GATE = 1


def constant_parameters(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Shapes, axes and the like are in the file."""
    read = {tensor.index for tensor in read_maps(operator)}
    for tensor in operator.inputs:
        if tensor is not None and tensor.index not in read and not tensor.constant:
            yield f"its parameter {tensor.title} is computed, and has to be constant", "use fixed numbers"


def padded_by(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Paddings are of 32 or 64 bits."""
    paddings = given(operator, 1)
    if paddings is not None and paddings.type not in ("INT32", "INT64"):
        yield f"its paddings are {paddings.type.lower()}, and have to be int32", "convert again"


def softmax(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Rows of a softmax."""
    for tensor in read_maps(operator):
        rows = prod(padded(tensor.shape)[-3:-1])
        if rows > _MOST_ROWS:
            yield f"it has {rows} rows, more than {_MOST_ROWS}", "leave the softmax to the host"


def mean(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """What an average is taken over."""
    read, axes = given(operator, 0), numbers(given(operator, 1))
    if read is None or axes is None or not read.shape:
        return
    if read.type not in _MOST_REDUCED:
        yield f"it averages {read.type.lower()}, and has to int8 or int16", "use a recipe with precision int8"
        return
    shape = padded(read.shape)
    reduced = {len(shape) - len(read.shape) + axis % len(read.shape) for axis in axes}
    count = prod(shape[axis] for axis in reduced)
    if prod(shape[:-3]) > 1:
        yield f"the batch of {list(shape)} is more than 1", "use batch 1"
    if any(shape[axis] > _LARGEST_REDUCED_AXIS for axis in reduced):
        yield f"it averages over more than {_LARGEST_REDUCED_AXIS} values of one axis", "average in two steps"
    if count > _MOST_REDUCED[read.type]:
        yield f"it averages {count} values, more than {_MOST_REDUCED[read.type]}", "average in two steps"
    if len(shape) - 1 in reduced and 1 not in shape[-3:]:
        yield f"it averages the channels of {list(shape)}", "use a convolution with kernel size 1 and equal weights"


def arg_max(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """The axis of the largest, and its size."""
    read, axis = given(operator, 0), numbers(given(operator, 1))
    if read is None or not axis:
        return
    if read.type not in ("INT8", "UINT8"):
        yield f"it takes int8, and this is {read.type.lower()}", "use a recipe with precision int8"
    if npu.wide:
        return
    if axis[0] not in (-1, len(read.shape) - 1):
        yield "it is not along the last axis", "put the classes last"
    elif read.shape[-1] > _MOST_CLASSES:
        yield f"it chooses of {read.shape[-1]}, more than {_MOST_CLASSES}", "leave it to the host: return the scores"


def same_scales(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Numbers that are compared are of one scale."""
    every = (*read_maps(operator), *operator.outputs)
    if len({(tensor.scales, tensor.zero_points) for tensor in every}) > 1:
        yield "its inputs and its output have different scales", "use ReLU(max_value) for limits that are constant"


def all_outputs(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Parts of a split are all there."""
    parts = operator.option("numSplits")
    if parts != len(operator.outputs):
        yield f"it makes {parts} parts, and {len(operator.outputs)} are written", "use every part, or slice instead"


def slices(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Steps of a strided slice."""
    strides = numbers(given(operator, 3)) or []
    if any(stride < 0 for stride in strides):
        yield "it goes backwards", "use steps of 1 and more"
    elif any(stride != 1 for place, stride in enumerate(strides) if place - len(strides) not in (-3, -2)):
        yield "it skips along the batch or the channels", "skip along height or width, or use pooling"


def transposed_axes(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Axes that change places."""
    read, order = given(operator, 0), numbers(given(operator, 1))
    if read is None or order is None or len(order) != len(read.shape):
        return
    change = "keep height, width and channels in their places"
    if len(order) > 8:
        yield f"it has {len(order)} axes, more than 8", change
    elif not npu.wide:
        missing = 4 - len(order)
        axes = (*range(missing), *(missing + axis for axis in order))
        fits = _fits_32_bit if read.type == "INT32" else _fits
        if not fits(padded(read.shape), axes):
            yield f"it moves the axes of {list(read.shape)} as {order}, of which some are too large", change


def _fits(shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    ends = len(axes) - 3
    if axes == tuple(range(len(axes))):
        return True
    if axes[:ends] == tuple(range(ends)) and prod(shape[:ends]) == 1:
        return max(shape[ends:]) <= _LARGEST_AXIS
    return all(prod(each) <= _LARGEST_AXIS for each in combinations(shape, len(shape) - 2))


def _fits_32_bit(shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    if len(shape) > 4:
        return False
    batch, height, width, channels = shape
    largest = _LARGEST_AXIS
    if axes == (0, 1, 2, 3):
        return channels <= largest
    if axes == (0, 2, 1, 3):
        return batch == 1 and max(height, width) <= largest and channels <= _LARGEST_32_BIT_CHANNELS
    return axes == (0, 1, 3, 2) and max(batch * height, width, channels) <= largest


def lstm(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """The plain LSTM, without its extensions."""

    def there(places: range) -> Tensor | None:
        return next((tensor for place in places if (tensor := given(operator, place)) is not None), None)

    if given(operator, _INPUT_GATE) is None:
        yield "its input gate is coupled with the forget gate", "use a plain LSTM"
    for places, what in (
        (_PEEPHOLES, "peepholes"),
        (_PROJECTIONS, "a projection"),
        (_NORMALIZATIONS, "normalized gates"),
    ):
        if there(places) is not None:
            yield f"it has {what}", "use a plain LSTM"


def gathered(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Rows are taken along the axis behind the batch."""
    axis, batch = operator.option("axis"), operator.option("batchDims")
    if axis != batch:
        yield f"it takes along axis {axis}, and has to along {batch}", "take along the first axis"


def scattered(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Places are known, and none is named twice."""
    places = given(operator, 0)
    if places is None or not places.constant:
        yield "its places are computed, and have to be constant", "use fixed places"
    elif places.shape[-1:] != (1,):
        yield "its places are of more than one axis", "scatter along the first axis"
    elif len(set(numbers(places) or ())) != places.elements:
        yield "it writes to one place twice", "name each place once"


def backwards(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Reversed axes: only the Ethos-U85 has them."""
    if not npu.wide:
        yield "it reverses an axis", "reverse on the host"


def of_types(*kinds: str) -> Limit:
    """A limit: it reads and writes one of these types, and keeps its shape."""

    def limit(operator: Operator, npu: Npu) -> Iterator[Complaint]:
        every = (*read_maps(operator), *operator.outputs)
        if len({tensor.type for tensor in every}) > 1 or any(tensor.type not in kinds for tensor in every):
            told = " to ".join(tensor.type.lower() for tensor in every)
            yield f"it goes from {told}, and has to stay {' or '.join(kinds).lower()}", "use ReLU"
        elif len({tensor.shape for tensor in every}) > 1:
            yield "its output has another shape than its input", "convert again"

    return limit
