"""Writes tf_keras models as `.h5` files: without optimizer, so that every Keras 2 opens them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.files import whole_file

if TYPE_CHECKING:
    import tf_keras


def save_h5(model: tf_keras.Model, path: Path) -> None:
    """Write the model; the file is there whole or not at all."""
    with whole_file(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(str(temporary), include_optimizer=False, save_format="h5")
