"""Recurrent networks in every format: the same answers, from a fresh state each time, fused where formats know how."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from compressor import formats, runtimes
from compressor.errors import Refused
from compressor.measurement.parity import sqnr_db
from compressor.networks import sized, tensorflow_network
from compressor.values import Precision, Source, Split
from compressor.write import write as write_job

pytestmark = pytest.mark.tensorflow
RUNTIMES = {"tflite": ("litert", "litert_reference"), "onnx": ("onnxruntime",)}
SHAPE = (12, 4)


def _layers(name):
    from tf_keras import layers

    return {
        "lstm": lambda: [layers.Input(SHAPE), layers.LSTM(8)],
        "gru": lambda: [layers.Input(SHAPE), layers.GRU(8)],
        "bidirectional": lambda: [layers.Input(SHAPE), layers.Bidirectional(layers.GRU(4, return_sequences=True))],
        "stateful": lambda: [layers.LSTM(8, stateful=True, batch_input_shape=(1, *SHAPE))],
    }[name]()


class Made:
    """A model on disk, samples and its own answers to them."""

    def __init__(self, model, samples, folder):
        network = tensorflow_network.of_tf_keras(model)
        self.name = network.inputs[0].name
        network.leave({self.name: samples.shape[1:]}, folder / "model")
        inputs = sized(network.inputs, {self.name: samples.shape[1:]})
        self.source = Source("m", folder / "model", None, inputs, network.outputs)
        self.samples, self.answers = samples, network.answers(Split({self.name: samples}))
        self.folder, self.notes = folder, {}

    def write(self, kind, precision):
        path = self.folder / f"{precision}{formats.load(kind).suffix}"
        if not path.exists():
            calibration = {self.name: self.samples}
            self.notes[path] = formats.load(kind).write(self.source, Precision(precision), calibration, path)
        return path

    def run(self, kind, precision, order=None, runtime=None):
        session = runtimes.load(runtime or RUNTIMES[kind][0]).open(self.write(kind, precision), 1)
        results = []
        for row in range(len(self.samples)) if order is None else order:
            session.load({self.name: self.samples[row : row + 1]})
            session.invoke()
            results.append({name: value.copy() for name, value in session.results().items()})
        return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


@pytest.fixture(scope="module", params=["lstm", "gru", "bidirectional", "stateful"])
def made(request, tmp_path_factory):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = [*_layers(request.param), tf_keras.layers.Dense(3, activation="softmax", name="y")]
    x = np.random.default_rng(0).normal(size=(30, *SHAPE)).astype(np.float32)
    found = Made(tf_keras.Sequential(layers), x, tmp_path_factory.mktemp(request.param))
    found.kind = request.param
    return found


@pytest.mark.parametrize(
    ("kind", "precision", "error"),
    [
        ("tflite", "float32", 1e-6),
        ("tflite", "float16", 1e-3),
        ("tflite", "dynamic-int8", 0.02),
        ("tflite", "int8", 0.05),
        ("onnx", "float32", 1e-6),
        ("onnx", "int8", 0.05),
    ],
)
def test_files_answer_as_the_model_does(made, kind, precision, error):
    assert np.abs(made.run(kind, precision)["y"] - made.answers["y"]).max() <= error


@pytest.mark.parametrize("kind", RUNTIMES)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_every_sample_starts_from_a_fresh_state(made, kind, precision):
    order = np.random.default_rng(1).permutation(len(made.samples))
    for runtime in RUNTIMES[kind]:
        straight = made.run(kind, precision, runtime=runtime)["y"]
        assert np.array_equal(made.run(kind, precision, order, runtime)["y"], straight[order])
        assert np.array_equal(made.run(kind, precision, [3, 3, 3], runtime)["y"], straight[[3, 3, 3]])


def test_onnx_has_one_operator_for_it(made):
    import onnx

    operators = Counter(node.op_type for node in onnx.load(str(made.write("onnx", "float32"))).graph.node)
    wanted = {"lstm": "LSTM", "gru": "GRU", "bidirectional": "GRU", "stateful": "LSTM"}[made.kind]
    assert operators[wanted] == 1
    assert operators["Loop"] == operators["Scan"] == 0


def test_loops_are_written_out_in_integers_only(made):
    told = "loops of recurrent layers are written out step by step"
    loop = made.kind in ("gru", "bidirectional")
    assert (told in made.notes[made.write("tflite", "int8")]) == loop
    assert told not in made.notes[made.write("tflite", "float32")]


@pytest.mark.parametrize("made", ["lstm"], indirect=True)
def test_a_converter_that_refuses_is_told_from_other_failures(made):
    np.savez(made.folder / "calibration.npz", **{made.name: made.samples[:5]})
    source = {"name": "m", "model": str(made.source.model), "simulated": None}
    specs = {
        ends: [{"name": spec.name, "shape": spec.shape, "dtype": spec.dtype} for spec in getattr(made.source, ends)]
        for ends in ("inputs", "outputs")
    }
    path = made.folder / "refused.tflite"
    with pytest.raises(Refused, match="the tflite converter refused int16x8"):
        write_job(source | specs, "tflite", "int16x8", str(made.folder / "calibration.npz"), str(path))
    assert not path.exists()


@pytest.fixture(scope="module")
def counting(tmp_path_factory):
    """An LSTM whose cell counts to 20 and back, and two softmax outputs: over 300 classes and over 5."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    given = layers.Input((40, 2))
    lstm = layers.LSTM(6)
    state = lstm(given)
    heads = [layers.Dense(classes, "softmax", name=name)(state) for name, classes in (("many", 300), ("few", 5))]
    model = tf_keras.Model(given, heads)
    kernel, recurrent, bias = lstm.get_weights()
    bias[:12], bias[18:] = 7.0, 4.0  # everything is taken, nothing is forgotten
    kernel[:, :12] = kernel[:, 18:] = 0
    kernel[:, 12:18] *= 4
    lstm.set_weights([kernel, recurrent * 0, bias])
    random = np.random.default_rng(0)
    up = random.uniform(0.5, 1, (40, 20, 2))
    x = np.concatenate([up, -up[:, ::-1] * random.uniform(0.5, 1, (40, 20, 1))], 1).astype(np.float32)
    return Made(model, x, tmp_path_factory.mktemp("counting"))


def test_a_cell_beyond_10_is_not_clipped(counting):
    answers = counting.run("tflite", "float32")
    assert max(np.abs(answers[name] - counting.answers[name]).max() for name in answers) <= 1e-5


def test_an_lstm_that_int8_would_cut_off_computes_in_float(counting):
    answers = counting.run("tflite", "int8")
    assert "the LSTM of 6 units computes in float32" in (counting.notes[counting.write("tflite", "int8")][0])
    assert sqnr_db(answers["few"], counting.answers["few"]) > 30


@pytest.mark.parametrize("kind", RUNTIMES)
def test_only_the_large_softmax_stays_float(counting, kind):
    answers = counting.run(kind, "int8")
    notes = [note for note in counting.notes[counting.write(kind, "int8")] if note.startswith("softmax")]
    assert len(notes) == 1
    assert "softmax over 300 classes stays float32" in notes[0]
    # In int8 more than half of the likelihoods would be 0.
    assert np.abs(np.log(answers["many"] / counting.answers["many"])).max() < 0.5
    steps = answers["few"] * 256
    if kind == "tflite":
        assert np.array_equal(steps, np.round(steps))


@pytest.mark.parametrize(("width", "told"), [(8, True), (64, False)])
def test_a_file_in_which_dynamic_quantization_found_nothing_says_so(width, told, tmp_path):
    from tf_keras import Sequential, layers

    samples = np.random.default_rng(0).normal(size=(4, width)).astype(np.float32)
    made = Made(Sequential([layers.Input((width,)), layers.Dense(width)]), samples, tmp_path)
    path = made.write("tflite", "dynamic-int8")
    assert (path.stat().st_size < 4 * width * width) is not told
    assert ("no weight became int8" in "".join(made.notes[path])) is told
