"""Models and arrays given as Python objects → files, which are what the flow starts from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compressor.errors import BadInput


def save_model(model: Any, folder: Path) -> Path:
    """A tf_keras or Keras 3 model as a file; as a SavedModel where its layers could not be read back without its code.

    Raises:
        BadInput: no model, or one without weights and shapes.
    """
    framework = type(model).__mro__
    if any(each.__module__.startswith("tf_keras.") for each in framework):
        return _saved(model, folder, ".h5")
    if any(each.__module__.startswith("keras.") for each in framework):
        return _saved(model, folder, ".keras")
    raise BadInput(
        "the model is no model",
        expected="a sample's name, a path, a tf_keras model or a Keras 3 model",
        received=f"{type(model).__module__}.{type(model).__name__}",
    )


def save_arrays(arrays: Mapping[str, Any], folder: Path) -> Path:
    """Arrays by name, in the layout of an `.npz` data set, as a file whose name tells its content."""
    path = folder / "arrays.npz"
    np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})  # type: ignore[arg-type]
    named = folder / f"arrays-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.npz"
    return path.rename(named)


def _saved(model: Any, folder: Path, suffix: str) -> Path:
    from compressor.file_checks import class_check

    if not model.built:
        raise BadInput("the model has no weights yet", fix="build it: call it once on a sample")
    path = folder / f"model{suffix}"
    try:
        class_check.check(path, json.loads(model.to_json()))
        model.save(str(path))
        return path
    except (BadInput, NotImplementedError, TypeError, ValueError):
        # A Lambda, a layer of the user's own, a subclassed model: its graph runs without any of its code.
        exported = folder / "exported"
        model.export(str(exported))
        return exported
