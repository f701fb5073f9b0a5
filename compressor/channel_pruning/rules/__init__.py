"""What layers do with channels: one file per kind of layer, found by file name; each defines `RULE`, a `Rule`.

A layer without a rule is left as it is: all its channels stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compressor import registry
from compressor.channel_pruning.channels import Channels, Labels
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

Mask = NDArray[np.bool_]
Shape = tuple[int | None, ...]
# Each answer of these activations hangs on all channels.
_ACROSS = ("softmax", "log_softmax")


def title(layer: tf_keras.layers.Layer) -> str:
    """A layer in messages."""
    return f"{layer.name} ({type(layer).__name__})"


@dataclass(frozen=True, slots=True)
class Call:
    """A layer called on tensors. Labels are of the last axis of each tensor, none where its size is not known.

    Attributes:
        shapes: of the inputs, batch first; `made` are those of the outputs.
        arguments: what it was called with, tensors and all.
    """

    layer: tf_keras.layers.Layer
    inputs: tuple[Labels, ...]
    shapes: tuple[Shape, ...]
    made: tuple[Shape, ...]
    arguments: tuple[Any, ...] = ()

    @property
    def title(self) -> str:
        """The layer in messages."""
        return title(self.layer)


@dataclass(frozen=True, slots=True)
class Kept:
    """Which channels of a layer's inputs and outputs are kept."""

    inputs: tuple[Mask, ...]
    outputs: tuple[Mask, ...]

    @property
    def everything(self) -> bool:
        """Nothing falls."""
        return all(bool(mask.all()) for mask in (*self.inputs, *self.outputs))


def _as_it_is(_: tf_keras.layers.Layer, __: Kept) -> Mapping[str, Any]:
    return {}


def _unchanged(layer: tf_keras.layers.Layer, _: Kept) -> list[Array]:
    return list(layer.get_weights())


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of layer does with channels.

    Attributes:
        layers: names of tf_keras classes.
        follow: labels of the outputs, one array per tensor; None where this layer is used in a way that is not known,
            or a sentence that says why all its channels have to stay.
        settings: of the smaller layer, as far as they differ.
        weights: of the smaller layer.
        scores: per output channel an array of the weights that make it, channels first; for layers that make
            channels of their own.
    """

    layers: tuple[str, ...]
    follow: Callable[[Call, Channels], list[Labels] | str]
    settings: Callable[[Any, Kept], Mapping[str, Any]] = _as_it_is
    weights: Callable[[Any, Kept], list[Array]] = _unchanged
    scores: Callable[[list[Array]], Array] | None = None

    @property
    def resized(self) -> bool:
        """What is made in the place of such a layer may have other settings than it."""
        return self.settings is not _as_it_is


@cache
def _by_class() -> Mapping[str, Rule]:
    found: dict[str, Rule] = {}
    for name in registry.names(__name__):
        rule: Rule = registry.load(__name__, name, "RULE", "rule")
        found |= dict.fromkeys(rule.layers, rule)
    return found


def of(layer: tf_keras.layers.Layer) -> Rule | None:
    """The rule of a layer; None where there is none."""
    return _by_class().get(type(layer).__name__)


def across(layer: Any) -> str | None:
    """Why a layer's channels have to stay where its activation computes each of them from all; None elsewhere."""
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return f"answers with {activation}, which hangs on all channels at once" if activation in _ACROSS else None


def channels_last(layer: Any) -> bool:
    """Whether channels are on the last axis, or the layer knows no such thing."""
    return getattr(layer, "data_format", None) in (None, "channels_last")


CHANNELS_FIRST = "has its channels on another axis than the last"
