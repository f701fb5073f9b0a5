"""float16 storage: half the bytes; NCNN widens them to float32 where a device has no float16 arithmetic."""

from __future__ import annotations

import numpy as np

from compressor.ncnn_model.weights import Tensor, Weights

_LARGEST = float(np.finfo(np.float16).max)


def stored(weights: Weights) -> tuple[Weights, tuple[str, ...]]:
    """Weights in float16 wherever NCNN takes them so, and notes; what is out of float16's range stays float32."""
    halved = {name: tuple(map(_half, tensors)) for name, tensors in weights.items()}
    kept = [
        name
        for name, tensors in halved.items()
        if any(tensor.tagged and tensor.values.dtype != np.float16 for tensor in tensors)
    ]
    note = (f"weights beyond {_LARGEST:.0f} stay float32: {', '.join(kept)}",) if kept else ()
    return halved, note


def _half(tensor: Tensor) -> Tensor:
    fits = np.abs(tensor.values).max(initial=0.0) <= _LARGEST
    return Tensor(tensor.values.astype(np.float16), tagged=True) if tensor.tagged and fits else tensor
