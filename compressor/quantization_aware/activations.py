"""Activations in int8, as TFLite computes them: which are one operator, which are several, which there are none of.

https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compressor.quantization_aware.wrapper import OBSERVED, Fixed, Plan

# Ends that the int8 kernels fix: steps of 1/256 and 1/128.
_FROM_0_TO_1: Fixed = (0.0, 255 / 256)
_AROUND_0: Fixed = (-1.0, 127 / 128)


@dataclass(frozen=True, slots=True)
class Activation:
    """What an activation needs in int8.

    Attributes:
        output: as in `Plan`.
        fuses: whether the operator before it takes it in, so that nothing is rounded between.
        ranges: as in `Plan`.
    """

    output: str | Fixed | None = OBSERVED
    fuses: bool = False
    ranges: tuple[str, ...] = ()


_KNOWN = {
    "linear": Activation(fuses=True),
    "relu": Activation(fuses=True),
    "relu6": Activation(fuses=True),
    "sigmoid": Activation(_FROM_0_TO_1),
    "softmax": Activation(_FROM_0_TO_1),
    "tanh": Activation(_AROUND_0),
    "hard_sigmoid": Activation(_FROM_0_TO_1, ranges=("scaled",)),
    "swish": Activation(),
    "silu": Activation(),
    "gelu": Activation(),
    "leaky_relu": Activation(),
    "exponential": Activation(),
    "exp": Activation(),
}


def of(function: Any) -> Activation | str:
    """What this activation needs, or why int8 cannot be simulated there."""
    name = getattr(function, "__name__", None) or type(function).__name__
    return _KNOWN.get(name) or f"there is no int8 arithmetic for its activation '{name}'"


def is_linear(function: Any) -> bool:
    """Whether an activation changes nothing."""
    return getattr(function, "__name__", "") == "linear"


def activated(wrapper: Any, function: Any, tensor: Any) -> Any:
    """The activation's answers, rounded inside where it is several operators."""
    name = function.__name__
    if name in ("swish", "silu"):
        import tensorflow as tf

        return tensor * wrapper.rounded_within(tf.sigmoid(tensor), *_FROM_0_TO_1)
    if name == "hard_sigmoid":
        # The ends of what it answers cut off what Keras clips.
        return wrapper.rounded("scaled", tensor * 0.2) + 0.5
    return function(tensor)


def layer(wrapper: Any, inner: Any, tensor: Any, **_: Any) -> Any:
    """A layer `Activation`."""
    return activated(wrapper, inner.activation, tensor)


def plan(function: Any) -> Plan | str:
    """How an activation that stands alone is computed."""
    found = of(function)
    return found if isinstance(found, str) else Plan(layer, found.ranges, found.output)


def rectified(inner: Any) -> tuple[Plan, bool] | str:
    """How a layer `ReLU` is computed, and whether it fuses."""
    if float(inner.threshold):
        return "there is no int8 arithmetic for its threshold"
    if float(inner.negative_slope):
        if inner.max_value is not None:
            return "there is no int8 arithmetic for a slope together with a largest value"
        return Plan(_leaky, (), OBSERVED), False
    if inner.max_value is None or float(inner.max_value) == 6.0:
        return Plan(_called, (), OBSERVED), True
    # What it answers is cut off by its range.
    return Plan(_positive, (), (0.0, float(inner.max_value))), True


def _called(_: Any, inner: Any, tensor: Any, **keywords: Any) -> Any:
    return inner(tensor, **keywords)


def _leaky(_: Any, inner: Any, tensor: Any, **__: Any) -> Any:
    import tensorflow as tf

    return tf.nn.leaky_relu(tensor, float(inner.negative_slope))


def _positive(_: Any, __: Any, tensor: Any, **___: Any) -> Any:
    import tensorflow as tf

    return tf.nn.relu(tensor)
