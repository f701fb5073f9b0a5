"""Raw `keras.ops` calls in a Keras 3 graph → the TensorFlow functions that tf_keras records and saves by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from compressor.errors import BadInput


def remake(operation: Any) -> Callable[..., Any]:
    """A function on tf_keras tensors that does what the operation does.

    Raises:
        BadInput: there is no equivalent.
    """
    name = type(operation).__name__
    known = plain() | _with_settings(operation)
    if name in known:
        return known[name]
    raise BadInput(
        f"the operation '{operation.name}' (keras.ops {name}) has no equivalent that can be compressed",
        expected=f"one of {', '.join(sorted(known))}",
        fix="replace it by a layer or by these operations",
    )


def plain() -> dict[str, Callable[..., Any]]:
    """Operations without settings."""
    import tensorflow as tf

    return {
        "Absolute": tf.math.abs,
        "Abs": tf.math.abs,
        "Add": tf.math.add,
        "Cos": tf.math.cos,
        "Divide": tf.math.divide,
        "Equal": tf.math.equal,
        "Exp": tf.math.exp,
        "Floor": tf.math.floor,
        "Greater": tf.math.greater,
        "GreaterEqual": tf.math.greater_equal,
        "Less": tf.math.less,
        "LessEqual": tf.math.less_equal,
        "Log": tf.math.log,
        "Log1p": tf.math.log1p,
        "LogicalAnd": tf.math.logical_and,
        "LogicalNot": tf.math.logical_not,
        "LogicalOr": tf.math.logical_or,
        "Matmul": tf.linalg.matmul,
        "Maximum": tf.math.maximum,
        "Minimum": tf.math.minimum,
        "Multiply": tf.math.multiply,
        "Negative": tf.math.negative,
        "NotEqual": tf.math.not_equal,
        "Power": tf.math.pow,
        "Reciprocal": tf.math.reciprocal,
        "Relu": tf.nn.relu,
        "Relu6": tf.nn.relu6,
        "Rsqrt": tf.math.rsqrt,
        "Selu": tf.nn.selu,
        "Sigmoid": tf.math.sigmoid,
        "Silu": tf.nn.silu,
        "Sign": tf.math.sign,
        "Sin": tf.math.sin,
        "Softplus": tf.math.softplus,
        "Softsign": tf.nn.softsign,
        "Sqrt": tf.math.sqrt,
        "Square": tf.math.square,
        "Subtract": tf.math.subtract,
        "Tanh": tf.math.tanh,
        "TrueDivide": tf.math.divide,
        "Where": tf.where,
        "HardSilu": lambda x: tf.math.multiply(x, hard_sigmoid(x)),
        "HardSigmoid": hard_sigmoid,
        "GetItem": lambda x, key: x[key],
    }


def _with_settings(operation: Any) -> dict[str, Callable[..., Any]]:
    """Operations whose settings are attributes of the Keras object."""
    import tensorflow as tf

    def setting(name: str, default: Any = None) -> Any:
        return getattr(operation, name, default)

    def reduced(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: function(x, axis=setting("axis"), keepdims=setting("keepdims", False))

    def reshaped(x: Any) -> Any:
        return tf.reshape(x, [-1 if size is None else size for size in operation.newshape])

    return {
        "Mean": reduced(tf.math.reduce_mean),
        "Sum": reduced(tf.math.reduce_sum),
        "Max": reduced(tf.math.reduce_max),
        "Min": reduced(tf.math.reduce_min),
        "Any": reduced(tf.math.reduce_any),
        "All": reduced(tf.math.reduce_all),
        "Prod": reduced(tf.math.reduce_prod),
        "Var": reduced(tf.math.reduce_variance),
        "Std": reduced(tf.math.reduce_std),
        "Flip": lambda x: tf.reverse(x, _listed(setting("axis"), x)),
        "LogSoftmax": lambda x: tf.nn.log_softmax(x, axis=setting("axis", -1)),
        "Repeat": lambda x: tf.repeat(x, setting("repeats"), axis=setting("axis")),
        "Split": lambda x: tf.split(x, _parts(setting("indices_or_sections"), x, setting("axis")), setting("axis")),
        "Swapaxes": lambda x: tf.transpose(x, _swapped(len(x.shape), setting("axis1"), setting("axis2"))),
        "Reshape": reshaped,
        "Transpose": lambda x: tf.transpose(x, perm=setting("axes")),
        "ExpandDims": lambda x: tf.expand_dims(x, axis=setting("axis")),
        "Squeeze": lambda x: tf.squeeze(x, axis=setting("axis")),
        "Concatenate": lambda xs: tf.concat(xs, axis=setting("axis", -1)),
        "Stack": lambda xs: tf.stack(xs, axis=setting("axis", 0)),
        "Softmax": lambda x: tf.nn.softmax(x, axis=setting("axis", -1)),
        "LeakyRelu": lambda x: tf.nn.leaky_relu(x, alpha=setting("negative_slope", 0.2)),
        "Elu": lambda x: tf.nn.elu(x),
        "Gelu": lambda x: tf.nn.gelu(x, approximate=setting("approximate", True)),
        "Clip": lambda x: tf.clip_by_value(x, setting("x_min"), setting("x_max")),
        "Cast": lambda x: tf.cast(x, setting("dtype")),
    }


def _listed(axis: Any, x: Any) -> list[int]:
    if axis is None:
        return list(range(len(x.shape)))
    return list(axis) if isinstance(axis, (list, tuple)) else [axis]


def _parts(indices_or_sections: Any, x: Any, axis: int) -> int | list[int]:
    """How many parts of one size, or the size of each: Keras tells where the cuts are."""
    if isinstance(indices_or_sections, int):
        return indices_or_sections
    ends = [0, *indices_or_sections, x.shape[axis]]
    return [end - start for start, end in itertools.pairwise(ends)]


def _swapped(rank: int, first: int, second: int) -> list[int]:
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    return order


def scaled_sum(x: Any, y: Any, scale: float) -> Any:
    """x + scale · y."""
    import tensorflow as tf

    return tf.math.add(x, tf.math.multiply(y, scale))


def hard_sigmoid(x: Any) -> Any:
    """Keras 3's: relu6(x + 3) / 6. Keras 2's function of the same name is another one."""
    import tensorflow as tf

    return tf.math.multiply(tf.nn.relu6(tf.math.add(x, 3.0)), 1.0 / 6.0)
