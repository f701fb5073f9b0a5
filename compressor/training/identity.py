"""What a training is known by: everything that decides the weights it ends with."""

from __future__ import annotations

import hashlib
import inspect
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tf_keras

    from compressor.training.place import Place


def of(model: tf_keras.Model, told: Any, place: Place) -> str:
    """A short name that no other training has.

    Args:
        model: as training begins, weights included.
        told: settings, data and whatever else decides, as something whose `repr` tells it.
    """
    import tensorflow as tf

    digest = hashlib.sha256()
    where = (place.replicas, place.number_format, bool(place.gpus), tf.__version__, source())
    digest.update(repr((told, where, structure(model))).encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def structure(model: tf_keras.Model) -> str:
    """Layers and their settings as text; a class with a training step of its own counts with its code."""
    config = json.dumps(model.get_config(), sort_keys=True, default=lambda value: type(value).__name__)
    kind = type(model)
    return config + (kind.__name__ if kind.__module__.startswith("tf_keras.") else inspect.getsource(kind))


@cache
def source() -> str:
    """Hash of the code that trains."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
