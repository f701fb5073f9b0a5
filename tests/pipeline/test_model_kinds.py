"""Every kind of model that users bring, through whole runs: files, folders, ONNX, objects in memory, own layers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import compressor
from compressor import custom_objects, model_files
from compressor.errors import BadInput
from compressor.values import Split

pytestmark = pytest.mark.tensorflow
HERE = Path(__file__).resolve().parent
TORCH = HERE.parent / "data" / "torch_residual.onnx"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Images whose brightest quarter is their class, unsplit, in the layout of an `.npz`."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 400)
    x = random.normal(0, 0.2, (400, 8, 8, 1)).astype(np.float32)
    for row, label in enumerate(labels):
        top, left = 4 * (label // 2), 4 * (label % 2)
        x[row, top : top + 4, left : left + 4] += 1
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, x=x, y=labels)
    return path


def _trained(keras, images, *extra):
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)) if keras.__name__ == "keras" else layers.Input((8, 8, 1)),
            *extra,
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ],
        name="quarters",
    )
    with np.load(images) as data:
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(data["x"], data["y"], epochs=8, verbose=0)
    return model


def _passed(report, targets=("host",)):
    assert report.exit_code == 0, [row.reason for row in report.rows] + report.verdict.violations
    assert {row.target for row in report.rows} == set(targets)
    measured = [row for row in report.rows if row.provenance == "measured"]
    assert all(row.metric.value > 0.9 for row in measured)
    return measured


def test_saved_model_of_keras_2_takes_steps_and_comes_back_as_keras_3(images, tmp_path):
    import keras
    import tf_keras

    _trained(tf_keras, images).save(tmp_path / "saved", save_format="tf")
    report = compressor.run(tmp_path / "saved", "prune50_int8", data=images, out=tmp_path / "out")
    _passed(report)
    assert report.data.evaluation == 120
    assert any("split" in note for note in report.data.notes)
    again = keras.models.load_model(tmp_path / "out" / "keras" / "compressed.keras")
    kernels = [weight.numpy() for weight in again.weights if weight.name == "kernel"]
    assert all(0.45 < float((kernel == 0).mean()) < 0.55 for kernel in kernels)


def test_exported_graph_takes_precision_alone(images, tmp_path, command):
    import keras

    _trained(keras, images).export(str(tmp_path / "exported"))
    report = compressor.run(tmp_path / "exported", "int8", ["host", "jetson"], data=images, out=tmp_path / "out")
    _passed(report, ["host", "jetson"])
    assert any("recipes of precision alone" in warning for warning in report.warnings)
    refused = command(
        "run", tmp_path / "exported", "--recipe", "prune50_int8", "--data", images, "--out", tmp_path / "no"
    )
    assert refused.returncode == 2
    assert "a SavedModel without Keras layers has none" in refused.stderr
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("recipe", ["float16", "int8"])
def test_onnx_of_pytorch_takes_precision_alone(recipe, tmp_path):
    images = np.random.default_rng(0).normal(size=(60, 1, 8, 8)).astype(np.float32)
    (answers,) = model_files.load(TORCH).network.answers(Split({"image": images})).values()
    labels = answers.argmax(-1)
    np.savez(tmp_path / "data.npz", x=images, y=labels)
    out = tmp_path / "out"
    report = compressor.run(TORCH, recipe, ["host", "jetson"], data=tmp_path / "data.npz", out=out)
    measured = _passed(report, ["host", "jetson"])
    assert {row.format for row in measured} == {"onnx", "onnx_tensorrt"}
    assert report.model.metric.value == 1.0
    exact = [row for row in measured if row.stage == "float32"]
    assert all(row.max_abs_error < 1e-5 for row in exact)
    assert not (out / "keras").exists()
    for row in measured:
        assert (out / row.path).exists()


def test_check_refuses_keras_steps_for_an_onnx_model(command):
    done = command("check", "--recipe", "prune50_int8", "--model", TORCH, "--target", "coral")
    assert done.returncode == 2
    assert "prune works on Keras layers, and an ONNX model has none" in done.stderr
    assert "target coral takes tflite, which is not made of an ONNX model" in done.stderr


@pytest.mark.parametrize("framework", ["tf_keras", "keras"])
def test_model_in_memory_is_run_like_a_file(framework, images, tmp_path):
    import importlib

    model = _trained(importlib.import_module(framework), images)
    with np.load(images) as arrays:
        report = compressor.run(model, "prune50_int8", data=dict(arrays), out=tmp_path / "out")
    _passed(report)
    assert (report.model.name, report.model.source) == ("quarters", "in memory")
    assert (tmp_path / "out" / "keras" / "compressed.keras").exists()


def test_model_in_memory_with_a_lambda_is_taken_as_its_graph(images, tmp_path):
    import tf_keras

    model = _trained(tf_keras, images, tf_keras.layers.Lambda(lambda x: 2 * x))
    report = compressor.run(model, "int8", data=images, out=tmp_path / "out")
    _passed(report)
    assert any("recipes of precision alone" in warning for warning in report.warnings)


def test_own_layers_need_a_name_and_trust(images, tmp_path, command):
    import tf_keras

    own = custom_objects.load("own_layers", trusted=True) if str(HERE) in sys.path else {}
    assert own, "pytest puts the folder of the tests on the path"
    _trained(tf_keras, images, own["Doubled"](name="twice")).save(tmp_path / "own.h5", save_format="h5")
    run = ("run", tmp_path / "own.h5", "--recipe", "prune50_int8", "--data", images, "--out", tmp_path / "out")
    alone = command(*run)
    assert alone.returncode == 2
    assert "layer 'twice' is of the class 'own>Doubled'" in alone.stderr
    assert "--custom-objects package.module --trust" in alone.stderr
    untrusted = command(*run, "--custom-objects", "own_layers")
    assert untrusted.returncode == 2
    assert "add --trust" in untrusted.stderr
    named = command(*run, "--custom-objects", "own_layers", "--trust", env=os.environ | {"PYTHONPATH": str(HERE)})
    assert named.returncode == 0, named.stderr


def test_own_keras_3_layer_is_written_from_keras_3(images, tmp_path):
    import keras

    own = custom_objects.load("own_layers", trusted=True)
    model = _trained(keras, images, own["Tripled"](name="thrice"))
    model.save(tmp_path / "own.keras")
    loaded = model_files.load(tmp_path / "own.keras", own)
    assert loaded.model is None
    assert "layer 'thrice' (Tripled) cannot be made again in tf_keras" in loaded.limitation
    with pytest.raises(BadInput, match="'thrice' is of the class 'Tripled'"):
        model_files.load(tmp_path / "own.keras")


def test_what_the_bridge_refuses_is_written_straight_from_keras_3(images, tmp_path, command):
    import keras

    inputs = keras.Input((8, 8, 1))
    summed = keras.ops.cumsum(keras.layers.Flatten()(inputs), axis=1)
    model = keras.Model(inputs, keras.layers.Dense(4, "softmax")(summed))
    with np.load(images) as data:
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(data["x"], data["y"], epochs=8, verbose=0)
    model.save(tmp_path / "ops.keras")
    report = compressor.run(tmp_path / "ops.keras", "float16", data=images, out=tmp_path / "out")
    assert report.exit_code == 0
    (told,) = [warning for warning in report.warnings if "recipes of precision alone" in warning]
    assert "cumsum" in told
    refused = command(
        "run", tmp_path / "ops.keras", "--recipe", "prune50_int8", "--data", images, "--out", tmp_path / "n"
    )
    assert refused.returncode == 2
    assert "prune cannot be applied to this model: the operation 'cumsum'" in refused.stderr
