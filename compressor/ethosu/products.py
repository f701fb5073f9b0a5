"""Products with weights: their bits, their sums, their bias (rules U6 and U13)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compressor.ethosu.npu import Npu
from compressor.ethosu.roles import Complaint, bias, given, read_maps
from compressor.tflite_view import Operator, Tensor

# Axis of the outputs in weights, as TFLite stores them.
_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": -1, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_LARGEST_MATRIX_AXIS = 1 << 16


def weighted(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Weights of 8 bits whose sums fit the accumulator, and a bias that is constant."""
    stored = given(operator, 1)
    if stored is None or stored.type not in ("INT8", "UINT8"):
        kind = "missing" if stored is None else stored.type.lower()
        yield f"its weights are {kind}, and have to be int8", "use a recipe with precision int8 or int16x8"
    elif stored.constant:
        yield from _of_sum(operator, stored, npu)
    elif operator.op != "FULLY_CONNECTED" and not npu.wide:
        yield f"its weights are computed, and Vela stops at such {operator.op}", "store them in the model"
    added = bias(operator)
    if added is not None:
        yield from _of_bias(added, npu)


def _of_sum(operator: Operator, stored: Tensor, npu: Npu) -> Iterator[Complaint]:
    read = next(read_maps(operator), None)
    axis, shape = _OUTPUT_AXIS[operator.op], stored.shape
    if read is None or not shape:
        return
    zero_point = stored.zero_points[0] if len(stored.zero_points) == 1 else 0
    sums = np.abs(stored.values.astype(np.int64) - zero_point)
    largest = int(np.moveaxis(sums, axis, 0).reshape(shape[axis], -1).sum(1).max(initial=0))
    limit = npu.largest_weight_sum(read.type)
    if largest > limit:
        yield (
            f"absolute weights behind one output add up to {largest}, more than {limit}",
            "use fewer inputs per output, e.g. two layers instead of one",
        )


def _of_bias(added: Tensor, npu: Npu) -> Iterator[Complaint]:
    if not added.constant:
        yield "its bias is computed, and has to be constant", "add it by a layer of its own"
    elif added.type not in ("INT32", "INT64"):
        yield f"its bias is {added.type.lower()}, and has to be int32 or int64", "convert again with full integers"
    elif added.shape and added.shape[-1] != added.elements:
        yield f"its bias {list(added.shape)} is not along the channels", "use a bias of one axis"
    elif added.type == "INT64" and int(added.values.max(initial=0)) > npu.largest_bias:
        yield f"its bias is more than {npu.largest_bias}", "scale the layer before it down"


def dense(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """A matrix product: with constant weights as `weighted`, with computed ones as `matrices`."""
    stored = given(operator, 1)
    if stored is not None and any(size > 1 for size in stored.shape[1:-1]):
        yield f"its weights {list(stored.shape)} are no matrix", "use a Dense layer on one axis"
    if stored is not None and not stored.constant:
        yield from matrices(operator, npu)
    yield from weighted(operator, npu)


def matrices(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """A product of two computed matrices."""
    read = given(operator, 0)
    if npu.wide or read is None or not operator.outputs:
        return
    if read.type != "INT8":
        yield f"a product of two computed matrices is of int8, and this is of {read.type.lower()}", "use precision int8"
    for tensor in (read, operator.outputs[0]):
        if tensor.shape and tensor.shape[-1] > _LARGEST_MATRIX_AXIS:
            yield f"the tensor {tensor.title} has an axis of {tensor.shape[-1]}, more than 65536", "split it"
