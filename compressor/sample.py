"""A sample model: a network with real data, to start from and to promise numbers on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras

    from compressor.values import Dataset


@dataclass(frozen=True, slots=True)
class SampleModel:
    """How to build, train and judge one sample.

    Attributes:
        build: makes the untrained network (imports TensorFlow).
        dataset: loads the data; imports TensorFlow only if it has to download.
        loss: a tf_keras loss name.
        expects: what a trained float model reaches, in words.
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
    metric: str | None = None
