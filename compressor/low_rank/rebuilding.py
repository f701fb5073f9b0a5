"""The model with layers split in two, those of models inside it too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compressor.keras_graph import MadeAgain, nodes, replayed
from compressor.low_rank.amounts import Cut
from compressor.low_rank.layers import InTwo

if TYPE_CHECKING:
    import tf_keras


def layers_inside(model: tf_keras.Model, chosen: set[str]) -> Iterator[Any]:
    """Layers of those names, each once, in the order they run in; of a model inside the model all."""
    seen: set[int] = set()
    for node in nodes(model):
        layer = node.layer
        if id(layer) in seen or layer.name not in chosen:
            continue
        seen.add(id(layer))
        if _is_model(layer):
            yield from layers_inside(layer, {each.name for each in layer.layers})
        else:
            yield layer


def split(model: tf_keras.Model, cuts: Mapping[int, Cut]) -> tf_keras.Model:
    """The same model with some layers in two.

    Args:
        cuts: by the identity of the layer.
    """
    made: dict[int, Callable[..., Any]] = {}

    def again(layer: Any) -> Callable[..., Any]:
        if id(layer) not in made:
            made[id(layer)] = _made(layer, cuts)
        return made[id(layer)]

    return replayed(model, [_input(tensor) for tensor in model.inputs], again)


def _made(layer: Any, cuts: Mapping[int, Cut]) -> Callable[..., Any]:
    if _is_model(layer):
        inner: Callable[..., Any] = split(layer, cuts)
        return inner
    return InTwo(layer, cuts[id(layer)]) if id(layer) in cuts else MadeAgain(layer)


def _is_model(layer: Any) -> bool:
    return hasattr(layer, "_nodes_by_depth")


def _input(tensor: Any) -> Any:
    import tf_keras

    return tf_keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype, name=tensor.node.layer.name)
