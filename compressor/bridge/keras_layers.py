"""One Keras 3 layer → the tf_keras layer of the same class, with the same settings and weights."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.bridge import keras_operations
from compressor.bridge.layer_settings import parameters
from compressor.errors import BadInput

if TYPE_CHECKING:
    import keras
    import tf_keras

# Settings of every tf_keras layer that its own constructor takes as **kwargs.
_COMMON = {"name", "trainable", "dtype"}
# Weights are copied, so how they once were drawn does not matter.
_IGNORED_SUFFIX = "_initializer"
_IGNORED = {"embeddings_initializer", "batch_input_shape", "batch_shape"}
_RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
_DEPTHWISE = {"kernel": "depthwise", "bias": "bias"}
# Layers that change images in training alone, and that tf_keras lacks.
_ONLY_TRAINING = {
    *("AugMix", "CutMix", "MixUp", "RandAugment", "RandomColorDegeneration", "RandomColorJitter"),
    *("RandomElasticTransform", "RandomErasing", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert"),
    *("RandomPerspective", "RandomPosterization", "RandomSaturation", "RandomSharpness", "RandomShear"),
}


def remake(layer: keras.Layer, make_model: Callable[[Any], Any]) -> Callable[..., Any]:
    """A callable on tf_keras tensors: the layer made again; its weights are copied when it is first called.

    Args:
        make_model: makes a model again that the layer holds; it copies its weights itself.

    Raises:
        BadInput: there is no such layer in tf_keras, or it lacks a setting that is used.
    """
    if type(layer).__name__ == "CustomScaleLayer":
        # keras.applications' own layer in InceptionResNetV2: the first input plus a share of the second.
        return lambda inputs: keras_operations.scaled_sum(inputs[0], inputs[1], layer.scale)
    config = layer.get_config()
    after = _split_activation(layer, config)
    made = _made(layer, config, make_model)
    copied = False

    def call(*arguments: Any, **keywords: Any) -> Any:
        nonlocal copied
        if not getattr(made, "_expects_training_arg", True):
            keywords.pop("training", None)
        result = made(*arguments, **keywords)
        if not copied:
            copy_weights(layer, made)
            copied = True
        return result if after is None else after(result)

    return call


def copy_weights(layer: keras.Layer, made: tf_keras.layers.Layer) -> None:
    """Give the tf_keras layer the weights of the Keras 3 layer.

    Raises:
        BadInput: the two layers do not have the same weights.
    """
    for given, wanted in pairs(layer, made):
        wanted.assign(given.numpy().reshape(wanted.shape))


def fit_name(name: str) -> str:
    """A name that TensorFlow takes as a scope: ASCII, without spaces, beginning with a letter, digit or dot."""
    name = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return name if re.match(r"[A-Za-z0-9.]", name) else f"layer{name}"


def copy_weights_back(made: tf_keras.layers.Layer, layer: keras.Layer) -> None:
    """Give the Keras 3 layer the weights of the tf_keras layer that was made of it."""
    for wanted, given in pairs(layer, made):
        wanted.assign(given.numpy().reshape(tuple(wanted.shape)))


def pairs(layer: keras.Layer, made: tf_keras.layers.Layer) -> list[tuple[Any, Any]]:
    """Weights of both layers that belong together: by name where names are unique, else by order.

    Raises:
        BadInput: the two layers do not have the same weights.
    """
    if type(layer).__name__ == "Normalization":
        # Its statistics were given to the other one as settings.
        return []
    inner = layer.layer if type(layer).__name__ == "SpectralNormalization" else layer
    ours = [weight for weight in inner.weights if "seed_generator" not in weight.path]
    theirs = [(weight.name.rsplit("/", 1)[-1].removesuffix(":0"), weight) for weight in made.weights]
    by_name = {weight.name: weight for weight in ours}
    if len(by_name) == len(ours) and len(dict(theirs)) == len(theirs) and set(by_name) == set(dict(theirs)):
        ours = [by_name[name] for name, _ in theirs]
    sizes = [int(np.prod(weight.shape)) for weight in ours], [int(np.prod(weight.shape)) for _, weight in theirs]
    if sizes[0] != sizes[1]:
        raise _refused(layer, f"its weights have the sizes {sizes[0]} and should have {sizes[1]}")
    return list(zip(ours, (weight for _, weight in theirs), strict=True))


def _made(layer: keras.Layer, config: dict[str, Any], make_model: Callable[[Any], Any]) -> tf_keras.layers.Layer:
    import tf_keras

    name = type(layer).__name__
    config = config | {"name": fit_name(config["name"])}
    if name == "LayerScale":
        # keras.applications' own layer, one factor per channel: a depthwise convolution of size 1, which every
        # step and format knows.
        return tf_keras.layers.DepthwiseConv2D(1, use_bias=False, name=config["name"])
    if name == "Conv2D" and _is_depthwise(layer):
        return _depthwise(config)
    if name == "SpectralNormalization":
        # Only training normalizes; the layer inside holds the weights that answer.
        return _made(layer.layer, layer.layer.get_config() | {"name": layer.name}, make_model)
    cls = getattr(tf_keras.layers, name, None)
    own = type(layer).__module__.startswith("keras.")
    if own and name in _ONLY_TRAINING and cls is None:
        return tf_keras.layers.Activation("linear", name=config["name"])
    if cls is None or not own:
        raise _refused(layer, "tf_keras has no such layer")
    if name == "Normalization":
        config |= _statistics(layer)
    try:
        return cls(**_cleaned(layer, cls, config | _inner_layers(layer, config, make_model)))
    except (TypeError, ValueError) as error:
        raise _refused(layer, " ".join(str(error).split())[:200]) from None


def _is_depthwise(layer: Any) -> bool:
    """Whether a grouped convolution has one filter per channel."""
    each = layer.groups > 1 and layer.groups == layer.filters and layer.kernel.shape[2] == 1
    return bool(each and len(set(layer.strides)) == 1 and layer.data_format == "channels_last")


def _depthwise(config: dict[str, Any]) -> tf_keras.layers.Layer:
    """The same as a depthwise convolution: a grouped one is a compiled call in tf_keras, closed to converters."""
    import tf_keras

    kept = ("name", "trainable", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
    settings = {key: _plain_value(config[key]) for key in kept}
    regularizers = {f"{new}_regularizer": _plain_value(config[f"{old}_regularizer"]) for old, new in _DEPTHWISE.items()}
    return tf_keras.layers.DepthwiseConv2D(**settings, **regularizers)


def _inner_layers(layer: keras.Layer, config: dict[str, Any], make_model: Callable[[Any], Any]) -> dict[str, Any]:
    """Settings that are layers, or cells of a recurrent one, themselves."""
    import keras

    def again(inner: Any) -> Any:
        return make_model(inner) if isinstance(inner, keras.Model) else _made(inner, inner.get_config(), make_model)

    made: dict[str, Any] = {}
    for key in ("layer", "backward_layer", "cell", "cells"):
        if key in config:
            inner = getattr(layer, "forward_layer" if key == "layer" and hasattr(layer, "forward_layer") else key)
            made[key] = [again(each) for each in inner] if isinstance(inner, (list, tuple)) else again(inner)
    return made


def _statistics(layer: Any) -> dict[str, Any]:
    """What the layer has learned of the data as plain numbers, which every copy of the model keeps."""
    if layer.input_mean is not None:
        return {}
    return {"mean": layer.adapt_mean.numpy().ravel(), "variance": layer.adapt_variance.numpy().ravel()}


def _cleaned(layer: keras.Layer, cls: type, config: dict[str, Any]) -> dict[str, Any]:
    import tf_keras

    taken = set(parameters(cls)) | _COMMON
    if issubclass(cls, tf_keras.layers.RNN):
        taken.add("zero_output_for_mask")
    cleaned = {}
    for key, value in config.items():
        if key in _IGNORED or key.endswith(_IGNORED_SUFFIX):
            continue
        key = _RENAMED.get((cls.__name__, key), key)
        if key in taken:
            cleaned[key] = _plain_value(value)
        elif not _is_default(layer, key, value):
            raise _refused(layer, f"tf_keras has no setting '{key}', which is {value!r} here")
    return cleaned


def _plain_value(value: Any) -> Any:
    """Keras 3's `{module, class_name, config, registered_name}` in the writing of Keras 2."""
    if isinstance(value, dict) and "class_name" in value:
        if value["class_name"] == "DTypePolicy":
            return value["config"]["name"]
        if "module" in value and isinstance(value.get("config"), dict):
            inner = {key: _plain_value(each) for key, each in value["config"].items()}
            return {"class_name": value["class_name"], "config": inner}
    if isinstance(value, list):
        return [_plain_value(each) for each in value]
    return value


def _is_default(layer: keras.Layer, key: str, value: Any) -> bool:
    taken = parameters(type(layer))
    if key == "data_format" and value == "channels_last":
        return True
    if key in taken and taken[key].default is not inspect.Parameter.empty:
        return bool((tuple(value) if isinstance(value, list) else value) == taken[key].default)
    return not value or value == "auto"


def _split_activation(layer: keras.Layer, config: dict[str, Any]) -> Callable[..., Any] | None:
    """Take an activation that Keras 2 lacks, or means otherwise, out of the layer; it is applied behind it."""
    name = config.get("activation")
    after = {"hard_sigmoid": "HardSigmoid", "hard_silu": "HardSilu", "hard_swish": "HardSilu"}.get(str(name))
    if config.get("recurrent_activation") in ("hard_sigmoid", "hard_silu", "hard_swish"):
        raise _refused(layer, "Keras 2 has no such recurrent activation")
    if after is None:
        return None
    if "recurrent_activation" in config:
        raise _refused(layer, f"Keras 2 has no activation '{name}' inside a recurrent layer")
    config["activation"] = "linear"
    return keras_operations.plain()[after]


def _refused(layer: keras.Layer, reason: str) -> BadInput:
    return BadInput(
        f"layer '{layer.name}' ({type(layer).__name__}) cannot be made again in tf_keras: {reason}",
        fix="replace the layer, or use a model without it",
    )
