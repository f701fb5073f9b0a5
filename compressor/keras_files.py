"""Writes tf_keras models as `.h5` files: without optimizer, so that every Keras 2 opens them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.files import whole_file

if TYPE_CHECKING:
    import tf_keras


def save_h5(model: tf_keras.Model, path: Path) -> None:
    """Write the model; the file is there whole or not at all."""
    with whole_file(path) as temporary, warnings.catch_warnings(), _drawing_as_usual(model):
        warnings.simplefilter("ignore")
        model.save(str(temporary), include_optimizer=False, save_format="h5")


@contextmanager
def _drawing_as_usual(model: tf_keras.Model) -> Iterator[None]:
    """Keep how training here drew random numbers out of the settings of Dropout and the like: older ones refuse it."""
    from tf_keras.src.backend import RandomGenerator

    layers = (getattr(layer, "_random_generator", None) for layer in model.submodules)
    changed = [each for each in layers if each is not None and each._rng_type == RandomGenerator.RNG_STATEFUL]
    for generator in changed:
        generator._rng_type = RandomGenerator.RNG_LEGACY_STATEFUL
    try:
        yield
    finally:
        for generator in changed:
            generator._rng_type = RandomGenerator.RNG_STATEFUL
