"""Mixed precision: layers compute in half precision, weights stay float32.

Micikevicius et al. (arXiv:1710.03740); how Keras does it: https://www.tensorflow.org/guide/mixed_precision.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tf_keras

# Tensor cores, which make float16 pay, according to Keras's guide.
_FLOAT16_FROM = (7, 0)
# Linux's names of the instructions on x86-64 and on ARM.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def number_format(gpus: Sequence[Any]) -> tuple[str | None, list[str]]:
    """ "float16" or "bfloat16" where these devices are fast with it, else None and why, in sentences."""
    import tensorflow as tf

    if gpus:
        least = min(tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus)
        if least >= _FLOAT16_FROM:
            return "float16", []
        return None, [f"mixed_precision was not applied: compute capability {least} has no tensor cores, 7.0 is needed"]
    if _BFLOAT16_FLAGS & _cpu_flags():
        return "bfloat16", []
    return None, ["mixed_precision was not applied: this CPU has no bfloat16 arithmetic, and would be slower with it"]


def _cpu_flags() -> set[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return set(line.split(":", 1)[1].split())
    return set()


def _compute_in(config: dict[str, Any], policy: str) -> None:
    """Give a layer's settings a policy, and those of the layers that it wraps."""
    if config.get("dtype") == "float32":
        config["dtype"] = policy
    for name in ("layer", "forward_layer", "backward_layer"):
        inner = config.get(name)
        if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
            _compute_in(inner["config"], policy)


def copied(model: tf_keras.Model, half: str | None) -> tf_keras.Model:
    """A copy of a model whose layers compute in the format `half`, or in what they did when it is None.

    The answers of the last layers stay float32: a softmax in half precision loses small probabilities.
    """
    import tf_keras

    last = {layer.name for layer in getattr(model, "_output_layers", [])}

    def copy(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if getattr(layer, "_is_graph_network", False):
            return copied(layer, half)
        config = layer.get_config()
        if half is not None and layer.name not in last and not isinstance(layer, tf_keras.layers.InputLayer):
            _compute_in(config, f"mixed_{half}")
        return type(layer).from_config(config)

    made = tf_keras.models.clone_model(model, clone_function=copy)
    made.set_weights(model.get_weights())
    return made
