"""The kernels of an NCNN model; it keeps them flat: rows here are outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compressor.errors import BadInput, Refused
from compressor.kernels import Kernel
from compressor.ncnn_model import container, param, weights
from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.weights import Tensor
from compressor.values import Array


def read(path: Path) -> tuple[Kernel, ...]:
    """Every kernel in the order of the layers, called by the names that pnnx gave them.

    Raises:
        BadInput: the file cannot be read.
    """
    model = container.read(path)
    try:
        layers = param.parse(model.param)
        tensors = weights.read(layers, model.bin)
    except (ValueError, Refused) as error:
        raise BadInput(f"the weights of {path} cannot be read: {error}") from None
    kernels = (
        kernel
        for layer in layers
        for place, tensor in enumerate(tensors.get(layer.name, ()))
        if tensor.tagged and (kernel := _kernel(layer, place, tensor, tensors[layer.name])) is not None
    )
    return tuple(kernels)


def _kernel(layer: Layer, place: int, tensor: Tensor, tensors: tuple[Tensor, ...]) -> Kernel | None:
    rows = layer.number(0)
    if rows < 1 or tensor.values.size % rows:
        return None
    stored = tensor.values.reshape(rows, -1)
    role = f"{layer.kind} {place}"
    if tensor.values.dtype != np.int8:
        return Kernel("", layer.name, role, stored)
    factors = _factors(tensors, rows)
    return None if factors is None else Kernel("", layer.name, role, stored, 1 / factors, np.zeros_like(factors, int))


def _factors(tensors: tuple[Tensor, ...], rows: int) -> Array | None:
    """What real weights were multiplied with, for each row; the last tensor is the factor of the input."""
    if len(tensors) < 3 or (groups := tensors[-2].values.size) < 1 or rows % groups:
        return None
    return np.repeat(tensors[-2].values, rows // groups)[:, None]
