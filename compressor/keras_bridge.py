"""Any Keras file → a tf_keras model. The one place where a model file is opened.

Read today: whole models in Keras 2 / tf_keras `.h5`. The configuration is checked first, then the network is
rebuilt from it, then the weights are loaded: a file never makes this process run code of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput

if TYPE_CHECKING:
    import tf_keras

SUFFIXES = (".h5", ".hdf5")
_SAVE_AGAIN = "save the whole model again with tf_keras: model.save('model.h5')"
# Operations on tensors that the functional API records by name. Any TensorFlow symbol could stand there,
# file access included, so only arithmetic and reshaping are let through.
_SAFE_SYMBOLS = (
    "math.",
    "nn.",
    "linalg.",
    "keras.backend.",
    "keras.activations.",
    "__operators__.",
    "compat.v1.transpose",
)
_STRUCTURE = ("Functional", "Model", "Sequential", "function", "Policy")
_SAFE_FUNCTIONS = {
    "reshape", "concat", "stack", "unstack", "split", "transpose", "expand_dims", "squeeze", "cast", "identity",
    "slice", "strided_slice", "tile", "pad", "reverse", "gather", "one_hot", "clip_by_value", "zeros_like",
    "ones_like", "shape", "reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "image.resize", "tensordot",
    "einsum", "where", "repeat", "broadcast_to", "roll", "gather_nd", "range", "rank", "size", "ones", "zeros", "fill",
}  # fmt: skip


def load(path: Path) -> tf_keras.Model:
    """Load a model file as a tf_keras model, without its optimizer.

    Raises:
        BadInput: the file is not a model we can read, would run code, or holds NaN weights.
    """
    config = _config(path)
    for address, entry in _named_classes(config, "model"):
        _check_class(path, address, entry)
    model = _rebuilt(path, config)
    _check_weights(path, model)
    return model


def _config(path: Path) -> dict[str, Any]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            version = file.attrs.get("keras_version", "")
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read as HDF5: it is corrupted, empty or another kind of file",
            expected="a whole model saved as .h5",
            received=" ".join(str(error).split())[:200],
            fix=_SAVE_AGAIN,
        ) from None
    if text is None:
        raise BadInput(
            f"{path} holds no model configuration",
            expected="a whole model",
            received="weights only, or other data",
            fix=_SAVE_AGAIN,
        )
    version = version.decode() if isinstance(version, bytes) else str(version)
    if version.startswith("3"):
        raise BadInput(f"{path} was saved by Keras {version}", expected="a Keras 2 or tf_keras .h5", fix=_SAVE_AGAIN)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or "class_name" not in config:
        raise BadInput(
            f"the model configuration in {path} is not readable",
            expected="JSON with class_name and config",
            fix=_SAVE_AGAIN,
        )
    return config


def _named_classes(config: Any, address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary of the configuration that names a class, with the layer it stands in."""
    if isinstance(config, dict):
        inner = config.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        if "class_name" in config:
            address = str(name or address)
            yield address, config
        for value in config.values():
            yield from _named_classes(value, address)
    elif isinstance(config, list):
        for value in config:
            yield from _named_classes(value, address)


def _check_class(path: Path, layer: str, entry: dict[str, Any]) -> None:
    import tf_keras

    name = str(entry["class_name"])
    if name in ("TFOpLambda", "SlicingOpLambda"):
        symbol = str(entry.get("config", {}).get("function", ""))
        if symbol in _SAFE_FUNCTIONS or symbol.startswith(_SAFE_SYMBOLS):
            return
        raise BadInput(
            f"{path}: layer '{layer}' calls the TensorFlow function '{symbol}', which is not on the list of safe ones"
        )
    if name in ("Lambda", "__lambda__"):
        raise BadInput(
            f"{path}: layer '{layer}' is a Lambda: it carries Python code, and no file makes us run its code",
            fix="replace it by a built-in layer and save the model again",
        )
    modules = (tf_keras.layers, tf_keras.initializers, tf_keras.regularizers, tf_keras.constraints)
    known = name in _STRUCTURE or any(hasattr(module, name) for module in modules)
    if not known or entry.get("registered_name") not in (None, name):
        raise BadInput(
            f"{path}: layer '{layer}' is of the class '{name}', which Keras does not know",
            expected="built-in layers only",
            fix="replace the custom layer by built-in ones and save the model again",
        )


def _rebuilt(path: Path, config: dict[str, Any]) -> tf_keras.Model:
    import tf_keras

    try:
        model = tf_keras.models.model_from_json(json.dumps(config))
        model.load_weights(str(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be rebuilt: {type(error).__name__}: {reason}", fix=_SAVE_AGAIN) from None
    if not model.built or not getattr(model, "inputs", None):
        raise BadInput(f"{path} states no input shape", fix="build the model (call it once) and save it again")
    return model


def _check_weights(path: Path, model: tf_keras.Model) -> None:
    for weight in model.weights:
        broken = int(np.size(weight) - np.isfinite(weight.numpy()).sum())
        if broken:
            raise BadInput(
                f"{path}: weight '{weight.name}' holds {broken} values that are NaN or infinite",
                expected="finite weights",
                fix="train again, or load an earlier checkpoint",
            )
