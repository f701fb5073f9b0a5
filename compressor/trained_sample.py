"""A sample's network with trained weights: from the cache, or trained now and cached."""

from __future__ import annotations

import contextlib
import inspect
import json
from typing import TYPE_CHECKING, Any

from compressor import cache
from compressor.files import sha256, whole_file
from compressor.sample import SampleModel
from compressor.steps import TrainingSettings
from compressor.training import Trainer

if TYPE_CHECKING:
    import tf_keras


def settings_of(sample: SampleModel) -> TrainingSettings:
    """How a sample is trained unless the user says otherwise."""
    return TrainingSettings(epochs=sample.epochs, learning_rate=sample.learning_rate, batch_size=sample.batch_size)


def trained(model: tf_keras.Model, sample: SampleModel, settings: TrainingSettings, trainer: Trainer) -> dict[str, Any]:
    """Give the untrained `model` its trained weights and say how they came about.

    The cache knows them by the sample's code, the network, the data and everything else that decides them.

    Args:
        trainer: of the sample's data, fitted to the model.
    """
    code = inspect.getsource(inspect.getmodule(sample.build) or SampleModel)
    cached = cache.folder("trained") / f"{model.name}-{trainer.known_by(model, settings, code)}.h5"
    facts_file = cached.with_suffix(".json")
    facts: dict[str, Any] | None = None
    # A cache entry that cannot be read is made again: nothing is lost but time.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(facts_file.read_text())
        if found["sha256"] == sha256(cached):
            model.load_weights(str(cached))
            facts = found["facts"] | {"cached": True}
    # Workers that train while another one has nothing to train would wait for it forever.
    if trainer.agreed((int(facts is not None),)) == {1} and facts is not None:
        return facts
    cache.check_writable(cached.parent, "trained weights")
    facts = trainer.fit(model, settings, "train")
    with whole_file(cached) as temporary:
        model.save_weights(str(temporary), save_format="h5")
    with whole_file(facts_file) as temporary:
        temporary.write_text(json.dumps({"facts": facts, "sha256": sha256(cached)}))
    return {**facts, "cached": False}
