"""A Keras 3 file, whose configuration has been checked → tf_keras layers over the bridge, or the model as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor.bridge import keras_bridge
from compressor.errors import BadInput
from compressor.model_files import Known, Loaded
from compressor.networks import tensorflow_network

if TYPE_CHECKING:
    import keras


def load(path: Path, known: Known) -> Loaded:
    """Load with Keras 3 and bridge; what the bridge refuses is kept in Keras 3, and can only be written as it is.

    Raises:
        BadInput: Keras cannot load the file.
    """
    import keras

    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True, custom_objects=dict(known))
        _unmix(model)
        network = tensorflow_network.of_keras_3(model)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be loaded by Keras {keras.__version__}: {reason}") from None
    try:
        bridged, difference = keras_bridge.bridge(model)
    except BadInput as refusal:
        return Loaded(network=network, limitation=str(refusal).splitlines()[0], keras_3=model)
    except Exception as error:
        # tf_keras says in many ways that it does not take a layer or a name.
        reason = f"tf_keras refuses it: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return Loaded(network=network, limitation=reason, keras_3=model)
    return Loaded(bridged, bridge_difference=difference, keras_3=model)


def _unmix(model: keras.Model) -> None:
    """Layers of a mixed policy compute in the dtype of their weights, float32: the policy was a way to train."""
    for layer in model._flatten_layers():
        policy = layer.dtype_policy
        if getattr(policy, "quantization_mode", None) is None and policy.compute_dtype != policy.variable_dtype:
            layer.dtype_policy = policy.variable_dtype
