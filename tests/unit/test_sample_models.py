"""Sample data: real, disjoint, the same each time, and a clear word where it is not to be had."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compressor import names
from compressor.data.fit import fit
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import Dataset, TensorSpec


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return names.load_sample("digits_cnn").dataset()


def test_the_digits_are_split_as_promised_and_shared_by_no_two_sets(digits: Dataset) -> None:
    assert digits.train is not None
    sets = (digits.train, digits.calibration, digits.evaluation)
    assert [part.count for part in sets] == [1197, 100, 500]
    images = np.concatenate([part.inputs["image"].reshape(part.count, -1) for part in sets])
    assert len(np.unique(images, axis=0)) == 1797
    assert (images.min(), images.max(), images.dtype) == (0.0, 1.0, np.float32)
    assert all(len(np.unique(part.labels)) == 10 for part in sets)


def test_the_digits_are_the_same_each_time(digits: Dataset) -> None:
    again = names.load_sample("digits_cnn").dataset()
    assert np.array_equal(again.evaluation.inputs["image"], digits.evaluation.inputs["image"])


def test_the_digits_fit_their_network_without_a_warning(digits: Dataset, tmp_path: Path) -> None:
    image, digit = TensorSpec("image", (None, 8, 8, 1), "float32"), TensorSpec("digit", (None, 10), "float32")
    fitted = fit(digits, DataSpec(source="digits_cnn"), (image,), (digit,), tmp_path / "data.npz")
    assert (fitted.warnings, fitted.dataset.notes) == ((), ())


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sample looks for Keras's own file."""
    monkeypatch.setenv("COMPRESSOR_DATA", str(tmp_path))
    return tmp_path / "mnist.npz"


def test_mnist_that_is_nowhere_is_bad_input_that_says_both_ways(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> None:
        raise OSError("no network")

    offline = SimpleNamespace(datasets=SimpleNamespace(mnist=SimpleNamespace(load_data=unreachable)))
    monkeypatch.setitem(sys.modules, "tf_keras", offline)
    with pytest.raises(BadInput, match=r"(?s)no network.*COMPRESSOR_DATA.*mnist\.npz.*network"):
        names.load_sample("mnist_cnn").dataset()


@pytest.mark.parametrize("arrays", [{}, {"x_train": np.ones(3)}, dict.fromkeys(("x_train", "y_train"), np.ones(3))])
def test_mnist_without_its_arrays_is_bad_input(arrays: dict[str, Any], mnist: Path) -> None:
    np.savez(mnist, **arrays)
    with pytest.raises(BadInput, match=r"mnist\.npz cannot be read"):
        names.load_sample("mnist_cnn").dataset()


def test_other_images_are_not_mnist(mnist: Path) -> None:
    np.savez(mnist, **dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), np.ones((3, 28, 28))))
    with pytest.raises(BadInput, match="is not MNIST"):
        names.load_sample("mnist_cnn").dataset()


def test_mnist_is_scaled_to_one_and_calibrated_apart_from_training(mnist: Path) -> None:
    x = np.zeros((60_000, 28, 28), np.uint8)
    x[:500] = 255
    np.savez(mnist, x_train=x, y_train=np.zeros(60_000), x_test=x[:10_000], y_test=np.zeros(10_000))
    found = names.load_sample("mnist_cnn").dataset()
    assert found.train is not None
    assert [part.count for part in (found.train, found.calibration, found.evaluation)] == [59_500, 500, 10_000]
    assert found.calibration.inputs["image"].min() == 1.0
    assert found.train.inputs["image"].max() == 0.0
    assert found.evaluation.inputs["image"].shape == (10_000, 28, 28, 1)
