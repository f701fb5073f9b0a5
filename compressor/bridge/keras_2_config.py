"""Configurations that Keras 2 wrote, from TensorFlow 2.2 on, made fit for the tf_keras of today."""

from __future__ import annotations

import json
import re
from typing import Any

# A mixed policy is how the model was trained; its weights are float32, and that is what is compressed.
_POLICIES = {"mixed_float16": "float32", "mixed_bfloat16": "float32"}
# The cuDNN layers of TensorFlow 1 compute what the plain ones do with these settings; weights are converted on loading.
_CUDNN: dict[str, tuple[str, dict[str, Any]]] = {
    "CuDNNLSTM": ("LSTM", {"activation": "tanh", "recurrent_activation": "sigmoid"}),
    "CuDNNGRU": ("GRU", {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True}),
}
_VERSIONS = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def repaired(config: Any) -> Any:
    """The configuration with names and settings of today; what it describes stays the same."""
    if isinstance(config, list):
        return [repaired(value) for value in config]
    if isinstance(config, str):
        return _POLICIES.get(config, config)
    if not isinstance(config, dict):
        return config
    again = {key: repaired(value) for key, value in config.items()}
    name, inner = again.get("class_name"), again.get("config")
    if isinstance(name, str) and isinstance(inner, dict):
        again["class_name"] = _VERSIONS.get(name, name)
        if name in _CUDNN:
            again["class_name"], settings = _CUDNN[name]
            again["config"] = inner | settings
        if inner.get("stateful") is True:
            # Samples are judged one by one: each begins a sequence.
            again["config"] = again["config"] | {"stateful": False}
        # Standalone Keras and Keras 3 both state shapes of inputs under this name.
        if name == "InputLayer" and "batch_shape" in inner and "batch_input_shape" not in inner:
            again["config"] = {"batch_input_shape" if k == "batch_shape" else k: v for k, v in inner.items()}
    return again


def loss_name(training_config: Any) -> str | None:
    """Name of the one loss in a file's training configuration (JSON text), in lower case with underscores."""
    try:
        loss = json.loads(training_config).get("loss")
    except (ValueError, TypeError, AttributeError):
        return None
    if isinstance(loss, list) and len(loss) == 1:
        loss = loss[0]
    if isinstance(loss, dict):
        inner = loss.get("config")
        loss = inner if isinstance(inner, str) else loss.get("class_name")
    if not isinstance(loss, str) or not _NAME.fullmatch(loss):
        return None
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()
