"""A network trained with int8 simulated, and the file that is written of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor import runtimes, steps, tflite_view
from compressor.evidence import survival
from compressor.formats import tflite
from compressor.networks import sized, tensorflow_network
from compressor.steps import Workpiece
from compressor.training import Trainer
from compressor.values import Dataset, Precision, Source, Split

_SAMPLES = 64


@dataclass
class Made:
    """What the step made, and the file written of it."""

    model: Any
    result: Workpiece
    samples: Any
    path: Any

    @property
    def view(self):
        return tflite_view.read(self.path)

    @property
    def float_operators(self):
        return survival.float_operators(self.path)

    def answers(self):
        session = runtimes.load("litert_reference").open(self.path, 1)
        answers = []
        for row in range(len(self.samples)):
            session.load({self.result.simulated.input_names[0]: self.samples[row : row + 1]})
            session.invoke()
            answers.append(next(iter(session.results().values())).copy())
        return np.concatenate(answers)

    def simulated_answers(self):
        return self.result.simulated.predict(self.samples, verbose=0)


def made(model, folder, samples=None, **settings):
    """Train with int8 simulated for an epoch, and write the file."""
    random = np.random.default_rng(0)
    shape = tuple(model.input_shape[1:])
    if samples is None:
        samples = random.normal(size=(_SAMPLES, *shape)).astype(np.float32)
    for weight in model.weights:
        if weight.name.endswith(("gamma:0", "moving_variance:0")):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith(("beta:0", "moving_mean:0")):
            weight.assign(random.normal(0, 0.2, weight.shape))
    split = Split({"x": samples}, random.integers(0, 3, len(samples)))
    step = steps.load("quantize_aware")
    trainer = Trainer(Dataset("random", "generated", split, split, split))
    result = step.apply(Workpiece(model), step.settings(**{"epochs": 1, "learning_rate": 1e-3, **settings}), trainer)
    network = tensorflow_network.of_tf_keras(result.simulated)
    (name,) = (spec.name for spec in network.inputs)
    network.leave({name: shape}, folder / "model")
    source = Source("m", folder / "model", folder / "model", sized(network.inputs, {name: shape}), network.outputs)
    tflite.write(source, Precision.INT8, {name: samples[:32]}, folder / "model.tflite")
    return Made(model, result, samples, folder / "model.tflite")
