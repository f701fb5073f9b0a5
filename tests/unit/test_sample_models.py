"""Sample data: real, disjoint, the same each time, and a clear word where it is not to be had."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compressor import metrics, names, registry
from compressor.data.fit import fit
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import Dataset, Split, Stream, TensorSpec
from sample_models import _digits_on_photographs


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


@pytest.mark.parametrize("name", registry.names("sample_models"))
def test_the_metric_that_a_sample_names_is_there(name: str) -> None:
    metric = names.load_sample(name).metric
    assert metric == ("perplexity" if name == "char_lstm" else None)
    assert metric is None or metric in metrics.names()


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


@dataclass(frozen=True)
class Promised:
    """What a sample's data is: a part of its source, samples per set, and one input's name, shape and dtype."""

    source: str
    counts: tuple[int, int, int]
    name: str
    shape: tuple[int, ...]
    dtype: type
    labels: tuple[int, ...] | None = ()


CARRIED = {
    "diabetes_mlp": Promised("load_diabetes", (292, 50, 100), "patient", (10,), np.float32, (1,)),
    "series_lstm": Promised("generated", (3315, 195, 4810), "steps", (12, 12), np.float32, (1,)),
    "char_lstm": Promised("pydoc_data", (0, 200, 320), "bytes", (64,), np.int32, (64,)),
    "sentiment_lstm": Promised("generated", (2800, 200, 1000), "words", (40,), np.int32),
    "autoencoder": Promised("generated", (7800, 300, 900), "frames", (640,), np.float32, (640,)),
    "resnet8": Promised("generated", (6000, 300, 1000), "image", (32, 32, 3), np.float32),
    "mobilenet_v1_025": Promised("generated", (1600, 100, 500), "image", (96, 96, 3), np.float32),
    "mobilenet_v2": Promised("photographs", (32, 32, 32), "", (224, 224, 3), np.float32, None),
}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data folder, and downloads that fail."""

    def unreachable(**settings: object) -> None:
        raise OSError("no network")

    found = SimpleNamespace(load_data=unreachable)
    monkeypatch.delenv("COMPRESSOR_DATA", raising=False)
    datasets = SimpleNamespace(mnist=found, imdb=found, cifar10=found)
    monkeypatch.setitem(sys.modules, "tf_keras", SimpleNamespace(datasets=datasets))


def hashes(part: Split | Stream | None) -> list[bytes]:
    assert isinstance(part, Split)
    return [row.tobytes() for row in next(iter(part.inputs.values()))]


def check(found: Dataset, promised: Promised) -> None:
    """The promise is kept, no sample is in two sets, and none is twice where the network is judged."""
    assert promised.source in found.source
    train, calibration, evaluation = promised.counts
    assert (found.calibration.count, found.evaluation.count) == (calibration, evaluation)
    assert found.train is not None
    assert found.train.labels is not None
    assert train in (0, found.train.count)
    sets = [found.train, found.calibration, found.evaluation]
    for part in sets:
        assert isinstance(part, Split)
        array = part.inputs[promised.name]
        assert (array.shape[1:], array.dtype) == (promised.shape, promised.dtype)
        assert np.isfinite(array).all()
        if part is not found.train:
            assert (None if part.labels is None else part.labels.shape[1:]) == promised.labels
    different = [set(hashes(part)) for part in sets]
    assert len(set.union(*different)) == sum(map(len, different))
    assert len(different[-1]) == evaluation


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", CARRIED)
def test_without_folder_and_network_a_sample_has_data_that_says_what_it_is(name: str) -> None:
    found = names.load_sample(name).dataset()
    check(found, CARRIED[name])
    again = names.load_sample(name).dataset()
    assert hashes(again.evaluation) == hashes(found.evaluation)
    assert hashes(again.calibration) == hashes(found.calibration)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5", "mnist_cnn", "ds_cnn"])
def test_a_sample_without_its_data_says_how_to_get_it(name: str) -> None:
    with pytest.raises(BadInput, match=r"set COMPRESSOR_DATA to a folder with"):
        names.load_sample(name).dataset()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with files of the right shapes and chance values."""
    rng = np.random.default_rng(0)
    monkeypatch.setenv("COMPRESSOR_DATA", str(tmp_path))
    for part, count in (("train", 2700), ("test", 300)):
        sounds = rng.normal(-5, 2, (count, 61, 40, 1)).astype(np.float16)
        # The end of a clip is silence in all of them.
        sounds[:, 20:] = -13.8
        np.savez(tmp_path / f"fsdd_logmel_{part}{count}.npz", x=sounds, y=np.arange(count) % 10)
    series = rng.normal(size=(640, 25, 12)).astype(np.float32)
    np.savez(tmp_path / "ts_JapaneseVowels.npz", x_train=series[:270], x_test=series[270:])
    text = rng.integers(10, 123, 64 * 16_000).astype(np.uint8)
    np.savez(tmp_path / "tinyshakespeare_bytes.npz", x=np.resize(text, 1_115_394))
    words = rng.integers(0, 3000, (5000, 6))
    texts = [" ".join(f"w{''.join(chr(97 + int(d)) for d in str(word))}" for word in row) for row in words]
    np.savez(tmp_path / "sms_spam5574.npz", x=np.array([*texts, *texts[:574]]), y=np.arange(5574) % 2)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("ds_cnn", Promised("fsdd", (2600, 100, 300), "sound", (61, 40, 1), np.float32)),
        # The window from frame 20 on would be silence alone; those from 0, 8 and 16 differ.
        ("autoencoder", Promised("fsdd", (7800, 300, 900), "frames", (640,), np.float32, (640,))),
        ("series_lstm", Promised("JapaneseVowels", (3315, 195, 4810), "steps", (12, 12), np.float32, (1,))),
        ("char_lstm", Promised("tinyshakespeare", (14_200, 200, 320), "bytes", (64,), np.int32, (64,))),
        ("sentiment_lstm", Promised("sms_spam", (3800, 200, 1000), "words", (40,), np.int32)),
    ],
)
def test_the_data_folder_comes_first_and_equal_samples_are_there_once(name: str, promised: Promised) -> None:
    check(names.load_sample(name).dataset(), promised)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ds_cnn", "fsdd_logmel_train2700.npz"),
        ("series_lstm", "ts_JapaneseVowels.npz"),
        ("char_lstm", "tinyshakespeare_bytes.npz"),
        ("sentiment_lstm", "sms_spam5574.npz"),
        ("resnet8", "cifar10.npz"),
    ],
)
def test_a_file_of_the_data_folder_that_is_another_is_bad_input(name: str, file: str, folder: Path) -> None:
    np.savez(folder / file, **dict.fromkeys(("x", "y", "x_train", "y_train", "x_test", "y_test"), np.ones((2, 2))))
    with pytest.raises(BadInput, match=f"{file} is not"):
        names.load_sample(name).dataset()


@pytest.mark.usefixtures("folder")
def test_spoken_digits_are_standardised_and_calibrated_on_every_digit() -> None:
    found = names.load_sample("ds_cnn").dataset()
    assert found.train is not None
    sounds = found.train.inputs["sound"]
    assert (float(sounds.mean()), float(sounds.std())) == pytest.approx((0, 1), abs=0.01)
    assert set(found.calibration.labels.tolist()) == set(range(10))


@pytest.mark.usefixtures("folder")
def test_texts_are_padded_before_their_words_and_calibrate_both_kinds_alike() -> None:
    found = names.load_sample("sentiment_lstm").dataset()
    words = found.calibration.inputs["words"]
    assert (words[:, :-6] == 0).all()
    assert (words[:, -6:] >= 1).all()
    assert words.max() < 2000
    assert found.calibration.labels.sum() == 100


@pytest.mark.usefixtures("offline")
def test_the_label_of_a_byte_is_the_byte_that_follows() -> None:
    found = names.load_sample("char_lstm").dataset()
    assert found.train is not None
    windows, following = found.train.inputs["bytes"], found.train.labels
    assert np.array_equal(windows[:, 1:], following[:, :-1])


@pytest.mark.usefixtures("folder")
def test_the_label_of_a_window_is_the_next_value_of_the_first_channel(folder: Path) -> None:
    found = names.load_sample("series_lstm").dataset()
    with np.load(folder / "ts_JapaneseVowels.npz") as stored:
        first = stored["x_test"][0]
    assert np.array_equal(found.evaluation.inputs["steps"][0], first[:12])
    assert found.evaluation.labels[0, 0] == first[12, 0]


@pytest.mark.usefixtures("offline")
def test_a_digit_is_drawn_where_the_label_says_so() -> None:
    drawn, _ = _digits_on_photographs.pictures(32, 3, 200, 1, drawn=1.0)
    bare, _ = _digits_on_photographs.pictures(32, 3, 200, 1, drawn=0.0)
    assert (drawn.drawn.sum(), bare.drawn.sum()) == (200, 0)
    assert 0 <= drawn.images.min() <= drawn.images.max() <= 1
    # Ink is 0.6 away from the ground: pixels of a drawn picture lie much further apart.
    assert drawn.images.std(axis=(1, 2)).mean() > 1.5 * bare.images.std(axis=(1, 2)).mean()
