"""A sample model: a network with real data, to start from and to promise numbers on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras

    from compressor.values import Dataset


@dataclass(frozen=True, slots=True)
class Part:
    """One of several networks that are trained together and compressed each for itself.

    Attributes:
        network: takes it out of the trained whole.
        dataset: (the whole's data, the trained whole) → the network's own data. Splits without labels are labelled
            with the trained network's own answers: it is judged by its likeness to itself.
        loss: a tf_keras loss name, for steps that train.
        metric: what it is judged by, None to choose by labels and outputs.
    """

    network: Callable[[tf_keras.Model], tf_keras.Model]
    dataset: Callable[[Dataset, tf_keras.Model], Dataset]
    loss: str
    metric: str | None = None


@dataclass(frozen=True, slots=True)
class SampleModel:
    """How to build, train and judge one sample.

    Attributes:
        build: makes the untrained network (imports TensorFlow).
        dataset: loads the data; imports TensorFlow only if it has to download.
        loss: a tf_keras loss name; what the report calls it where the model's class brings its own `train_step`.
        expects: what a trained float model reaches, in words.
        parts: the networks it consists of, by name, where there are several; each gets files of its own.
        metric: judges it on its own data where the user names none; None to choose by labels and outputs.
    """

    summary: str
    build: Callable[[], tf_keras.Model]
    dataset: Callable[[], Dataset]
    loss: str
    epochs: int
    expects: str
    batch_size: int = 64
    learning_rate: float = 1e-3
    parts: Mapping[str, Part] = field(default_factory=dict)
    metric: str | None = None
