"""Which kernels of a model are pruned, and why others are left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import TYPE_CHECKING, Any

from compressor.errors import unknown
from compressor.weight_pruning.patterns import GROUP, PATTERNS, Structure

if TYPE_CHECKING:
    import tf_keras

# As Keras's layers call what they multiply with; layers of one's own are free to do so too.
_KERNELS = ("kernel", "recurrent_kernel", "pointwise_kernel", "embeddings")
_DEPTHWISE = "depthwise_kernel"
_DENSE = "Dense"
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "SeparableConv2D")
# They compute with numbers that are no kernels, which a reader may look for among the pruned.
_CONSTANT = ("Normalization", "Rescaling")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A kernel to prune.

    Attributes:
        layer: its layer; one inside a model by its path, `backbone/conv`.
        place: among the model's weights, which is the same in every copy of it.
        size: how many weights it has.
    """

    layer: str
    place: int
    size: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The kernels to prune, and why others are left alone, by layer."""

    chosen: tuple[Chosen, ...]
    left_alone: dict[str, str]


def choose(model: tf_keras.Model, layers: Sequence[str], skip: Sequence[str], structure: Structure) -> Choice:
    """The kernels of the layers that `layers` selects and `skip` leaves, models inside the model looked through.

    A pattern is meant for a layer's name, its path, or a model that it is in.

    Raises:
        BadInput: a pattern matches no layer of the model.
    """
    found = dict(paths(model))
    check_patterns("layer of this model (prune)", (*layers, *skip), list(found))
    selected = {
        path: layer
        for path, layer in found.items()
        if any(matches(path, each) for each in layers) and not any(matches(path, each) for each in skip)
    }
    places = {id(weight): place for place, weight in enumerate(model.weights)}
    chosen: dict[int, Chosen] = {}
    left_alone = {}
    for path, layer in selected.items():
        fit, why = _kernels(layer, structure)
        chosen |= {id(each): Chosen(path, places[id(each)], int(each.shape.num_elements())) for each in fit}
        if why:
            left_alone[path] = why
    return Choice(tuple(chosen.values()), left_alone)


def paths(model: tf_keras.Model, inside: str = "") -> Iterator[tuple[str, tf_keras.layers.Layer]]:
    """Every layer by its path; of a model inside the model its layers instead."""
    for layer in model.layers:
        path = f"{inside}{layer.name}"
        if hasattr(layer, "layers"):
            yield from paths(layer, f"{path}/")
        else:
            yield path, layer


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern is meant for the layer of a path: by its name, the path, or a model that it is in."""
    parts = path.split("/")
    whole = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
    return any(fnmatchcase(name, pattern) for name in (*whole, parts[-1]))


def check_patterns(kind: str, patterns: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a pattern that is meant for none of the known paths; `kind` says what they are.

    Raises:
        BadInput: with the nearest name.
    """
    for pattern in patterns:
        if not any(matches(path, pattern) for path in known):
            raise unknown(kind, pattern, list(known))


def _kernels(layer: tf_keras.layers.Layer, structure: Structure) -> tuple[list[Any], str]:
    """The kernels of a layer that can be pruned, and why others, or all, are left alone."""
    fit, reasons = [], []
    for owner, weight in _weights(layer):
        if why := _unfit(owner, weight, structure):
            reasons.append(why)
        else:
            fit.append(weight)
    if not fit and not reasons and _worth_naming(layer):
        reasons.append("it has no kernel")
    return fit, "; ".join(dict.fromkeys(reasons))


def _weights(layer: tf_keras.layers.Layer) -> Iterator[tuple[Any, Any]]:
    """Weights of two or more dimensions, each with the innermost layer that it belongs to."""
    import tf_keras

    inner = [each for each in layer.submodules if isinstance(each, tf_keras.layers.Layer)]
    owners = sorted((layer, *inner), key=lambda each: -len(each.weights))
    owner_of = {id(weight): owner for owner in owners for weight in owner.weights}
    for weight in layer.weights:
        if weight.shape.rank > 1:
            yield owner_of[id(weight)], weight


def _unfit(owner: Any, weight: Any, structure: Structure) -> str:
    """Why a weight is left alone, "" where it is not."""
    name = weight.name.split("/")[-1].partition(":")[0]
    if name == _DEPTHWISE:
        return "a depthwise kernel has few weights, and each is felt"
    if name not in _KERNELS:
        return "it has no kernel" if type(owner).__name__ in _CONSTANT else f"its weight '{name}' is no kernel"
    if not weight.trainable or not owner.trainable:
        return "it is frozen: what is left of it could not recover"
    return "" if structure == "none" else _misfit(owner, tuple(weight.shape), structure)


def _misfit(owner: Any, shape: tuple[int, ...], structure: Structure) -> str:
    """Why a kernel cannot have that structure."""
    kind, pattern = type(owner).__name__, PATTERNS[structure]
    if kind != _DENSE and kind not in _CONVOLUTIONS:
        return f"{structure} is for convolutions and Dense"
    if pattern.blocks and (prod(shape[:-2]) > 1 or getattr(owner, "groups", 1) > 1):
        return f"{structure} is for 1x1 convolutions and Dense"
    assert pattern.grouped_along is not None
    count = shape[pattern.grouped_along]
    if count % GROUP:
        ends = "outputs" if pattern.grouped_along == -1 else "inputs"
        return f"its {count} {ends} are no multiple of {GROUP}"
    return ""


def _worth_naming(layer: tf_keras.layers.Layer) -> bool:
    own = not type(layer).__module__.startswith("tf_keras.") and bool(layer.weights)
    return own or type(layer).__name__ in _CONSTANT
