"""A GAN, trained a little: the same weights each time, and both networks through one run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor.errors import BadInput
from compressor.report import schema
from compressor.report.schema import Report
from compressor.steps import TrainingSettings
from compressor.training import Trainer, set_up
from compressor.values import Dataset
from sample_models import _mnist, digit_gan

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).resolve().parents[2]

TINY_GAN = """
from dataclasses import replace

from compressor.errors import BadInput
from sample_models import _mnist, digit_gan


def absent():
    raise BadInput("only the digits are sure to be here")


def few():
    found = digit_gan.dataset()
    train, judged = (found.train.rows(slice(128)), found.evaluation.rows(slice(64)))
    return replace(found, train=train, calibration=found.calibration.rows(slice(32)), evaluation=judged)


_mnist.dataset = absent
MODEL = replace(digit_gan.MODEL, dataset=few, epochs=1)
"""
RECIPE = """
summary: zeros, and int8 that is trained for
steps:
  - prune: {sparsity: 0.5, epochs: 1}
  - quantize_aware: {epochs: 1}
precision: int8
"""


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """192 enlarged digits to train on."""

    def absent() -> None:
        raise BadInput("only the digits are sure to be here")

    monkeypatch.setattr(_mnist, "dataset", absent)
    found = digit_gan.dataset()
    assert found.train is not None
    return replace(found, train=found.train.rows(slice(192)))


def trained(data: Dataset, of: Callable[[Any], Any] = lambda model: model) -> list[np.ndarray]:
    """Weights after an epoch of three batches."""
    set_up(seed=0)
    model = of(digit_gan.build())
    Trainer(data, "adversarial", 0).fit(model, TrainingSettings(epochs=1, learning_rate=1e-3, batch_size=64), "train")
    return [np.array(weight) for weight in model.get_weights()]


def same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_training_twice_gives_the_same_weights_also_of_a_copy(digits: Dataset) -> None:
    import tf_keras

    def copy(model: Any) -> Any:
        clone = tf_keras.models.clone_model(model)
        clone.set_weights(model.get_weights())
        return type(model)(clone.inputs, clone.outputs)

    first = trained(digits)
    assert same(first, trained(digits))
    assert same(first, trained(digits, copy))


def test_training_goes_on_from_weights_and_optimizer_alone(digits: Dataset) -> None:
    import tf_keras

    batches = [[part[start : start + 64] for part in digits.train.inputs.values()] for start in (0, 64, 128)]
    set_up(seed=0)
    straight = digit_gan.build()
    straight.compile(tf_keras.optimizers.Adam(1e-3))
    kept: list[Any] = []
    for batch in batches:
        straight.train_on_batch(batch)
        kept = kept or [straight.get_weights(), [variable.numpy() for variable in straight.optimizer.variables]]
    set_up(seed=7)
    resumed = digit_gan.build()
    resumed.set_weights(kept[0])
    resumed.compile(tf_keras.optimizers.Adam(1e-3))
    resumed.optimizer.build(resumed.get_layer("generator").trainable_variables + _others(resumed))
    for variable, value in zip(resumed.optimizer.variables, kept[1], strict=True):
        variable.assign(value)
    for batch in batches[1:]:
        resumed.train_on_batch(batch)
    for ours, theirs in zip(resumed.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _others(model: Any) -> list[Any]:
    return list(model.get_layer("discriminator").trainable_variables)


def test_normalizations_are_folded_into_the_generator_and_change_no_picture(digits: Dataset) -> None:
    set_up(seed=0)
    whole = digit_gan.build()
    Trainer(digits, "adversarial", 0).fit(whole, TrainingSettings(epochs=1, learning_rate=1e-3), "train")
    noise = digits.calibration.inputs["noise"]
    taken = digit_gan.MODEL.parts["generator"].network(whole)
    assert not [layer for layer in taken.layers if "Normalization" in type(layer).__name__]
    expected = whole.get_layer("generator")(noise, training=False).numpy()
    np.testing.assert_allclose(taken(noise).numpy(), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01


def test_both_networks_learn(digits: Dataset) -> None:
    set_up(seed=0)
    before = [np.array(weight) for weight in digit_gan.build().get_weights()]
    after = trained(digits)
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [False] * len(before)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, Report]:
    """One run of a GAN on few digits, pruned and trained for int8."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("compressor", "targets", "recipes", "sample_models"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "sample_models" / "tiny_gan.py").write_text(TINY_GAN)
    (tree / "both.yaml").write_text(RECIPE)
    words = [sys.executable, "-P", "-m", "compressor", "run", "tiny_gan", "--recipe", "both.yaml", "--out", "out"]
    environment = os.environ | {"PYTHONPATH": str(tree), "COMPRESSOR_CACHE": str(cache / "gan")}
    done = subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "host: generator" in done.stdout
    return tree / "out", schema.read(tree / "out")


def test_one_run_leaves_both_networks_in_one_report(run: tuple[Path, Report]) -> None:
    out, report = run
    files = {(row.network, row.format, row.stage) for row in report.rows if row.provenance == "measured"}
    assert len(files) == len(report.rows) == 8
    for row in report.rows:
        assert row.path is not None
        assert hashlib.sha256((out / row.path).read_bytes()).hexdigest() == row.sha256
        assert row.path.startswith(f"{row.network}/artifacts/")
    assert [each.parameters for each in report.model.networks] == [227329, 31825]
    assert [(done["network"], done["step"]) for done in report.recipe.steps_done] == [
        (network, step) for network in ("generator", "discriminator") for step in ("prune", "quantize_aware")
    ]
    assert report.recipe.steps_done[0]["sparsity"]["conv_1"] == pytest.approx(0.5, abs=0.01)


def test_the_generator_is_judged_by_its_likeness_to_itself(run: tuple[Path, Report]) -> None:
    _, report = run
    generator, discriminator = report.model.networks
    assert (generator.metric.name, generator.metric.value) == ("ssim", pytest.approx(1, abs=1e-9))
    assert generator.data.notes == [
        "the labels are the float network's own answers: it is judged by its likeness to itself"
    ]
    assert (discriminator.metric.name, discriminator.data.notes) == ("binary_accuracy", [])
    assert (generator.data.evaluation, discriminator.data.evaluation) == (64, 128)
    for row in report.rows:
        assert (row.psnr_db is not None) == (row.network == "generator")
        if row.network == "generator":
            low, high = (90, 100) if row.stage == "float32" else (15, 60)
            assert low <= row.psnr_db <= high


def test_the_networks_are_trained_once(run: tuple[Path, Report], cache: Path) -> None:
    out, report = run
    assert report.model.trained["cached"] is False
    assert schema.read(out / "discriminator").model.trained == {**report.model.trained, "cached": True}
    assert len(list((cache / "gan" / "trained").glob("*.h5"))) == 1


def test_a_file_of_either_network_is_measured_again_in_its_folder(run: tuple[Path, Report], command: Any) -> None:
    out, report = run
    for row in (row for row in report.rows if row.format == "tflite" and row.stage == "compressed"):
        data = out / str(row.network) / "data.npz"
        done = command("measure", out / str(row.path), "--data", data, "--metric", row.metric.name, "--json")
        assert json.loads(done.stdout)["metric"] == row.metric.model_dump()
