"""Whole models in `.h5`: Keras 2 and tf_keras files as they are, Keras 3 files over the bridge."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.bridge import keras_2_config
from compressor.bridge.keras_layers import fit_name
from compressor.errors import BadInput
from compressor.file_checks import call_order_check, class_check, hdf5_check
from compressor.model_files import Known, Loaded, ModelFile, _keras_3

if TYPE_CHECKING:
    import tf_keras

_SAVE_AGAIN = "save the whole model again: model.save('model.h5')"


def read(path: Path, known: Known) -> Loaded:
    """Check the configuration, rebuild the network, load the weights; in Keras 3 what tf_keras cannot rebuild.

    Raises:
        BadInput: the file is corrupted, holds no whole model, or names what is not built in.
    """
    config, loss, version = _config(path)
    if version.startswith("3"):
        class_check.check(path, config, known)
        return replace(_keras_3.load(path, known), loss=loss)
    config = keras_2_config.repaired(config)
    class_check.check(path, config, known)
    call_order_check.check(path, config)
    try:
        return Loaded(_rebuilt(path, config, known), loss=loss)
    except BadInput as refusal:
        with contextlib.suppress(BadInput):
            return replace(_keras_3.load(path, known), loss=loss)
        raise refusal from None


def _config(path: Path) -> tuple[dict[str, Any], str | None, str]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            hdf5_check.check(path, file)
            text = file.attrs.get("model_config")
            version = file.attrs.get("keras_version", "")
            training = file.attrs.get("training_config")
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
    return config, keras_2_config.loss_name(training), version


def _rebuilt(path: Path, config: dict[str, Any], known: Known) -> tf_keras.Model:
    import tf_keras

    try:
        model = tf_keras.models.model_from_json(json.dumps(config), custom_objects=dict(known))
        model.load_weights(str(path))
        # Inside a graph the name is a scope, which takes no spaces.
        model._name = fit_name(model.name)
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
