"""A sample's network with trained weights: from the cache, or trained now and cached."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.sample import SampleModel
from compressor.steps import TrainingSettings
from compressor.training import Trainer, trains_itself
from compressor.values import Array, Dataset

if TYPE_CHECKING:
    import tf_keras


def trained(model: tf_keras.Model, sample: SampleModel, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Give the untrained `model` its trained weights and say how they came about.

    Args:
        dataset: fitted to the model.
    """
    cached = _cache_folder() / f"{model.name}-{_key(sample, model, dataset, seed)}.h5"
    facts_file = cached.with_suffix(".json")
    # A cache entry that cannot be read is made again: nothing is lost but time.
    with contextlib.suppress(OSError, ValueError, KeyError):
        facts = json.loads(facts_file.read_text())
        model.load_weights(str(cached))
        return {**facts, "cached": True}
    _check_writable(cached.parent)
    settings = TrainingSettings(epochs=sample.epochs, learning_rate=sample.learning_rate, batch_size=sample.batch_size)
    facts = Trainer(dataset, sample.loss, seed).fit(model, settings, "train")
    with whole_file(cached) as temporary:
        model.save_weights(str(temporary), save_format="h5")
    with whole_file(facts_file) as temporary:
        temporary.write_text(json.dumps(facts))
    return {**facts, "cached": False}


def _check_writable(folder: Path) -> None:
    """Say so before the training, not after it, when its result could not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"trained weights cannot be kept in {folder}: {error.strerror}",
            fix="set COMPRESSOR_CACHE to a folder that can be written",
        ) from None


def _cache_folder() -> Path:
    root = os.environ.get("COMPRESSOR_CACHE")
    if root:
        return Path(root) / "trained"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compressor" / "trained"


def _key(sample: SampleModel, model: tf_keras.Model, dataset: Dataset, seed: int) -> str:
    """Changes whenever the network, the training data, a setting or TensorFlow does."""
    import tensorflow as tf

    digest = hashlib.sha256()
    train = dataset.train
    arrays: list[Array] = (
        [] if train is None else [*train.inputs.values(), *([] if train.labels is None else [train.labels])]
    )
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    settings = (sample.loss, sample.epochs, sample.batch_size, sample.learning_rate, seed, tf.__version__)
    digest.update(repr((settings, model.to_json(), inspect.getsource(Trainer))).encode())
    if trains_itself(model):
        digest.update(inspect.getsource(type(model)).encode())
    return digest.hexdigest()[:16]
