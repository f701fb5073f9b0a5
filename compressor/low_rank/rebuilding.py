"""The model with layers split in two, those of models inside it too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compressor.keras_graph import MadeAgain, nodes, replayed
from compressor.low_rank.amounts import Cut
from compressor.low_rank.layers import InTwo, first_name

if TYPE_CHECKING:
    import tf_keras


def layers_inside(model: tf_keras.Model, inside: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer by its path, `backbone/conv` of one in a model inside the model, in the order they run in.

    A layer that several models share has several paths.
    """
    for layer in {id(node.layer): node.layer for node in nodes(model)}.values():
        path = f"{inside}{layer.name}"
        if _is_model(layer):
            yield from layers_inside(layer, f"{path}/")
        else:
            yield path, layer


def split(model: tf_keras.Model, cuts: Mapping[int, Cut]) -> tf_keras.Model:
    """The same model with some layers in two.

    Args:
        cuts: by the identity of the layer.
    """
    # A layer may be in several models, and there too its first part needs a name of its own.
    taken = set(_names(model))
    made: dict[int, Callable[..., Any]] = {}

    def again(layer: Any) -> Callable[..., Any]:
        if id(layer) not in made:
            made[id(layer)] = once(layer)
        return made[id(layer)]

    def once(layer: Any) -> Callable[..., Any]:
        if _is_model(layer):
            inner: Callable[..., Any] = replayed(layer, [_input(tensor) for tensor in layer.inputs], again)
            return inner
        cut = cuts.get(id(layer))
        return MadeAgain(layer) if cut is None else InTwo(layer, cut, first_name(layer, taken))

    return once(model)


def _names(model: tf_keras.Model) -> Iterator[str]:
    for layer in model.layers:
        yield layer.name
        if _is_model(layer):
            yield from _names(layer)


def _is_model(layer: Any) -> bool:
    return hasattr(layer, "_nodes_by_depth")


def _input(tensor: Any) -> Any:
    import tf_keras

    return tf_keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype, name=tensor.node.layer.name)
