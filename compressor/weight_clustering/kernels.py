"""The kernels of a model: every matrix of weights that multiplies or is looked up, of whatever layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

# Weights of two or more axes in some layers that scale, shift or bend, one number for each value.
_NO_KERNELS = ("bias", "alpha", "gamma", "beta")


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel and where it is.

    Attributes:
        within: name of the model's own layer; that of a model inside it, for what is in there.
        layer: name of the layer itself.
        place: number among the model's weights, the same in every copy of the model.
    """

    within: str
    layer: str
    name: str
    place: int
    values: Array


def kernels(model: tf_keras.Model) -> tuple[Kernel, ...]:
    """All kernels, in the order of the model's weights, each once."""
    places = {id(weight): place for place, weight in enumerate(model.weights)}
    found: dict[int, Kernel] = {}
    for own in model.layers:
        for layer in _inside(own):
            for weight in layer.weights:
                place, name = places[id(weight)], str(weight.name).rsplit("/", 1)[-1].split(":")[0]
                if place not in found and weight.shape.rank > 1 and weight.trainable and _is_kernel(name):
                    found[place] = Kernel(own.name, layer.name, name, place, weight.numpy())
    return tuple(found[place] for place in sorted(found))


def _inside(layer: Any) -> Iterator[Any]:
    """The layers of a model inside the model; else the layer, with whatever it wraps."""
    if not hasattr(layer, "layers"):
        yield layer
        return
    for each in layer.layers:
        yield from _inside(each)


def _is_kernel(name: str) -> bool:
    return not any(word in name for word in _NO_KERNELS)
