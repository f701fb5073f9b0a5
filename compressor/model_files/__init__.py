"""Model files: one way to read a file per module, found by file name. The one place where a model file is opened.

A module defines `MODEL_FILE`, a `ModelFile`. Every reader checks the configuration first, rebuilds the network from
it, then loads weights: a file never makes this process run code of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from compressor import registry, token_inputs
from compressor.errors import BadInput

if TYPE_CHECKING:
    import keras
    import tf_keras


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tf_keras model without its optimizer.

    `bridge_difference` is the largest difference of any output between the file's own framework and this model,
    None where the file was tf_keras's own. `keras_3` is the model as Keras 3 loaded it.
    """

    model: tf_keras.Model
    bridge_difference: float | None = None
    keras_3: keras.Model | None = None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A kind of model file."""

    summary: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Loaded]


def names() -> tuple[str, ...]:
    """Names of all readers."""
    return registry.names(__name__)


def load_reader(name: str) -> ModelFile:
    """The reader of that name."""
    return cast(ModelFile, registry.load(__name__, name, "MODEL_FILE", "model file"))


def suffixes() -> dict[str, ModelFile]:
    """Every suffix that can be read, with its reader; imports no framework."""
    return {suffix: reader for name in names() for reader in (load_reader(name),) for suffix in reader.suffixes}


def load(path: Path) -> Loaded:
    """Read a model file.

    Raises:
        BadInput: the file is not a model we can read, would run code, or holds NaN weights.
    """
    loaded = suffixes()[path.suffix].read(path)
    for weight in loaded.model.weights:
        broken = int(np.size(weight) - np.isfinite(weight.numpy()).sum())
        if broken:
            raise BadInput(
                f"{path}: weight '{weight.name}' holds {broken} values that are NaN or infinite",
                expected="finite weights",
                fix="train again, or load an earlier checkpoint",
            )
    return replace(loaded, model=token_inputs.whole(loaded.model))
