"""The verbs as functions: everything that can be refused is refused before TensorFlow and before a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor import names
from compressor.data.spec import DataSpec
from compressor.errors import BadInput

ONE = np.ones((4, 8, 8, 1), np.float32)
SETS = {"x_calibration": ONE, "y_calibration": np.zeros(4), "x_evaluation": ONE, "y_evaluation": np.zeros(4)}


@pytest.fixture
def work(tmp_path: Path, trap: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to stand in, where no process may import TensorFlow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(trap))
    (tmp_path / "m.h5").write_bytes(b"no model")
    (tmp_path / "checkpoint").write_text("model_checkpoint_path: 'ckpt-1'")
    np.savez(tmp_path / "data.npz", **SETS)
    yield tmp_path
    assert not (trap / "imported").exists()
    assert "tensorflow" not in sys.modules


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "recipe": ({"model": "digits_cnn", "recipe": "int9"}, "no recipe is called 'int9'"),
    "mapping": ({"model": "digits_cnn", "recipe": {"precision": "int8"}}, "summary: is required"),
    "target": ({"model": "digits_cnn", "targets": ["pi"]}, "no target is called 'pi'"),
    "no target": ({"model": "digits_cnn", "targets": []}, "no target was given"),
    "pair": ({"model": "digits_cnn", "recipe": "float16", "targets": ["coral"]}, "does not take float16"),
    "model": ({"model": "mnist"}, "no sample model is called 'mnist'; did you mean 'mnist_cnn'"),
    "folder for a model": ({"model": "."}, r"(?s)is not a model.*a folder without saved_model\.pb"),
    "suffix": ({"model": "data.npz"}, r"(?s)not a model that can be read.*expected: .*ONNX.*received: \.npz"),
    "checkpoint": ({"model": "checkpoint"}, r"(?s)not a model.*tf\.train checkpoints hold no network"),
    "metric": ({"model": "m.h5", "data": "data.npz", "metric": "acuracy"}, "did you mean 'accuracy'"),
    "untrusted metric": ({"model": "m.h5", "data": "data.npz", "metric": "own:metric"}, "only when you trust it"),
    "untrusted layers": ({"model": "m.h5", "data": "data.npz", "custom_objects": "own"}, "only when you trust it"),
    "no data": ({"model": "m.h5"}, "needs data"),
    "no such data": ({"model": "m.h5", "data": "d.npz"}, r"there is no data file d\.npz"),
    "nothing to train on": (
        {"model": "m.h5", "data": "data.npz", "recipe": "prune50_int8"},
        r"(?s)'prune50_int8' trains \(prune\).*expected: x_train and y_train.*received: x_calibration",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_run_is_refused_before_it_begins(case: str, work: Path) -> None:
    arguments, told = REFUSED[case]
    before = sorted(work.iterdir())
    with pytest.raises(BadInput, match=told):
        compressor.run(**arguments)
    assert sorted(work.iterdir()) == before


@pytest.mark.parametrize("missing", ["x_calibration", "x_evaluation"])
def test_data_without_a_set_is_refused_before_it_begins(missing: str, work: Path) -> None:
    np.savez("few.npz", **{name: array for name, array in SETS.items() if name != missing})
    with pytest.raises(BadInput, match=f"has no {missing}"):
        compressor.run("digits_cnn", data="few.npz")


@pytest.mark.parametrize("given", [{"x_train": ONE}, {"y_train": np.zeros(4)}])
def test_half_a_training_set_is_nothing_to_train_on(given: dict[str, Any], work: Path) -> None:
    np.savez("half.npz", **SETS, **given)
    with pytest.raises(BadInput, match="nothing to train on"):
        compressor.run("digits_cnn", recipe="qat_int8", data="half.npz")


def test_a_recipe_that_does_not_train_needs_no_training_set(work: Path) -> None:
    out = work / "m.h5" / "below"
    with pytest.raises(BadInput, match="cannot be written"):
        compressor.run("m.h5", recipe="int8", data="data.npz", out=out)


def test_a_sample_brings_its_data_to_any_model() -> None:
    recipe = compressor.load_recipe("qat_int8")
    other = names.find_data("digits_cnn", ["divide=2"], None, recipe, False)
    assert other == (DataSpec(source="digits_cnn", divide=2), "sample_models.digits_cnn")
    own = names.find_data(None, [], "sample_models.mnist_cnn", recipe, False)
    assert own == (DataSpec(source="mnist_cnn"), "sample_models.mnist_cnn")


def test_a_sample_names_the_data_of_a_measurement(onnx_file: Callable[..., Path]) -> None:
    path = onnx_file(
        "(float[N,8,8,1] image) => (float[N,10] y) <int64[2] shape = {-1,64}, int64[1] a = {0}, int64[1] b = {10}, "
        "int64[1] axis = {1}> { flat = Reshape (image, shape)  y = Slice (flat, a, b, axis) }"
    )
    found = compressor.measure(path, "digits_cnn")
    assert (found.samples, found.metric) == (500, "accuracy")


def test_a_recipe_is_the_same_from_a_name_and_from_what_it_tells() -> None:
    loaded = compressor.load_recipe("prune50_int8")
    assert compressor.load_recipe(loaded.as_dict()).as_dict() == loaded.as_dict()


def test_limits_are_checked_when_they_are_made() -> None:
    with pytest.raises(ValueError, match="min_agreement"):
        compressor.Limits(min_agreement=1.01)
    with pytest.raises(ValueError, match="max_drop"):
        compressor.Limits(max_drop=1)
    assert compressor.Limits(max_accuracy_drop=1).max_accuracy_drop == 1.0
