"""Models that others learn from: the original, kept as it was, and model files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import custom_objects, model_files
from compressor.errors import BadInput
from compressor.recipe import ORIGINAL, Recipe
from compressor.training import mixed_precision

if TYPE_CHECKING:
    import tf_keras


class Teachers:
    """The teachers that a recipe names; each is made or read once.

    Args:
        original: the model before the first step, which may change it in place.
        custom: module of the user's own layers, or None.
        trusted: code that the user names may be run.
    """

    def __init__(self, recipe: Recipe, original: tf_keras.Model, custom: str | None, trusted: bool) -> None:
        self._custom, self._trusted = custom, trusted
        self._made: dict[str, tf_keras.Model] = {}
        if ORIGINAL in recipe.teachers:
            self._made[ORIGINAL] = mixed_precision.copied(original, None)

    def __call__(self, name: str) -> tf_keras.Model:
        """The model of that name.

        Raises:
            BadInput: a file that is no model, or one without layers.
        """
        if name not in self._made:
            loaded = model_files.load(Path(name), custom_objects.load(self._custom, self._trusted))
            if loaded.model is None:
                raise BadInput(
                    f"{name} cannot teach: {loaded.limitation or 'it has no Keras layers'}",
                    expected="a model whose layers can be made again in tf_keras",
                )
            self._made[name] = loaded.model
        return self._made[name]
