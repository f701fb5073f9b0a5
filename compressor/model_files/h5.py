"""Whole models in `.h5`: Keras 2 and tf_keras files as they are, Keras 3 files over the bridge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import class_check, keras_bridge
from compressor.errors import BadInput
from compressor.model_files import Loaded, ModelFile

if TYPE_CHECKING:
    import tf_keras

_SAVE_AGAIN = "save the whole model again: model.save('model.h5')"


def read(path: Path) -> Loaded:
    """Check the configuration, rebuild the network, load the weights.

    Raises:
        BadInput: the file is corrupted, holds no whole model, or names what is not built in.
    """
    config, version = _config(path)
    class_check.check(path, config)
    if version.startswith("3"):
        return Loaded(*keras_bridge.from_file(path))
    return Loaded(_rebuilt(path, config))


def _config(path: Path) -> tuple[dict[str, Any], str]:
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
    try:
        config = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        config = None
    if not isinstance(config, dict) or "class_name" not in config:
        raise BadInput(
            f"the model configuration in {path} is not readable",
            expected="JSON with class_name and config",
            fix=_SAVE_AGAIN,
        )
    return config, version


def _rebuilt(path: Path, config: dict[str, Any]) -> tf_keras.Model:
    import tf_keras

    try:
        # A mixed policy is how the model was trained; its weights are float32, and that is what is compressed.
        text = json.dumps(config).replace('"mixed_float16"', '"float32"').replace('"mixed_bfloat16"', '"float32"')
        model = tf_keras.models.model_from_json(text)
        model.load_weights(str(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be rebuilt: {type(error).__name__}: {reason}", fix=_SAVE_AGAIN) from None
    if not model.built or not getattr(model, "inputs", None):
        raise BadInput(f"{path} states no input shape", fix="build the model (call it once) and save it again")
    return model


MODEL_FILE = ModelFile(
    summary="whole model in HDF5, saved by Keras 2, tf_keras or Keras 3",
    suffixes=(".h5", ".hdf5"),
    read=read,
)
