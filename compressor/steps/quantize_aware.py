"""Quantization-aware training: int8 is simulated while training, so that the weights learn to bear it.

Jacob et al. (arXiv:1712.05877), by tensorflow-model-optimization's default 8-bit scheme. The result has two
faces: `simulated` keeps the learned ranges for formats that read them, `model` is the plain network with the
trained weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece, chosen_layers, refuse
from compressor.training import Trainer
from compressor.values import Precision

if TYPE_CHECKING:
    import tf_keras

_PREFIX = "quant_"
_FLATTEN = "flatten the model, or use the recipe int8"


def apply(workpiece: Workpiece, settings: LayerSettings, trainer: Trainer) -> Workpiece:
    """Train with simulated int8 weights and activations.

    Raises:
        BadInput: a chosen layer or its surroundings cannot be simulated.
    """
    model = workpiece.model
    chosen = _simulatable(model, settings)
    simulated = _simulated(model, chosen)
    _observe_ranges(simulated, trainer.calibration_batches())
    # The simulation is float32 arithmetic: its copies are made from the model as it is, not in half precision.
    facts = trainer.fit(simulated, settings, "quantize_aware", again=lambda _: _simulated(model, chosen))
    plain = _plain(model, simulated)
    return Workpiece(plain, simulated, (*workpiece.facts, {"step": "quantize_aware", **facts}))


def _simulated(model: tf_keras.Model, chosen: set[str]) -> tf_keras.Model:
    import tensorflow_model_optimization as tfmot

    annotated = _annotated(model, chosen)
    try:
        with tfmot.quantization.keras.quantize_scope():
            return tfmot.quantization.keras.quantize_apply(annotated, quantized_layer_name_prefix=_PREFIX)
    except (ValueError, RuntimeError, NotImplementedError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(
            f"quantize_aware cannot simulate this model: {reason}",
            fix="name the layer under skip, or use the recipe int8",
        ) from None


def _simulatable(model: tf_keras.Model, settings: LayerSettings) -> set[str]:
    """Names of the layers to simulate."""
    import tensorflow_model_optimization as tfmot
    import tf_keras

    registry = tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme().get_quantize_registry()
    chosen = chosen_layers("quantize_aware", model, settings)
    layers = [
        layer for layer in model.layers if layer.name in chosen and not isinstance(layer, tf_keras.layers.InputLayer)
    ]
    nested = [layer for layer in layers if isinstance(layer, tf_keras.Model)]
    if nested:
        raise refuse("quantize_aware", nested, "a model inside a model cannot be simulated", _FLATTEN)
    unknown = [layer for layer in layers if not (registry.supports(layer) or _folds_into_its_input(layer))]
    if unknown:
        raise refuse("quantize_aware", unknown, "int8 arithmetic cannot be simulated there in training", _skip(unknown))
    for layer in layers:
        _check_activation(layer)
    return chosen


def _check_activation(layer: tf_keras.layers.Layer) -> None:
    import tf_keras

    if not isinstance(layer, tf_keras.layers.Conv2D) or layer.activation is tf_keras.activations.linear:
        return
    for follower in (node.layer for node in layer.outbound_nodes):
        if isinstance(follower, tf_keras.layers.BatchNormalization):
            activation = getattr(layer.activation, "__name__", "activation")
            raise refuse(
                "quantize_aware",
                [layer],
                f"its activation '{activation}' stands before the BatchNormalization '{follower.name}'",
                "put the activation into a layer after the normalization, or use the recipe int8",
            )


def _skip(layers: list[tf_keras.layers.Layer]) -> str:
    names = ", ".join(layer.name for layer in layers)
    return f"add to the step skip: [{names}]; they are then quantized after training from the calibration set"


def _annotated(model: tf_keras.Model, chosen: set[str]) -> tf_keras.Model:
    import tensorflow_model_optimization as tfmot
    import tf_keras

    def annotate(layer: tf_keras.layers.Layer) -> Any:
        # Annotating builds the layer anew, which would wipe the weights of the one that is passed in.
        copy = type(layer).from_config(layer.get_config())
        if isinstance(layer, tf_keras.layers.InputLayer) or layer.name not in chosen:
            return copy
        return tfmot.quantization.keras.quantize_annotate_layer(copy)

    annotated = tf_keras.models.clone_model(model, clone_function=annotate)
    annotated.set_weights(model.get_weights())
    return annotated


def _observe_ranges(simulated: tf_keras.Model, batches: Iterable[Any]) -> None:
    """Start every range at what the weights and the samples show.

    The library starts them at ±6 and moves those of activations by a thousandth per batch: a short training would
    end with weights bent to ranges that never arrived.
    """
    from unittest import mock

    import tensorflow as tf
    from tensorflow_model_optimization.python.core.quantization.keras import quantizers

    seen: set[int] = set()

    def observe(_: Any, inputs: Any, training: Any, weights: dict[str, Any], **__: Any) -> Any:
        low, high = weights["min_var"], weights["max_var"]
        known = id(low) in seen
        seen.add(id(low))
        low.assign(tf.minimum(tf.reduce_min(inputs), low if known else 0.0))
        high.assign(tf.maximum(tf.reduce_max(inputs), high if known else 0.0))
        return inputs

    def learning(quantize: Any) -> Any:
        return lambda quantizer, inputs, training, weights, **rest: quantize(quantizer, inputs, True, weights, **rest)

    with ExitStack() as patches:
        kinds = (quantizers.LastValueQuantizer, quantizers.AllValuesQuantizer)
        for kind in kinds:
            patches.enter_context(mock.patch.object(kind, "__call__", learning(kind.__call__)))
        patches.enter_context(mock.patch.object(quantizers.MovingAverageQuantizer, "__call__", observe))
        # Not in training mode: normalizations must keep their statistics.
        for samples in batches:
            simulated(samples, training=False)


def _plain(original: tf_keras.Model, simulated: tf_keras.Model) -> tf_keras.Model:
    """The original network with the trained weights, free of wrappers; weights are matched by name."""
    import tf_keras

    trained = {layer.name: layer for layer in simulated.layers}
    plain = tf_keras.models.clone_model(original)
    for layer in (layer for layer in plain.layers if layer.weights):
        if layer.name in trained:
            layer.set_weights(trained[layer.name].get_weights())
            continue
        wrapper = trained.get(_PREFIX + layer.name)
        by_name = {_short(weight): weight for weight in wrapper.weights} if wrapper is not None else {}
        wanted = [_short(weight) for weight in layer.weights]
        if not set(wanted) <= set(by_name) or len(set(wanted)) < len(wanted):
            raise refuse("quantize_aware", [layer], "it was replaced by other layers in training", _skip([layer]))
        layer.set_weights([by_name[name].numpy() for name in wanted])
    return plain


def _folds_into_its_input(layer: tf_keras.layers.Layer) -> bool:
    """A normalization right behind a convolution or Dense layer becomes part of it in the int8 file."""
    import tf_keras

    if not isinstance(layer, tf_keras.layers.BatchNormalization):
        return False
    folding = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D, tf_keras.layers.Dense)
    before = [node.layer for inbound in layer.inbound_nodes for node in inbound.parent_nodes]
    return any(isinstance(each, folding) for each in before)


def _short(weight: Any) -> str:
    return str(weight.name).rsplit("/", 1)[-1]


STEP = Step(
    summary="train with int8 simulated, so that the weights learn to bear it",
    settings=LayerSettings,
    apply=apply,
    precisions=(Precision.INT8,),
    undoes=("cluster",),
    last=True,
)
