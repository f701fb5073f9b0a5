"""The graph of a functional tf_keras model: its calls in order, and the same calls again with other layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras


def nodes(model: tf_keras.Model) -> Iterator[Any]:
    """The calls of layers that the model consists of, in the order they run in."""
    by_depth: Mapping[int, list[Any]] = model._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


def flat(tensors: Any) -> list[Any]:
    """Tensors without the structure they came in."""
    import tensorflow as tf

    return list(tf.nest.flatten(tensors))


def replayed(model: tf_keras.Model, given: list[Any], made: Callable[[Any], Callable[..., Any]]) -> tf_keras.Model:
    """A model that makes the same calls.

    Args:
        given: its inputs.
        made: what is called in a layer's place; the same each time it is asked for a layer, so that what is shared
            stays shared.
    """
    import tf_keras

    tensors: dict[str, list[Any]] = {}
    _remember(tensors, model, model.inputs, given)
    for node in nodes(model):
        if node.is_input:
            continue
        arguments, keywords = node.map_arguments(tensors)
        _remember(tensors, model, flat(node.outputs), flat(made(node.layer)(*arguments, **keywords)))
    outputs = [tensors[str(id(tensor))].pop() for tensor in model.outputs]
    return tf_keras.Model(_as_one(given, model.input), _as_one(outputs, model.output), name=model.name)


class MadeAgain:
    """A layer made again; it gets its weights once it is built, which is when it is called.

    Args:
        settings: those that differ.
        weights: instead of the layer's own.
    """

    def __init__(
        self, layer: Any, settings: Mapping[str, Any] | None = None, weights: Sequence[Array] | None = None
    ) -> None:
        config = layer.get_config()
        # Of the first layer of a Sequential model; where it stands now, what it is called with says its shape.
        config.pop("batch_input_shape", None)
        self._layer = type(layer).from_config(config | dict(settings or {}))
        self._weights = layer.get_weights() if weights is None else list(weights)
        self._built = False

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        answer = self._layer(*arguments, **keywords)
        if not self._built:
            self._layer.set_weights(self._weights)
            self._built = True
        return answer


def _remember(tensors: dict[str, list[Any]], model: tf_keras.Model, old: list[Any], new: list[Any]) -> None:
    """As Keras does when it runs a graph: each tensor as often as it is read."""
    for before, now in zip(old, new, strict=True):
        tensors[str(id(before))] = [now] * max(1, model._tensor_usage_count[str(id(before))])


def _as_one(tensors: list[Any], like: Any) -> Any:
    return tensors if isinstance(like, list | tuple) else tensors[0]
