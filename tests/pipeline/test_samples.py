"""Every sample's network: of the published size, and, for some, trained a little, compressed and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_hand import DATA, needs_data

import compressor
from compressor import names, registry
from compressor.steps import TrainingSettings
from compressor.training import Trainer
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow

# Samples whose data is neither bundled nor generated.
IN_DATA_FOLDER = {"ds_cnn": "fsdd_logmel_train2700.npz", "lenet5": "mnist.npz", "lenet_300_100": "mnist.npz"}
# Parameters (published: resnet8, ds_cnn with 12 classes and 130 more, mobilenet_v1_025, autoencoder by MLPerf Tiny;
# mobilenet_v2 by Keras; both LeNets follow from their layers), input without batch, its dtype, output without batch.
NETWORKS: dict[str, tuple[int, tuple[int, ...], str, tuple[int, ...]]] = {
    "autoencoder": (269992, (640,), "float32", (640,)),
    "char_lstm": (295680, (64,), "int32", (64, 256)),
    "diabetes_mlp": (2817, (10,), "float32", (1,)),
    "digits_cnn": (72842, (8, 8, 1), "float32", (10,)),
    "ds_cnn": (24778, (61, 40, 1), "float32", (10,)),
    "lenet5": (431080, (28, 28, 1), "float32", (10,)),
    "lenet_300_100": (266610, (28, 28, 1), "float32", (10,)),
    "mnist_cnn": (257162, (28, 28, 1), "float32", (10,)),
    "mobilenet_v1_025": (221794, (96, 96, 3), "float32", (2,)),
    "mobilenet_v2": (3538984, (224, 224, 3), "float32", (1000,)),
    "resnet8": (78666, (32, 32, 3), "float32", (10,)),
    "sentiment_lstm": (146561, (40,), "int32", (1,)),
    "series_lstm": (19777, (12, 12), "float32", (1,)),
}


# The same for each network of a sample that consists of several.
SEVERAL: dict[str, dict[str, tuple[int, tuple[int, ...], str, tuple[int, ...]]]] = {
    "digit_gan": {
        "generator": (227329, (64,), "float32", (28, 28, 1)),
        "discriminator": (31825, (28, 28, 1), "float32", (1,)),
    },
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_of_its_published_size(name: str) -> None:
    assert _told(names.load_sample(name).build()) == NETWORKS[name]


@pytest.mark.parametrize("name", SEVERAL)
def test_each_of_several_networks_is_of_its_size(name: str) -> None:
    sample = names.load_sample(name)
    whole = sample.build()
    assert {network: _told(part.network(whole)) for network, part in sample.parts.items()} == SEVERAL[name]


def _told(model: Any) -> tuple[int, tuple[int, ...], str, tuple[int, ...]]:
    (given,), (answer,) = model.inputs, model.outputs
    return model.count_params(), tuple(given.shape[1:]), given.dtype.name, tuple(answer.shape[1:])


def test_every_other_sample_than_these_has_to_be_added_here() -> None:
    assert set(registry.names("sample_models")) == set(NETWORKS) | set(SEVERAL)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Any, Dataset]]:
    """A sample and its data with 256 samples to train on and 64 to judge; nothing is downloaded."""
    import tf_keras

    def unreachable(**settings: object) -> None:
        raise OSError("no network")

    for module in (tf_keras.datasets.mnist, tf_keras.datasets.imdb, tf_keras.datasets.cifar10):
        monkeypatch.setattr(module, "load_data", unreachable)

    def made(name: str) -> tuple[Any, Dataset]:
        sample = names.load_sample(name)
        found = sample.dataset()
        assert found.train is not None
        assert isinstance(found.evaluation, Split)
        few = replace(found, train=found.train.rows(slice(256)), evaluation=found.evaluation.rows(slice(64)))
        return sample, replace(few, calibration=found.calibration.rows(slice(32)))

    return made


def _with_data(name: str) -> Any:
    """The sample's name; skipped only where its data, which is nobody's to pass on, is not at hand."""
    file = IN_DATA_FOLDER.get(name)
    return pytest.param(
        name, marks=() if file is None else needs_data(DATA / file, f"COMPRESSOR_DATA names no folder with {file}")
    )


LEARNING = sorted(set(NETWORKS) - {"mobilenet_v2", "digits_cnn", "mnist_cnn"})


@pytest.mark.parametrize("name", map(_with_data, LEARNING))
def test_a_network_learns_from_a_few_of_its_samples(name: str, tiny: Callable[[str], tuple[Any, Dataset]]) -> None:
    sample, data = tiny(name)
    model = sample.build()
    settings = TrainingSettings(epochs=1, learning_rate=sample.learning_rate, batch_size=32)
    first = Trainer(data, sample.loss, 0).fit(model, settings, "train")["last_loss"]
    again = Trainer(data, sample.loss, 0).fit(model, settings, "train")["last_loss"]
    assert again < first


@pytest.mark.parametrize("name", ["diabetes_mlp", "series_lstm", "char_lstm"])
def test_a_sample_of_every_kind_of_answer_is_written_and_judged_on_both_runtimes(
    name: str, tiny: Callable[[str], tuple[Any, Dataset]], tmp_path: Path
) -> None:
    sample, data = tiny(name)
    model = sample.build()
    Trainer(data, sample.loss, 0).fit(model, TrainingSettings(epochs=1, batch_size=32), "train")
    arrays = {}
    for part in ("calibration", "evaluation"):
        split = getattr(data, part)
        (arrays[f"x_{part}"],), arrays[f"y_{part}"] = split.inputs.values(), split.labels
    report = compressor.run(model, "dynamic_int8", data=arrays, out=tmp_path / "out")
    measured = [row for row in report.rows if row.provenance == "measured"]
    assert {(row.runtime, row.stage) for row in measured} == {
        (runtime, stage) for runtime in ("litert", "onnxruntime") for stage in ("float32", "compressed")
    }
    wanted = "accuracy" if name == "char_lstm" else "mean_squared_error"
    assert {row.metric.name for row in measured if row.metric} == {wanted}
    assert all(row.max_abs_error < 1e-4 for row in measured if row.stage == "float32")


def test_the_sample_of_random_weights_answers_differently_to_different_pictures() -> None:
    sample = names.load_sample("mobilenet_v2")
    answers = sample.build().predict(sample.dataset().calibration.inputs[""][:4], verbose=0)
    assert np.ptp(answers, axis=0).max() > 1e-4
