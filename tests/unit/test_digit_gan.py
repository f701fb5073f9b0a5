"""Data of the GAN: digits with noise beside them, and what each of its networks sees of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compressor import names


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data folder, and a download that fails."""

    def unreachable() -> None:
        raise OSError("no network")

    monkeypatch.delenv("COMPRESSOR_DATA", raising=False)
    datasets = SimpleNamespace(mnist=SimpleNamespace(load_data=unreachable))
    monkeypatch.setitem(sys.modules, "tf_keras", SimpleNamespace(datasets=datasets))


@pytest.mark.usefixtures("offline")
def test_the_digits_of_the_gan_are_enlarged_and_come_with_noise() -> None:
    found, small = names.load_sample("digit_gan").dataset(), names.load_sample("digits_cnn").dataset()
    assert found.source == "scikit-learn load_digits, enlarged to 28×28"
    assert found.train is not None
    assert [part.count for part in (found.train, found.calibration, found.evaluation)] == [24_000, 100, 500]
    pictures, noise = found.evaluation.inputs["image"], found.evaluation.inputs["noise"]
    assert (pictures.shape, pictures.dtype, noise.shape) == ((500, 28, 28, 1), np.float32, (500, 64))
    assert (pictures.min(), pictures.max()) == (-1, 1)
    # The middle pixels of a 28-pixel row keep what the 8 pixels below them are: their means agree.
    given = 2 * small.evaluation.inputs["image"].mean(axis=(1, 2, 3)) - 1
    assert np.abs(pictures.mean(axis=(1, 2, 3)) - given).max() < 0.01
    assert (noise.mean(), noise.std()) == pytest.approx((0, 1), abs=0.02)
    assert len({row.tobytes() for row in noise} | {row.tobytes() for row in found.calibration.inputs["noise"]}) == 600


class Inverting:
    """Stands in for a trained generator: pictures that are noise, and no network."""

    def get_layer(self, name: str) -> Inverting:
        assert name == "generator"
        return self

    def predict(self, noise: Any, size: int, verbose: int) -> Any:
        return np.repeat(noise[:, :1], 784, axis=1).reshape(-1, 28, 28, 1)


@pytest.mark.usefixtures("offline")
def test_the_discriminator_judges_every_digit_beside_a_generated_one() -> None:
    sample = names.load_sample("digit_gan")
    found = replace(sample.dataset(), train=None)
    judged: Any = sample.parts["discriminator"].dataset(found, Inverting())
    pictures, labels = judged.evaluation.inputs["image"], judged.evaluation.labels
    assert (judged.train, judged.evaluation.count, labels.mean()) == (None, 1000, 0.5)
    assert np.array_equal(pictures[labels == 1], found.evaluation.inputs["image"])
    assert np.array_equal(pictures[labels == 0][:, 0, 0, 0], found.evaluation.inputs["noise"][:, 0])
    only: Any = sample.parts["generator"].dataset(found, Inverting())
    assert (set(only.evaluation.inputs), only.evaluation.labels) == ({"noise"}, None)
