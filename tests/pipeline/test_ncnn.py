"""NCNN files of small networks: the same answers as Keras, smaller in float16 and int8, or a reason in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import compressor
from compressor import formats, model_files, runtimes
from compressor.errors import Refused
from compressor.measurement.parity import sqnr_db
from compressor.networks import sized, tensorflow_network
from compressor.values import Precision, Source, Split

pytestmark = pytest.mark.tensorflow
TORCH = Path(__file__).resolve().parents[1] / "data" / "torch_residual.onnx"
SAMPLES = 24


def _model(name):
    from tf_keras import Model, layers

    def built(shape, *following):
        first = value = layers.Input(shape)
        for layer in following:
            value = layer(value)
        return Model(first, value)

    def residual():
        first = layers.Input((8, 8, 3))
        value = layers.Conv2D(8, 3, padding="same", use_bias=False)(first)
        value = layers.ReLU()(layers.BatchNormalization()(value))
        value = layers.Add()([value, layers.DepthwiseConv2D(3, padding="same")(value)])
        return Model(first, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(value)))

    def two_ends():
        words, numbers = layers.Input((7,), dtype="int32", name="words"), layers.Input((4,), name="numbers")
        rows = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8)(words))
        value = layers.Add()([rows, layers.Dense(8)(numbers)])
        joined = layers.Dense(3, name="joined")(value)
        return Model([words, numbers], [joined, layers.Dense(2, activation="sigmoid", name="pair")(value)])

    return {
        "residual": residual,
        "two_ends": two_ends,
        "pictures": lambda: built(
            (8, 8, 2),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(3, 3, padding="same", activation="sigmoid"),
        ),
        "lstm": lambda: built((12, 4), layers.LSTM(8), layers.Dense(2)),
        "gru": lambda: built((12, 4), layers.GRU(8), layers.Dense(2)),
        "loop": lambda: built((12, 4), layers.SimpleRNN(8)),
    }[name]()


class Made:
    """A network on disk, samples and Keras's own answers."""

    def __init__(self, model, folder):
        network = tensorflow_network.of_tf_keras(model)
        rng = np.random.default_rng(0)
        self.samples = {
            spec.name: rng.integers(0, 20, (SAMPLES, *spec.shape[1:])).astype(spec.dtype)
            if "int" in spec.dtype
            else rng.normal(size=(SAMPLES, *spec.shape[1:])).astype(np.float32)
            for spec in network.inputs
        }
        shapes = {name: array.shape[1:] for name, array in self.samples.items()}
        network.leave(shapes, folder / "model")
        self.source = Source("m", folder / "model", None, sized(network.inputs, shapes), network.outputs)
        self.answers = network.answers(Split(self.samples))
        self.folder = folder

    def write(self, precision, name="m"):
        path = self.folder / f"{name}_{precision}.ncnn"
        notes = formats.load("ncnn").write(self.source, Precision(precision), self.samples, path)
        return path, notes

    def run(self, path):
        session = runtimes.load("ncnn").open(path, 1)
        assert {spec.name: spec.shape for spec in session.inputs} == {
            name: (1, *array.shape[1:]) for name, array in self.samples.items()
        }
        results = []
        for row in range(SAMPLES):
            session.load({name: array[row : row + 1] for name, array in self.samples.items()})
            session.invoke()
            results.append(session.results())
        return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    import tf_keras

    known = {}

    def make(name):
        if name not in known:
            tf_keras.utils.set_random_seed(0)
            known[name] = Made(_model(name), tmp_path_factory.mktemp(name))
        return known[name]

    return make


@pytest.mark.parametrize("name", ["residual", "two_ends", "pictures", "lstm", "gru"])
def test_files_answer_as_keras_does(name, made):
    network = made(name)
    sizes = {}
    for precision, least in (("float32", 100), ("float16", 55), ("int8", 30)):
        path, _notes = network.write(precision)
        sizes[precision] = path.stat().st_size
        found = network.run(path)
        assert found.keys() == network.answers.keys()
        for end, answer in network.answers.items():
            assert found[end].shape == answer.shape
            assert sqnr_db(found[end], answer) >= least
            if precision == "float32":
                assert np.abs(found[end] - answer).max() <= 1e-5
    assert max(sizes["float16"], sizes["int8"]) < sizes["float32"]


def test_the_same_network_gives_the_same_bytes(made):
    for precision in ("float32", "int8"):
        first, second = (made("residual").write(precision, name)[0] for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_notes_say_what_stays_float(made):
    _, notes = made("lstm").write("int8")
    assert len(notes) == 2
    assert notes[1].startswith("layers that stay float32: LSTM ")


def test_what_ncnn_has_no_layer_for_is_refused_by_name(made):
    with pytest.raises(Refused, match="NCNN has no layer Loop"):
        made("loop").write("float32")


def test_digits_keep_their_accuracy_in_a_quarter_of_the_bytes(digits_run):
    _, report = digits_run("int8")
    rows = {row.stage: row for row in report.rows if row.target == "android_ncnn" and row.provenance == "measured"}
    assert rows["float32"].max_abs_error <= 1e-5
    assert rows["compressed"].drop <= 0.5
    assert rows["compressed"].bytes <= 0.28 * rows["float32"].bytes
    assert rows["compressed"].runtime == "ncnn"
    (device,) = [row for row in report.rows if row.target == "android_ncnn" and row.provenance == "skipped"]
    assert "unzip" in device.reason


def test_an_onnx_model_of_pytorch_goes_to_the_phone(tmp_path):
    images = np.random.default_rng(0).normal(size=(60, 1, 8, 8)).astype(np.float32)
    (answers,) = model_files.load(TORCH).network.answers(Split({"image": images})).values()
    np.savez(tmp_path / "data.npz", x=images, y=answers.argmax(-1))
    report = compressor.run(TORCH, "int8", ["android_ncnn"], data=tmp_path / "data.npz", out=tmp_path / "out")
    rows = {row.stage: row for row in report.rows if row.provenance == "measured"}
    assert rows["float32"].max_abs_error <= 1e-5
    assert rows["compressed"].agreement >= 0.9
    assert rows["compressed"].bytes < 0.5 * rows["float32"].bytes
