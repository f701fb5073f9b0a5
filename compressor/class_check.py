"""What a model's configuration may name: built-in classes and arithmetic, nothing that runs a file's own code.

Keras's `safe_mode` is not asked: for `.h5` files it is ignored (CVE-2025-9905).
"""

from __future__ import annotations

from collections.abc import Iterator
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
_CODE = {"Lambda", "__lambda__"}
_PLAIN_VALUES = {
    *("__tuple__", "tuple", "__slice__", "slice", "__ellipsis__", "__tensor__", "__keras_tensor__", "__numpy__"),
}


def check(path: Path, config: Any) -> None:
    """Look at every class the configuration names, in Keras 2's or Keras 3's writing.

    Raises:
        BadInput: a Lambda, a class that is not built in, a module outside Keras, or a function that could do harm.
    """
    for layer, entry in _named_classes(config, "model"):
        name = str(entry["class_name"])
        if name in _CODE:
            raise BadInput(
                f"{path}: layer '{layer}' is a Lambda: it carries Python code, and no file makes us run its code",
                fix="replace it by a built-in layer and save the model again",
            )
        if name == "function":
            _check_function(path, layer, entry)
            continue
        _check_operation(path, layer, name, entry)
        _check_class(path, layer, name, entry)


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


def _check_function(path: Path, layer: str, entry: dict[str, Any]) -> None:
    """Keras would import whatever function stands here; only activations are let through."""
    name, module = entry.get("config"), str(entry.get("module") or "builtins")
    if str(name) not in _ACTIVATIONS or not module.startswith(
        ("builtins", "keras.activations", "keras.src.activations")
    ):
        raise BadInput(
            f"{path}: layer '{layer}' calls the function '{name}' of the module '{module}', which is no activation"
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


def _check_class(path: Path, layer: str, name: str, entry: dict[str, Any]) -> None:
    module = entry.get("module")
    own = module in (None, "keras", "builtins") or str(module).startswith(("keras.", "tf_keras."))
    # Networks of keras.applications bring two layers of their own.
    if own and (name in _STRUCTURE or name in _PLAIN_VALUES or _built_in(name, module)):
        return
    raise BadInput(
        f"{path}: layer '{layer}' is of the class '{name}'"
        + (f" of the module '{module}'" if not own else "")
        + ", which Keras does not know",
        expected="built-in layers only",
        fix="replace the custom layer by built-in ones and save the model again",
    )


def _built_in(name: str, module: Any) -> bool:
    if str(module).startswith("keras."):
        return _in_keras_3(name, str(module))
    import tf_keras

    modules = (tf_keras.layers, tf_keras.initializers, tf_keras.regularizers, tf_keras.constraints)
    return any(hasattr(each, name) for each in modules)


def _in_keras_3(name: str, module: str) -> bool:
    import keras

    public = (keras.layers, keras.initializers, keras.regularizers, keras.constraints, keras.ops, keras.dtype_policies)
    return any(hasattr(each, name) for each in public) or module.startswith(
        ("keras.src.ops.", "keras.src.applications.")
    )
