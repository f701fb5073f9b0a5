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
        layer: name of its layer; one inside a model by its path, `backbone/conv`.
        place: number among the model's weights, the same in every copy of the model.
    """

    layer: str
    name: str
    place: int
    values: Array


def kernels(model: tf_keras.Model) -> tuple[Kernel, ...]:
    """All kernels, in the order of the model's weights, each once."""
    places = {id(weight): place for place, weight in enumerate(model.weights)}
    found: dict[int, Kernel] = {}
    for path, layer in _inside(model):
        for weight in layer.weights:
            place, name = places[id(weight)], str(weight.name).rsplit("/", 1)[-1].split(":")[0]
            if place not in found and weight.shape.rank > 1 and weight.trainable and _is_kernel(name):
                found[place] = Kernel(path, name, place, weight.numpy())
    return tuple(found[place] for place in sorted(found))


def _inside(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer by its path, with whatever it wraps; of a model inside the model its layers instead."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _inside(layer, f"{path}{layer.name}/")
        else:
            yield f"{path}{layer.name}", layer


def _is_kernel(name: str) -> bool:
    return not any(word in name for word in _NO_KERNELS)
