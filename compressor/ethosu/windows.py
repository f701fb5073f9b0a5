"""Windows that move over pictures: strides, kernels, resizing (rules U7, U8, U11 and U14)."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.ethosu.npu import Npu
from compressor.ethosu.roles import Complaint, given, padded, read_maps
from compressor.tflite_view import Operator

_SAME = 0
_LARGEST_STRIDE = 3
_LARGEST_SAME_KERNEL = 8
_LARGEST_HEIGHT, _LARGEST_PRODUCT = 256, 256 * 256
_FACTORS = (2.0, 4.0, 8.0)
_LARGEST_FACTOR, _LARGEST_ALIGNED_FACTOR = 1024, 2048
_SMALLER = "use strides of 3 and less, e.g. two layers instead of one"


def _stride(operator: Operator) -> tuple[int, int]:
    # Options that are not stored are the schema's default.
    return operator.option("strideH") or 1, operator.option("strideW") or 1


def _dilation(operator: Operator) -> tuple[int, int]:
    return operator.option("dilationHFactor") or 1, operator.option("dilationWFactor") or 1


def _kernel(operator: Operator) -> tuple[int, int]:
    weights = given(operator, 1)
    if weights is not None and len(weights.shape) == 4:
        return weights.shape[1], weights.shape[2]
    return operator.option("filterHeight") or 1, operator.option("filterWidth") or 1


def _size(operator: Operator) -> tuple[int, int]:
    read = next(read_maps(operator), None)
    return (1, 1) if read is None else (padded(read.shape)[-3], padded(read.shape)[-2])


def _pads(operator: Operator) -> bool:
    """Whether padding SAME adds anything: where the windows fit as they are, Vela sees VALID."""
    if operator.option("padding") != _SAME:
        return False
    edges = zip(_size(operator), _kernel(operator), _stride(operator), _dilation(operator), strict=True)
    return any(
        (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 > size
        for size, kernel, stride, dilation in edges
    )


def moved(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Strides above 3 need windows that touch no edge and are not dilated."""
    stride, made = _stride(operator), padded(operator.outputs[0].shape)[-3:-1] if operator.outputs else (1, 1)
    # A window that takes one step only does not move.
    steps = [step for step, size in zip(stride, made, strict=True) if size > 1]
    if npu.wide or max(steps, default=1) <= _LARGEST_STRIDE:
        return
    if _pads(operator) or max(_dilation(operator)) > 1:
        yield f"it moves by {stride[0]}x{stride[1]}, more than 3, with padding or dilation", _SMALLER


def moved_per_channel(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Strides of a depthwise convolution."""
    stride = _stride(operator)
    if not npu.wide and max(stride) > _LARGEST_STRIDE:
        yield f"it moves by {stride[0]}x{stride[1]}, more than 3", _SMALLER


def averaged(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Windows of an average; those over an edge are counted in fewer bits."""
    kernel = _kernel(operator)
    if not _pads(operator):
        yield from pooled(operator, npu)
    elif max(kernel) > _LARGEST_SAME_KERNEL:
        yield (
            f"it averages {kernel[0]}x{kernel[1]} with padding, more than 8x8",
            "use padding VALID, or smaller windows",
        )


def pooled(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Windows of any pooling."""
    height, width = _kernel(operator)
    if height > _LARGEST_HEIGHT or height * width > _LARGEST_PRODUCT:
        yield f"its window is {height}x{width}, larger than 256 rows or 65536 values", "pool in two steps"


def transposed(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Strides of a transposed convolution, and that its output is as large as they make it."""
    (height, width), (high, wide), size = _stride(operator), _kernel(operator), _size(operator)
    line, column = size[0] == high == 1, size[1] == wide == 1
    taken = ((1, 1), (2, 2), *(((1, 2),) if line else ()), *(((2, 1),) if column else ()))
    if not npu.wide and (height, width) not in taken:
        yield f"it moves by {height}x{width}, and has to by 1x1 or 2x2", "use strides of 1 or 2"
    made = padded(operator.outputs[0].shape)[-3:-1] if operator.outputs else ()
    extra = (0, 0) if operator.option("padding") == _SAME else (max(high - height, 0), max(wide - width, 0))
    expected = (size[0] * height + extra[0], size[1] * width + extra[1])
    if made and made != expected:
        yield f"its output is {made[0]}x{made[1]} and not {expected[0]}x{expected[1]}", "leave output_padding out"


def resized(operator: Operator, npu: Npu) -> Iterator[Complaint]:
    """Factors of a resize."""
    if not operator.outputs:
        return
    before, after = _size(operator), padded(operator.outputs[0].shape)[-3:-1]
    aligned, centred = bool(operator.option("alignCorners")), bool(operator.option("halfPixelCenters"))
    factors = tuple(_factor(old, new, aligned) for old, new in zip(before, after, strict=True))
    told = f"it resizes {before[0]}x{before[1]} to {after[0]}x{after[1]}"
    bilinear = operator.op == "RESIZE_BILINEAR"
    if npu.wide:
        yield from _of_wide(told, factors, aligned, centred, bilinear and before != (1, 1))
    elif before != (1, 1) and before != after and not _taken(after, factors, centred and bilinear):
        allowed = "2" if centred and bilinear else "2, 4 or 8"
        yield f"{told}, and the factor has to be {allowed} in both", "use UpSampling2D(2), several times if need be"


def _of_wide(
    told: str, factors: tuple[float, ...], aligned: bool, centred: bool, interpolates: bool
) -> Iterator[Complaint]:
    if aligned and centred:
        yield "it aligns corners and has half-pixel centres", "choose one of both"
    elif max(factors) > (_LARGEST_ALIGNED_FACTOR if aligned else _LARGEST_FACTOR):
        yield f"{told}, too far", "resize in smaller steps"
    elif interpolates and any(factor < 1 or int(factor) & (int(factor) - 1) or factor % 1 for factor in factors):
        yield f"{told}, and factors have to be powers of two", "use UpSampling2D(2), several times if need be"


def _factor(before: int, after: int, aligned: bool) -> float:
    if aligned and before > 1 and after > 1:
        return (after - 1) / (before - 1)
    return after / max(before, 1)


def _taken(after: tuple[int, ...], factors: tuple[float, ...], only_two: bool) -> bool:
    (height, width), (high, wide) = after, factors
    if high != wide:
        if (1, 1.0) not in ((height, high), (width, wide)):
            return False
        high = max(high, wide)
    return high in (_FACTORS[:1] if only_two else _FACTORS)
