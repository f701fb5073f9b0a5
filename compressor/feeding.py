"""Arrays in the number format that a file's input takes."""

from __future__ import annotations

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, TensorSpec


def whole(array: Array, spec: TensorSpec) -> Array:
    """The array in the input's dtype, contiguous.

    Raises:
        BadInput: the input takes whole numbers, and the array has fractions that would be cut off.
    """
    fractions = array.dtype.kind == "f" and np.dtype(spec.dtype).kind in "iu"
    if fractions and not np.all(array == np.round(array)):
        raise BadInput(f"the input '{spec.name}' takes whole numbers", expected=spec.dtype, received=str(array.dtype))
    return np.ascontiguousarray(array, spec.dtype)
