"""What a model's configuration may name: built-in classes and arithmetic, nothing that runs a file's own code.

Keras's `safe_mode` is not asked: for `.h5` files it is ignored (CVE-2025-9905).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from compressor.errors import BadInput

# Operations on tensors that tf_keras's functional API records by name. Any TensorFlow symbol could stand there,
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
_SAFE_FUNCTIONS = {
    "reshape", "concat", "stack", "unstack", "split", "transpose", "expand_dims", "squeeze", "cast", "identity",
    "slice", "strided_slice", "tile", "pad", "reverse", "gather", "one_hot", "clip_by_value", "zeros_like",
    "ones_like", "shape", "reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "image.resize", "tensordot",
    "einsum", "where", "repeat", "broadcast_to", "roll", "gather_nd", "range", "rank", "size", "ones", "zeros", "fill",
}  # fmt: skip
_STRUCTURE = {"Functional", "Model", "Sequential", "Policy", "DTypePolicy"}
_ACTIVATIONS = {
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh", "tanh_shrink", "threshold",
}  # fmt: skip
_ACTIVATION_MODULES = ("builtins", "keras.activations", "keras.src.activations", "keras.src.activations.activations")
_LAMBDA = {"Lambda", "__lambda__"}
# Built-in classes that bring code or a whole other model along: pickled modules, functions, SavedModels, raw nodes.
_FOREIGN = {"TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer", "TensorFlowOpLayer"}
# Settings that a built-in layer takes as an array or as the name of a file to read.
_MAY_NAME_FILES = ("vocabulary", "vocabulary_file", "idf_weights", "filepath")
_PLAIN_VALUES = {
    *("__tuple__", "tuple", "__slice__", "slice", "__ellipsis__", "__tensor__", "__keras_tensor__", "__numpy__"),
}
_OPERATIONS = re.compile(r"keras\.src\.ops\.(core|einops|image|linalg|math|nn|numpy)")
# Where tf_keras's own EfficientNetV2 says that its initializers are from; they are looked up in tf_keras.
_OLD_INITIALIZERS = "tensorflow.python.ops.init_ops_v2"
# Networks of keras.applications bring layers of their own.
_APPLICATIONS = {
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.convnext", "StochasticDepth"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
}


def check(path: Path, config: Any, known: Container[str] = ()) -> None:
    """Look at every class the configuration names, in Keras 2's or Keras 3's writing.

    Args:
        known: names of classes and functions that the user brought and trusts.

    Raises:
        BadInput: a Lambda, a class that is not built in, a module outside Keras, or a function that could do harm.
    """
    entries = [(layer, entry) for layer, entry in _named_classes(config) if not _trusted(entry, known)]
    for layer, entry in entries:
        _check_harmless(path, layer, entry)
    for layer, entry in entries:
        if entry["class_name"] != "function":
            _check_class(path, layer, entry["class_name"], entry)


def _trusted(entry: dict[str, Any], known: Container[str]) -> bool:
    """Whether the entry names a class or function that the user brought, which no file can do for a Lambda."""
    name = entry["class_name"] if entry["class_name"] != "function" else entry.get("config")
    harmful = _LAMBDA | _FOREIGN
    return isinstance(name, str) and name not in harmful and name.rsplit(">", 1)[-1] in known


def _named_classes(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary of the configuration that names a class, with the layer it stands in."""
    waiting = [("model", config)]
    while waiting:
        address, value = waiting.pop()
        if isinstance(value, dict):
            inner = value.get("config")
            if "class_name" in value:
                address = str((inner.get("name") if isinstance(inner, dict) else None) or address)
                yield address, value
            waiting += [(address, each) for each in reversed(value.values())]
        elif isinstance(value, list):
            waiting += [(address, each) for each in reversed(value)]


def _check_harmless(path: Path, layer: str, entry: dict[str, Any]) -> None:
    """What can be refused by its look, before any framework is imported."""
    name = entry["class_name"]
    inner = entry.get("config")
    own_name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(name, str) or not isinstance(own_name, str | None) or own_name == "":
        raise BadInput(f"{path}: the name of layer '{layer}', or of its class, is no text", received=repr(name)[:100])
    if name in _LAMBDA:
        raise BadInput(
            f"{path}: layer '{layer}' is a Lambda: it carries Python code, and no file makes us run its code",
            fix="replace it by a built-in layer and save the model again",
        )
    if name in _FOREIGN:
        raise BadInput(
            f"{path}: layer '{layer}' is a {name}: it loads a model or code of another framework",
            expected="built-in layers only",
            fix="replace it by built-in layers and save the model again",
        )
    if name == "function":
        _check_function(path, layer, entry)
    else:
        _check_registration(path, layer, name, entry)
    _check_operation(path, layer, name, entry)
    _check_files(path, layer, entry)


def _check_function(path: Path, layer: str, entry: dict[str, Any]) -> None:
    """Keras would import whatever function stands here, under either name; only activations are let through."""
    name, module = entry.get("config"), entry.get("module") or "builtins"
    known = isinstance(name, str) and name in _ACTIVATIONS and module in _ACTIVATION_MODULES
    if not known or entry.get("registered_name") not in (None, name, "function"):
        raise BadInput(
            f"{path}: layer '{layer}' calls the function '{name}' of the module '{module}', which is no activation"
        )


def _check_registration(path: Path, layer: str, name: str, entry: dict[str, Any]) -> None:
    """tf_keras takes whatever its module calls by the registered name when it has nothing of the class's name."""
    registered = entry.get("registered_name")
    if registered not in (None, name):
        raise BadInput(
            f"{path}: layer '{layer}' is of the class '{name}' registered as '{registered}', which is not built in",
            expected="built-in layers only",
            fix="replace the custom layer by built-in ones and save the model again",
        )


def _check_operation(path: Path, layer: str, name: str, entry: dict[str, Any]) -> None:
    if name not in ("TFOpLambda", "SlicingOpLambda"):
        return
    inner = entry.get("config")
    symbol = str(inner.get("function", "")) if isinstance(inner, dict) else ""
    if symbol not in _SAFE_FUNCTIONS and not symbol.startswith(_SAFE_SYMBOLS):
        raise BadInput(
            f"{path}: layer '{layer}' calls the TensorFlow function '{symbol}', which is not on the list of safe ones"
        )


def _check_files(path: Path, layer: str, entry: dict[str, Any]) -> None:
    inner = entry.get("config")
    if not isinstance(inner, dict):
        return
    for key in _MAY_NAME_FILES:
        if isinstance(inner.get(key), str):
            raise BadInput(
                f"{path}: layer '{layer}' would read the file '{inner[key]}' as its {key}",
                expected="a model that needs no other file",
                fix=f"give the {key} as a list and save the model again",
            )


def _check_class(path: Path, layer: str, name: str, entry: dict[str, Any]) -> None:
    module = entry.get("module")
    own = module in (None, "keras", "builtins", _OLD_INITIALIZERS) or str(module).startswith(("keras.", "tf_keras."))
    if own and (name in _STRUCTURE or name in _PLAIN_VALUES or _built_in(name, module)):
        return
    raise BadInput(
        f"{path}: layer '{layer}' is of the class '{name}'"
        + (f" of the module '{module}'" if not own else "")
        + ", which Keras does not know",
        expected="built-in layers, or classes that you bring and trust",
        fix="name the Python module that defines it, with --custom-objects package.module --trust; or replace it by "
        "built-in layers and save the model again",
    )


def _built_in(name: str, module: Any) -> bool:
    if str(module).startswith("keras."):
        return _in_keras_3(name, str(module))
    if name in ("TFOpLambda", "SlicingOpLambda", "AddLoss", "AddMetric"):
        return True
    import tf_keras

    if module == _OLD_INITIALIZERS:
        return _is_class(name, (tf_keras.initializers,))
    public = (tf_keras.layers, tf_keras.initializers, tf_keras.regularizers, tf_keras.constraints)
    return _is_class(name, public)


def _in_keras_3(name: str, module: str) -> bool:
    import importlib

    import keras

    if (module, name) in _APPLICATIONS:
        return True
    if _OPERATIONS.fullmatch(module):
        operation = getattr(importlib.import_module(module), name, None)
        return isinstance(operation, type) and issubclass(operation, keras.Operation)
    public = (
        *(
            keras.quantizers,
            keras.layers,
            keras.initializers,
            keras.regularizers,
            keras.constraints,
            keras.dtype_policies,
        ),
        *(keras.optimizers, keras.optimizers.schedules, keras.losses, keras.metrics),
    )
    return _is_class(name, public)


def _is_class(name: str, modules: tuple[Any, ...]) -> bool:
    return any(isinstance(getattr(module, name, None), type) for module in modules)
