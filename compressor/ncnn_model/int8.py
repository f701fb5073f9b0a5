"""int8 weights and scales, as NCNN stores them: `load_model` of the layers, and tools/quantize in Tencent/ncnn.

A scale is what a real number is multiplied with: 127 divided by the largest magnitude. Integers go from -127 to 127,
and are rounded half away from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.weights import Tensor, Weights
from compressor.values import Array

# The parameter 8 of each layer type that computes in int8, as ncnn2int8 writes it: one scale for the input each.
_TERMS = {"Convolution": "2", "ConvolutionDepthWise": "1", "InnerProduct": "2"}
_LARGEST = 127
# NCNN's int8 Winograd kernels for 3×3 convolutions add up transformed weights in 16 bits: 6 bits of weight are left.
_LARGEST_FOR_WINOGRAD = 31


def quantizable(layer: Layer, weights: Weights) -> bool:
    """True for a layer that NCNN computes in int8."""
    return layer.kind in _TERMS and layer.name in weights


def quantized(
    layers: Sequence[Layer], weights: Weights, thresholds: Mapping[str, float]
) -> tuple[tuple[Layer, ...], Weights]:
    """Layers and weights with int8 in every layer that has a threshold, by layer name."""
    chosen = {layer.name for layer in layers if layer.name in thresholds and quantizable(layer, weights)}
    marked = tuple(
        replace(layer, parameters={**layer.parameters, "8": _TERMS[layer.kind]}) if layer.name in chosen else layer
        for layer in layers
    )
    stored = dict(weights)
    for layer in layers:
        if layer.name in chosen:
            stored[layer.name] = _tensors(layer, weights[layer.name], thresholds[layer.name])
    return marked, stored


def _tensors(layer: Layer, floats: Sequence[Tensor], threshold: float) -> tuple[Tensor, ...]:
    kernel, *bias = floats
    groups = layer.number(7, 1) if layer.kind == "ConvolutionDepthWise" else layer.number(0)
    integers, scales = weight_integers(kernel.values.astype(np.float32), groups, largest_integer(layer))
    activation = np.array([scale_of(threshold)], np.float32)
    return Tensor(integers, tagged=True), *bias, Tensor(scales), Tensor(activation)


def largest_integer(layer: Layer) -> int:
    """Of a layer's weights: 31 where NCNN may use Winograd's algorithm, as its own tools have it, else 127."""
    size, height = layer.number(1), layer.number(11, layer.number(1))
    steps = (
        layer.number(2, 1),
        layer.number(12, layer.number(2, 1)),
        layer.number(3, 1),
        layer.number(13, layer.number(3, 1)),
    )
    winograd = layer.kind == "Convolution" and (size, height) == (3, 3) and steps == (1, 1, 1, 1)
    return _LARGEST_FOR_WINOGRAD if winograd else _LARGEST


def weight_integers(values: Array, groups: int, largest: int) -> tuple[Array, Array]:
    """int8 weights and one scale for each of `groups` equal parts of them: output channels, or channels of a depthwise
    convolution."""
    parts = values.reshape(groups, -1)
    scales = np.array([scale_of(part, largest) for part in np.abs(parts).max(axis=1)], np.float32)
    return integers(parts, scales[:, None], largest).ravel(), scales


def scale_of(magnitude: float, largest: int = _LARGEST) -> float:
    """What makes `magnitude` the largest integer; 1 where it is zero, or too small to divide by in float32."""
    with np.errstate(over="ignore", divide="ignore"):
        scale = np.float32(largest) / np.float32(magnitude)
    return float(scale) if np.isfinite(scale) and scale > 0 else 1.0


def integers(values: Array, scales: Array, largest: int) -> Array:
    """Real numbers as int8: scaled, rounded half away from zero, cut off at ±`largest`."""
    scaled = values.astype(np.float64) * scales
    rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    return np.clip(rounded, -largest, largest).astype(np.int8)
