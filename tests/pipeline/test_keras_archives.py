"""`.keras` archives that must be refused, and those that tf_keras wrote."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from compressor import model_files
from compressor.errors import BadInput
from compressor.values import Split

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def keras():
    """Keras 3, beside tf_keras in the same process, seeded."""
    import keras

    keras.utils.set_random_seed(0)
    return keras


def _rewritten(path, change):
    """The archive with `change(config)` applied, and extra members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    extra = change(config) or {}
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | extra).items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def archive(keras, tmp_path):
    """A small sound `.keras` file."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first")])
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_lambda_is_refused_and_its_code_never_runs(keras, tmp_path):
    marker = tmp_path / "ran"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x, output_shape=(4,), name="payload")])
    model.save(tmp_path / "model.keras")
    with pytest.raises(BadInput, match="'payload' is a Lambda"):
        model_files.load(tmp_path / "model.keras")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("keras.src.utils.file_utils", "remove")],
)
def test_class_outside_keras_layers_is_refused_and_never_called(module, name, archive, tmp_path):
    marker = tmp_path / "ran"

    def plant(config):
        layer = config["config"]["layers"][1]
        layer |= {"module": module, "class_name": name, "config": {"command": f"touch {marker}", "name": "payload"}}

    with pytest.raises(BadInput, match="payload"):
        model_files.load(_rewritten(archive, plant))
    assert not marker.exists()


@pytest.mark.parametrize("place", ["../outside.txt", "/tmp/outside.txt", "a/../../outside.txt", "..\\outside.txt"])
def test_member_that_reaches_outside_is_refused(place, archive):
    with pytest.raises(BadInput, match="reaches outside"):
        model_files.load(_rewritten(archive, lambda config: {place: b"x"}))


def test_archive_bomb_is_refused(archive):
    with pytest.raises(BadInput, match="unpacks to"):
        model_files.load(_rewritten(archive, lambda config: {"assets/zeros": bytes(50_000_000)}))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x89HDF"])
def test_broken_archive_is_refused(content, tmp_path):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(BadInput, match=r"cannot be read as a \.keras archive"):
        model_files.load(tmp_path / "model.keras")


def test_archive_of_keras_2_is_read_by_tf_keras(tmp_path):
    import tf_keras

    layers = tf_keras.layers
    image = layers.Input((8, 8, 1), name="image")
    features = layers.BatchNormalization()(layers.DepthwiseConv2D(3, activation="relu")(image))
    model = tf_keras.Model(image, layers.Dense(3, "softmax")(layers.Flatten()(features)))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(tmp_path / "old.keras", save_format="keras")
    loaded = model_files.load(tmp_path / "old.keras")
    assert [layer.name for layer in loaded.model.layers] == [layer.name for layer in model.layers]
    assert loaded.loss == "sparse_categorical_crossentropy"
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)
    (found,) = loaded.network.answers(Split({"image": images})).values()
    np.testing.assert_allclose(found, model.predict(images, verbose=0), rtol=1e-5, atol=1e-6)


def test_lambda_in_an_archive_of_keras_2_never_runs(tmp_path):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "old.keras", save_format="keras")
    with pytest.raises(BadInput, match="is a Lambda"):
        model_files.load(tmp_path / "old.keras")
