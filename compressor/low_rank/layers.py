"""Layers that can be two: Dense and plain convolutions, their costs, and the two that take their place."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import count
from math import prod
from typing import Any

from compressor.keras_graph import MadeAgain
from compressor.low_rank.amounts import Cut, Split, Whole
from compressor.low_rank.factors import Form, factors

_CONVOLUTIONS = ("Conv1D", "Conv2D")


def reason_against(layer: Any) -> str | None:
    """Why a layer stays whole, as part of a sentence; None where it could be split."""
    kind = type(layer).__name__
    if kind == "Dense":
        return None
    if kind not in _CONVOLUTIONS:
        return f"{kind} is not split"
    if layer.groups != 1:
        return "its channels are in groups"
    if layer.data_format != "channels_last":
        return "has its channels on another axis than the last"
    return None


def whole(layer: Any) -> Whole:
    """A layer that can be split, in all ways there are."""
    kernel = layer.kernel.numpy()
    forms: tuple[Form, ...] = ("channels",)
    if kernel.ndim == 4 and min(kernel.shape[:2]) > 1:
        forms = ("channels", "spatial")
    splits = []
    for form in forms:
        taken = factors(kernel, form)
        one, other = (each.size for each in taken.kernels(1))
        # Columns are still to be read, and not yet strided, where a kernel of one column has passed.
        first = sum(_between(*shapes) if form == "spatial" else _positions(shapes[1]) for shapes in _calls(layer))
        second = sum(_positions(made) for _, made in _calls(layer))
        splits.append(Split(taken, first * one + second * other, one + other))
    return Whole(sum(_positions(made) for _, made in _calls(layer)) * kernel.size, kernel.size, tuple(splits))


def _calls(layer: Any) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    for at in range(len(layer.inbound_nodes)):
        yield layer.get_input_shape_at(at), layer.get_output_shape_at(at)


def _positions(made: tuple[Any, ...]) -> int:
    """How often a kernel is applied to one sample; free sizes count as one."""
    return prod(size or 1 for size in made[1:-1])


def _between(read: tuple[Any, ...], made: tuple[Any, ...]) -> int:
    return (made[1] or 1) * (read[2] or 1)


def first_name(layer: Any, taken: Container[str]) -> str:
    """What the first of two layers is called: the layer's name with `_low_rank`, numbered where that is taken."""
    name = f"{layer.name}_low_rank"
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in taken else next(each for each in numbered if each not in taken)


class InTwo:
    """Two layers in a layer's place; the last keeps its name, bias and activation.

    Args:
        first: the name of the other one.
    """

    def __init__(self, layer: Any, cut: Cut, first: str) -> None:
        kernels = cut.split.factors.kernels(cut.rank)
        thin, wide = _settings(layer, cut)
        # What a constraint asks of the kernel, it does not ask of its factors.
        thin |= {"name": first, "use_bias": False, "activation": "linear", "kernel_constraint": None}
        wide |= {"kernel_constraint": None}
        bias = layer.get_weights()[1:]
        self._first = MadeAgain(layer, thin, [kernels[0]])
        self._second = MadeAgain(layer, wide, [kernels[1], *bias])

    def __call__(self, tensor: Any) -> Any:
        return self._second(self._first(tensor))


def _settings(layer: Any, cut: Cut) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of both layers that differ from the layer's."""
    if type(layer).__name__ == "Dense":
        return {"units": cut.rank}, {}
    one = (1,) * (layer.kernel.shape.rank - 2)
    if cut.split.factors.form == "channels":
        plain = {"kernel_size": one, "strides": one, "dilation_rate": one, "padding": "valid"}
        return {"filters": cut.rank}, plain
    parts = {name: getattr(layer, name) for name in ("kernel_size", "strides", "dilation_rate")}
    rows = {name: (value[0], 1) for name, value in parts.items()}
    columns = {name: (1, value[1]) for name, value in parts.items()}
    return {"filters": cut.rank, **rows}, columns
