"""The layer that computes as integers would: around a layer of the model, which keeps its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

# Stands for a range that calibration samples decide.
OBSERVED = "observed"
Fixed = tuple[float, float]
Arithmetic = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one call is computed.

    Attributes:
        arithmetic: (wrapper, layer, arguments as the layer takes them) → what the layer answers, rounded inside.
        ranges: names of the tensors inside that are rounded within observed ranges.
        output: range of what it answers: `OBSERVED`, fixed ends, or None where nothing is rounded.
        simulated: whether training feels the rounding.
        symmetric: ranges are as wide on both sides of zero.
    """

    arithmetic: Arithmetic
    ranges: tuple[str, ...] = ()
    output: str | Fixed | None = None
    simulated: bool = True
    symmetric: bool = False


class Rounding:
    """What arithmetic asks of its wrapper.

    Args:
        low, high: variables of the observed ranges, by name.
    """

    def __init__(self, plan: Plan, low: dict[str, Any], high: dict[str, Any]) -> None:
        self.plan, self.low, self.high = plan, low, high
        self.observing = self.in_training = False

    def start_observing(self) -> None:
        """Widen ranges instead of rounding, from nothing on."""
        self.observing = True
        for end in (*self.low.values(), *self.high.values()):
            end.assign(0.0)

    def end_observing(self) -> None:
        """Round from now on; what was always zero is given room, since it need not stay so."""
        self.observing = False
        for tag, low in self.low.items():
            if self.high[tag].numpy() <= low.numpy():
                self.high[tag].assign(1.0)

    def rounded(self, tag: str, tensor: Any) -> Any:
        """A tensor as it comes through eight bits within its observed range."""
        import tensorflow as tf

        low, high = self.low[tag], self.high[tag]
        if self.observing:
            # Zero is always within, as the integers of TFLite want it.
            low.assign(tf.minimum(low, tf.reduce_min(tensor)))
            high.assign(tf.maximum(high, tf.reduce_max(tensor)))
            return tensor
        if self._unfelt:
            return tensor
        if self.plan.symmetric:
            high = tf.maximum(-low, high)
            low = -high
        return tf.quantization.fake_quant_with_min_max_vars(tensor, low, high, 8, self.plan.symmetric)

    def rounded_within(self, tensor: Any, low: float, high: float) -> Any:
        """A tensor as it comes through eight bits within a range that arithmetic fixes."""
        import tensorflow as tf

        if self._unfelt:
            return tensor
        if self.plan.symmetric:
            high = max(-low, high)
            low = -high
        return tf.quantization.fake_quant_with_min_max_args(tensor, low, high, 8, self.plan.symmetric)

    def weights_rounded(self, kernel: Any, channels: tuple[int, ...]) -> Any:
        """A kernel on the grid of symmetric int8, one scale for each channel; gradients pass as they are."""
        import tensorflow as tf

        if self._unfelt:
            return kernel
        axes = [axis for axis in range(len(kernel.shape)) if axis not in channels]
        return on_grid(tf.convert_to_tensor(kernel), axes)

    @property
    def _unfelt(self) -> bool:
        return self.in_training and not self.plan.simulated


def on_grid(kernel: Any, axes: list[int]) -> Any:
    """Round to 127 steps on both sides of zero, with one scale for all that lies along `axes`."""
    import tensorflow as tf

    largest = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True)
    # A channel without weights has no step.
    step = tf.where(largest > 0, largest / 127.0, tf.ones_like(largest))
    return kernel + tf.stop_gradient(tf.round(kernel / step) * step - kernel)


@cache
def _layer_class() -> Any:
    import tensorflow as tf
    import tf_keras

    class Quantized(tf_keras.layers.Layer):  # type: ignore[misc]
        """A call of a layer, rounded as its plan says."""

        def __init__(self, layer: Any, plan: Plan, training: bool | None, name: str, shared: Any) -> None:
            super().__init__(name=name, dtype="float32")
            self.layer, self._said = layer, training
            self.supports_masking = layer.supports_masking
            tags = [*plan.ranges, *(["output"] if plan.output == OBSERVED else [])]
            low, high = ({tag: self._end(f"{tag}_{end}") for tag in tags} for end in ("low", "high"))
            if shared is not None and "output" in tags:
                low["output"], high["output"] = shared.low["output"], shared.high["output"]
            self.low, self.high = list(low.values()), list(high.values())
            self.rounding = Rounding(plan, low, high)

        def _end(self, name: str) -> Any:
            return self.add_weight(name=name, shape=(), initializer="zeros", trainable=False)

        def call(self, inputs: Any, *arguments: Any, training: Any = None, **keywords: Any) -> Any:
            training = training if self._said is None else self._said
            self.rounding.in_training = bool(training)
            taken = self.layer._call_spec.arg_names
            keywords |= {"training": training} if "training" in taken else {}
            keywords = {name: value for name, value in keywords.items() if name != "mask" or name in taken}
            answer = self.rounding.plan.arithmetic(self.rounding, self.layer, inputs, *arguments, **keywords)
            return tf.nest.map_structure(lambda tensor: _answer(self.rounding, tensor), answer)

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return self.layer.compute_mask(inputs, mask)

        def get_config(self) -> dict[str, Any]:
            plan = self.rounding.plan
            rounds = (plan.ranges, plan.output, plan.simulated, plan.symmetric)
            told = {"layer": type(self.layer).__name__, "settings": self.layer.get_config(), "rounds": repr(rounds)}
            return {"name": self.name, **told, "training": self._said}

    return Quantized


def _answer(rounding: Rounding, tensor: Any) -> Any:
    output = rounding.plan.output
    if output is None or not tensor.dtype.is_floating:
        return tensor
    return rounding.rounded("output", tensor) if output == OBSERVED else rounding.rounded_within(tensor, *output)


def wrapped(layer: Any, plan: Plan, training: bool | None, name: str, shared: Rounding | None = None) -> Any:
    """A layer that computes a call of `layer` by its plan.

    Args:
        training: what the call is told about training whatever the model is told; None tells it the same.
        shared: whose range of the output is its own too.
    """
    return _layer_class()(layer, plan, training, name, shared)


def roundings(model: Any) -> list[Rounding]:
    """What rounds in a simulated model."""
    return [layer.rounding for layer in model.layers if isinstance(layer, _layer_class())]


@contextmanager
def with_attributes(layer: Any, **values: Any) -> Iterator[None]:
    """Other values for attributes of a layer while it is called; Keras does not hear of it."""
    before = {name: getattr(layer, name) for name in values}
    for name, value in values.items():
        object.__setattr__(layer, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(layer, name, value)
