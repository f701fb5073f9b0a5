"""A process that trains: what it is given and what it found pass as JSON, because TensorFlow is set up once a process.

python training_process.py OPTIONS STEP RESULT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from compressor import steps
from compressor.steps import Workpiece
from compressor.training import Trainer, set_up
from compressor.training import options as training_options
from compressor.values import Dataset, Split

SETTINGS = {"epochs": 3, "learning_rate": 1e-2, "batch_size": 32}
OF_STEP = {"prune": {"sparsity": 0.5}, "cluster": {"clusters": 8}, "distill": {"weight": 0.5}}


def main(options: str, step: str, result: str) -> None:
    # Before anything else: a strategy has to be there before TensorFlow is used.
    place = set_up(training_options.of(json.loads(options)))
    import tf_keras
    from tf_keras import layers

    rng = np.random.default_rng(0)
    x = rng.normal(size=(252, 8, 8, 1)).astype(np.float32)
    y = (x[:, 2:5].mean(axis=(1, 2, 3)) > 0).astype(np.int64)
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    dataset = Dataset("made", "made", Split({"x": x[:32]}), Split({"x": x[:32]}, y[:32]), Split({"x": x}, y))
    plugin = steps.load(step)
    chosen = plugin.settings(**SETTINGS, **OF_STEP.get(step, {}))
    teacher = tf_keras.models.clone_model(model)
    teacher.set_weights([3 * weight for weight in model.get_weights()])
    found = plugin.apply(Workpiece(model), chosen, Trainer(dataset, None, 0, place, lambda _: teacher))
    facts = dict(found.facts[-1])
    answers = found.model(x[:8]).numpy().tolist()
    simulated = None if found.simulated is None else found.simulated(x[:8]).numpy().tolist()
    Path(result).write_text(json.dumps({"facts": facts, "answers": answers, "simulated": simulated}))


if __name__ == "__main__":
    main(*sys.argv[1:])
