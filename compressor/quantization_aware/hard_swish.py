"""x · relu6(x + 3) / 6, written out in a graph: TFLite has one operator for it, where nothing rounds inside.

Howard et al., "Searching for MobileNetV3" (arXiv:1905.02244).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compressor.quantization_aware import kinds, operations
from compressor.quantization_aware.calls import Call, Value

_ADDS, _MULTIPLIES = ("math.add", "__operators__.add"), ("math.multiply", "__operators__.multiply")


def inside(call: Call) -> tuple[Call, ...]:
    """The calls that become one with this product: none where it is no hard-swish."""
    if not _is_product(call) or len(call.reads) != 2:
        return ()
    for other, gate in (call.reads, call.reads[::-1]):
        found = _gate(gate, other)
        if found:
            return found
    return ()


def _gate(gate: Value, tensor: Value) -> tuple[Call, ...]:
    share = gate.maker
    if share is None or not _only(gate) or _constant(share, _MULTIPLIES) is None:
        return ()
    if not np.isclose(_constant(share, _MULTIPLIES) or 0, 1 / 6, rtol=1e-5):
        return ()
    cut = share.reads[0].maker
    if cut is None or not _only(cut.makes[0]) or not _is_relu6(cut):
        return ()
    moved = cut.reads[0].maker
    if moved is None or not _only(moved.makes[0]) or _constant(moved, _ADDS) != 3.0:
        return ()
    return (share, cut, moved) if moved.reads[0] is tensor else ()


def _only(value: Value) -> bool:
    return len(value.readers) == 1 and not value.leaves


def _is_product(call: Call) -> bool:
    return type(call.layer).__name__ == "Multiply" or operations.name(call.layer) in _MULTIPLIES


def _is_relu6(call: Call) -> bool:
    if type(call.layer).__name__ == "ReLU":
        return kinds.is_rectified(call) and call.layer.max_value is not None and float(call.layer.max_value) == 6.0
    return operations.name(call.layer) == "nn.relu6"


def _constant(call: Call, functions: tuple[str, ...]) -> float | None:
    """The number beside the only tensor that an operation reads; None where that is not what it does."""
    if operations.name(call.layer) not in functions or len(call.reads) != 1:
        return None
    given: list[Any] = [*call.node.call_args, *call.node.call_kwargs.values()]
    found = [each for each in given if isinstance(each, int | float) and not isinstance(each, bool)]
    return float(found[0]) if len(found) == 1 else None
