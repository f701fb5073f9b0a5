"""Layers that read several tensors: sums and products, and those whose inputs and output share one scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compressor.quantization_aware.wrapper import OBSERVED, Plan

ARITHMETIC = ("Add", "Subtract", "Multiply", "Average")
# TFLite wants one scale for all that they read and make.
SHARED = ("Concatenate", "Maximum", "Minimum")


def plan(kind: str, count: int) -> Plan:
    """How a merging layer of `count` inputs is computed."""
    if kind in SHARED:
        return Plan(_shared, ("output",), None)
    partial = tuple(f"partial_{number}" for number in range(1, count - 1))
    return Plan(_merged, (*partial, *(("sum",) if kind == "Average" else ())), OBSERVED)


def _merged(wrapper: Any, layer: Any, tensors: Any, **_: Any) -> Any:
    kind = type(layer).__name__
    combined: Callable[[Any, Any], Any] = {
        "Add": lambda x, y: x + y,
        "Average": lambda x, y: x + y,
        "Subtract": lambda x, y: x - y,
        "Multiply": lambda x, y: x * y,
    }[kind]
    total = tensors[0]
    for number, tensor in enumerate(tensors[1:]):
        total = combined(wrapper.rounded(f"partial_{number}", total) if number else total, tensor)
    return wrapper.rounded("sum", total) * (1.0 / len(tensors)) if kind == "Average" else total


def _shared(wrapper: Any, layer: Any, tensors: Any, *arguments: Any, **keywords: Any) -> Any:
    """Rounded before as after, within the same ends."""
    given = [wrapper.rounded("output", tensor) for tensor in tensors]
    return wrapper.rounded("output", layer(given, *arguments, **keywords))
