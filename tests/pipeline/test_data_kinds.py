"""Every kind of data that users bring, through the command line: real data, small models trained on the same data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compressor import model_files
from compressor.data.spec import DataSpec
from compressor.values import Split

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).resolve().parents[2]
TORCH = ROOT / "tests" / "data" / "torch_residual.onnx"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where everything of these tests lies; also the current folder of the command line."""
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture(scope="module")
def call(folder):
    """Run the command line in a process of its own, which finds `compressor` and not the current folder."""

    def run(*words, path=ROOT):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys((path, ROOT))))}
        command = [sys.executable, "-P", "-m", "compressor", *map(str, words)]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    return run


@pytest.fixture(scope="module")
def compress(call, folder):
    """A run that has to succeed, and files that measure as the report says: the report, and the compressed rows."""
    numbers = iter(range(1000))

    def run(model, data, *options, recipe="int8", not_judged=()):
        out = folder / f"run{next(numbers)}"
        done = call("run", model, "--recipe", recipe, "--data", data, *options, "--out", out)
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads((out / "report.json").read_text())
        verdict = report["verdict"]
        assert (verdict["passed"], verdict["violations"], verdict["not_judged"]) == (True, [], list(not_judged))
        rows = [row for row in report["rows"] if row["stage"] == "compressed"]
        named = [
            word for option in ("--metric", "--trust") if option in options for word in _with_value(options, option)
        ]
        again = call("measure", out / rows[0]["path"], "--data", out / "data.npz", *named, "--json")
        assert again.returncode == 0, again.stderr
        measured = json.loads(again.stdout)
        assert measured["samples"] == report["data"]["evaluation"]
        assert measured["metric"] == rows[0]["metric"]
        return report, rows

    return run


def _with_value(options, name):
    return (name,) if name == "--trust" else (name, options[options.index(name) + 1])


def _trained(path, layers, x, y, loss="sparse_categorical_crossentropy", epochs=30):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(layers)
    model.compile(tf_keras.optimizers.Adam(0.005), loss)
    model.fit(x, y, epochs=epochs, verbose=0)
    model.save(path, save_format="h5")
    return path


@pytest.fixture(scope="module")
def digits():
    """Images of shape (1797, 8, 8) with values 0 to 16, and labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images.astype(np.uint8), found.target


@pytest.fixture(scope="module")
def digits_model(digits, folder):
    """Takes images of shape (8, 8, 1) from 0 to 1."""
    from tf_keras import layers

    network = [
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
    return _trained(folder / "digits.h5", network, digits[0][..., None] / 16, digits[1], epochs=12)


@pytest.fixture(scope="module")
def pictures(digits, folder):
    """Digits as PNG files of 8 to 32 pixels in width and height, a folder per class."""
    from PIL import Image

    sizes = np.random.default_rng(0).integers(8, 33, (len(digits[1]), 2))
    for number, (image, label, size) in enumerate(zip(*digits, sizes, strict=True)):
        place = folder / "pictures" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        pixels = Image.fromarray(np.round(image * (255 / 16)).astype(np.uint8))
        pixels.resize(tuple(map(int, size)), Image.Resampling.BICUBIC).save(place / f"{number}.png")
    return folder / "pictures"


@pytest.fixture(scope="module")
def of_pictures(pictures, digits_model, compress):
    """A run on them."""
    return compress(digits_model, pictures, "--preprocess", "divide=255", "--target", "coral", recipe="prune50_int8")


def _accurate(rows, least):
    values = [row["metric"]["value"] for row in rows if row["provenance"] == "measured"]
    assert values
    assert min(values) >= least


def test_folder_of_images(of_pictures, pictures):
    report, rows = of_pictures
    _accurate(rows, 0.94)
    assert report["model"]["metric"]["value"] > 0.94
    assert {row["target"] for row in rows} == {"coral"}
    told = report["data"]
    assert (told["name"], told["source"], told["classes"]) == ("pictures", str(pictures), list("0123456789"))
    assert (told["train"], told["calibration"], told["evaluation"]) == (1258, 512, 539)
    assert told["notes"] == [
        "539 of 1797 samples evaluate, 512 of the other 1258 calibrate, all of them train: split by content hash"
    ]
    assert told["spec"]["divide"] == 255.0
    assert told["spec_sha256"] == DataSpec(source="elsewhere", divide=255).sha256 != DataSpec(source="x").sha256
    # What pruning pays in, and how long the files take, is not told of the data.
    assert [each for each in report["warnings"] if "float32" not in each] == []


def test_a_spec_in_a_file_reads_what_stands_beside_it(of_pictures, pictures, digits_model, folder, compress):
    (folder / "elsewhere").mkdir()
    shutil.copytree(pictures, folder / "elsewhere" / "copies")
    (folder / "elsewhere" / "data.yaml").write_text("source: copies\ndivide: 255\n")
    report, rows = compress(digits_model, Path("elsewhere") / "data.yaml")
    first, second = of_pictures[0]["data"], report["data"]
    _accurate(rows, 0.94)
    assert second["source"] == str(Path("elsewhere") / "copies")
    assert second["spec"] == first["spec"]
    assert second["spec_sha256"] == first["spec_sha256"]
    # The same split in another place, and the same bytes.
    assert second["sha256"] == first["sha256"]
    assert second["train"] == 0


@pytest.fixture(scope="module")
def longer(folder):
    """A recipe that trains longer after pruning: a hundred samples are four steps per epoch."""
    steps = "steps: [{prune: {sparsity: 0.5, epochs: 40, batch_size: 32}}]"
    (folder / "longer.yaml").write_text(f"summary: prune\n{steps}\nprecision: int8\nlimits: {{max_accuracy_drop: 5}}\n")
    return folder / "longer.yaml"


def _table(path, names, rows):
    path.write_text("\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def test_table_of_classes(folder, longer, compress):
    from sklearn.datasets import load_iris
    from tf_keras import layers

    iris = load_iris()
    names = [str(name) for name in iris.target_names[iris.target]]
    table = _table(folder / "iris.csv", ["a", "b", "c", "d", "species"], zip(*iris.data.T, names, strict=True))
    network = [layers.Input((4,)), layers.Dense(32, activation="relu"), layers.Dense(3, activation="softmax")]
    model = _trained(folder / "iris.h5", network, iris.data, iris.target, epochs=60)
    report, rows = compress(model, table, recipe=longer)
    _accurate(rows, 0.9)
    told = report["data"]
    assert told["classes"] == ["setosa", "versicolor", "virginica"]
    assert (told["train"], told["calibration"], told["evaluation"]) == (105, 105, 45)
    assert told["notes"][0] == "label from column 'species', 4 features, line 1 taken as header"
    assert told["notes"][1].startswith("45 of 150 samples evaluate, 105 of the other 105 calibrate, all of them train")


def test_table_of_values(folder, compress):
    from sklearn.datasets import load_diabetes
    from tf_keras import layers

    data = load_diabetes()
    rows = [(label, *row) for label, row in zip(data.target, data.data, strict=True)]
    table = _table(folder / "diabetes.csv", ["progress", *data.feature_names], rows)
    network = [layers.Input((10,)), layers.Dense(32, activation="relu"), layers.Dense(1)]
    model = _trained(folder / "diabetes.h5", network, data.data, data.target, loss="mse", epochs=200)
    report, rows = compress(model, table, "--preprocess", "target=progress", "--preprocess", "evaluation_share=0.5")
    assert {row["metric"]["name"] for row in rows} == {"mean_squared_error"}
    assert {row["drop_unit"] for row in rows} == {"percent"}
    # The variance of what is predicted is 5930.
    assert 1000 < report["model"]["metric"]["value"] < 4000
    assert (report["data"]["train"], report["data"]["calibration"], report["data"]["evaluation"]) == (0, 221, 221)
    assert report["data"]["classes"] == []


@pytest.fixture(scope="module")
def messages():
    """Texts, and 1 for each that is spam: real ones where they are at hand."""
    known = Path(os.environ.get("COMPRESSOR_DATA", ".")) / "sms_spam5574.npz"
    if "COMPRESSOR_DATA" in os.environ and known.is_file():
        with np.load(known) as data:
            return [" ".join(text.split()) for text in data["x"]], data["y"].astype(int)
    random = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(300)])
    labels = random.integers(0, 2, 2000)
    # Most words of a spam have odd numbers: frequent and rare words of both kinds stand side by side.
    own = [
        np.where(random.random(10) < 0.8, 2 * random.integers(0, 150, 10) + label, random.integers(0, 300, 10))
        for label in labels
    ]
    return [" ".join(words[each]).capitalize() + "!" for each in own], labels


def test_texts_with_a_vocabulary(messages, folder, compress):
    import tensorflow as tf
    from tf_keras import layers

    texts, labels = messages
    cut = layers.TextVectorization(max_tokens=2000, output_sequence_length=32)
    cut.adapt(texts)
    (folder / "vocabulary.txt").write_text("\n".join(cut.get_vocabulary()), encoding="utf-8")
    lines = [f"{('ham', 'spam')[label]}\t{text}\n" for text, label in zip(texts, labels, strict=True)]
    (folder / "messages.txt").write_text("".join(lines), encoding="utf-8")
    network = [
        layers.Input((32,), dtype="int32", name="words"),
        layers.Embedding(2000, 8),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2, activation="softmax"),
    ]
    model = _trained(folder / "messages.h5", network, cut(tf.constant(texts)).numpy(), labels, epochs=6)
    report, rows = compress(
        model, "messages.txt", "--preprocess", "vocabulary=vocabulary.txt", "--preprocess", "evaluation_share=0.2"
    )
    _accurate(rows, 0.95)
    told = report["data"]
    assert told["classes"] == ["ham", "spam"]
    assert told["calibration"] == 512
    assert told["evaluation"] == pytest.approx(0.2 * len(texts), abs=1)
    assert told["notes"][1].endswith("of the tokens are not in the vocabulary (of 512 calibration texts)")
    assert told["spec"]["vocabulary"] == "vocabulary.txt"


def test_arrays_for_two_inputs(folder, longer, compress):
    import tf_keras
    from sklearn.datasets import load_wine
    from tf_keras import layers

    wine = load_wine()
    values = ((wine.data - wine.data.mean(0)) / wine.data.std(0)).astype(np.float32)
    tf_keras.utils.set_random_seed(0)
    first, second = tf_keras.Input((6,), name="first"), tf_keras.Input((7,), name="second")
    both = layers.Concatenate()(
        [layers.Dense(16, activation="relu")(first), layers.Dense(16, activation="relu")(second)]
    )
    model = tf_keras.Model([first, second], layers.Dense(3, activation="softmax")(both))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit([values[:, :6], values[:, 6:]], wine.target, epochs=60, verbose=0)
    model.save(folder / "wine.h5", save_format="h5")
    # Named in another order than the model has them.
    np.savez(folder / "wine.npz", x_second=values[:, 6:], x_first=values[:, :6], y=wine.target)
    report, rows = compress(folder / "wine.h5", "wine.npz", recipe=longer)
    _accurate(rows, 0.95)
    assert [each["name"] for each in report["model"]["inputs"]] == ["first", "second"]
    assert (report["data"]["train"], report["data"]["evaluation"]) == (125, 53)


def test_arrays_as_keras_names_them_and_a_named_metric(digits, digits_model, folder, compress):
    x, y = digits[0][..., None], digits[1]
    np.savez(folder / "mnist_like.npz", x_train=x[:1200], y_train=y[:1200], x_test=x[1200:], y_test=y[1200:])
    report, rows = compress(
        digits_model, "mnist_like.npz", "--preprocess", "divide=16", "--metric", "top_5_accuracy", recipe="prune50_int8"
    )
    _accurate(rows, 0.99)
    assert {row["metric"]["name"] for row in rows} == {"top_5_accuracy"}
    assert report["model"]["metric"]["name"] == "top_5_accuracy"
    assert report["model"]["metric_reason"] == "named by the user"
    told = report["data"]
    assert (told["train"], told["calibration"], told["evaluation"]) == (1200, 512, 597)
    assert told["notes"] == ["calibrated on 512 of 1200 training samples"]


OWN_CODE = """
def load():
    import numpy as np
    from sklearn.datasets import load_digits
    digits = load_digits()
    return (digits.images[..., None] / 16).astype(np.float32), digits.target

def even(labels, outputs):
    return (outputs[labels % 2 == 0].argmax(-1) == labels[labels % 2 == 0]).mean()

even.unit = "points"
"""


def test_a_function_and_a_metric_in_the_current_folder(digits_model, folder, compress):
    (folder / "own_code.py").write_text(OWN_CODE)
    report, rows = compress(
        digits_model, "own_code:load", "--metric", "own_code:even", "--trust", "--preprocess", "evaluation_share=0.4"
    )
    _accurate(rows, 0.97)
    assert {(row["metric"]["name"], row["drop_unit"]) for row in rows} == {("own_code:even", "points")}
    assert report["model"]["metric"]["name"] == "own_code:even"
    assert (report["data"]["name"], report["data"]["source"]) == ("load", "own_code:load")
    assert (report["data"]["train"], report["data"]["evaluation"]) == (0, 719)


def test_code_is_not_run_without_trust_and_tensorflow_not_loaded(folder, digits_model, call, tmp_path):
    (folder / "own_code.py").write_text(OWN_CODE + "open('own_code_was_run', 'w').close()\n")
    (tmp_path / "tensorflow.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'w').close()\nraise SystemExit(9)\n")
    words = ("run", digits_model, "--data", "own_code:load", "--out", tmp_path / "out")
    refused = call(*words, path=tmp_path)
    assert refused.returncode == 2
    assert "'own_code:load' is Python code, which is run only when you trust it" in refused.stderr
    assert "add --trust" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tensorflow.py"]
    assert not (folder / "own_code_was_run").exists()
    # With trust the trap would have closed.
    assert call(*words, "--trust", path=tmp_path).returncode == 1
    assert (tmp_path / "loaded").exists()


def test_the_data_of_a_sample(digits_model, compress):
    report, rows = compress(digits_model, "digits_cnn")
    _accurate(rows, 0.97)
    told = report["data"]
    assert (told["name"], told["train"], told["calibration"], told["evaluation"]) == ("digits", 0, 100, 500)


def _mean_colour(path):
    """An ONNX model as PyTorch exports it, images first with their channels: which of the three is the brightest."""
    import onnx
    from onnx import numpy_helper

    text = """<ir_version: 8, opset_import: ["" : 17]>
    colours (float[N,3,8,8] image) => (float[N,3] y) {
        seen = Conv <kernel_shape = [1, 1]> (image, kernel)
        mean = GlobalAveragePool (seen)
        y = Flatten (mean)
    }"""
    model = onnx.parser.parse_model(text)
    model.graph.initializer.append(numpy_helper.from_array(np.eye(3, dtype=np.float32)[..., None, None], "kernel"))
    onnx.save(model, str(path))
    return path


def test_folder_of_images_for_a_model_with_channels_first(folder, compress):
    from PIL import Image

    random = np.random.default_rng(0)
    usual = np.array([123.7, 116.3, 103.5])
    for number in range(90):
        name = ("red", "green", "blue")[number % 3]
        pixels = random.normal(usual, 10, (16, 12, 3))
        pixels[..., number % 3] += 10
        (folder / "colours" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.round().astype(np.uint8)).save(folder / "colours" / name / f"{number}.png")
    report, rows = compress(
        _mean_colour(folder / "colours.onnx"),
        "colours",
        *("--preprocess", "classes=[red, green, blue]"),
        *("--preprocess", "subtract=[123.7, 116.3, 103.5]", "--preprocess", "divide=[58.4, 57.1, 57.4]"),
    )
    # Red is the brightest of nearly all where the means are not subtracted from their channels.
    assert report["model"]["metric"] == {"name": "accuracy", "value": 1.0}
    _accurate(rows, 0.9)
    assert report["data"]["classes"] == ["red", "green", "blue"]


@pytest.fixture(scope="module")
def answered():
    """Images of bytes, and what an ONNX model says to them in another range."""
    images = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), np.uint8)
    scaled = (images.astype(np.float32) - 127.5) / 42.5
    (answers,) = model_files.load(TORCH).network.answers(Split({"image": scaled})).values()
    return images, answers.argmax(-1)


SCALED = ("--preprocess", "subtract=127.5", "--preprocess", "divide=42.5", "--max-accuracy-drop", "10")


def test_samples_in_two_sets_are_refused_or_dropped(answered, folder, compress, call):
    x, y = answered
    np.savez(folder / "overlap.npz", x_calibration=x[:60], x_evaluation=x[50:], y_evaluation=y[50:])
    refused = call("run", TORCH, "--data", "overlap.npz", *SCALED, "--out", folder / "refused")
    assert refused.returncode == 2
    assert "the calibration and the evaluation set share 10 samples" in refused.stderr
    assert "--preprocess overlap=drop" in refused.stderr
    assert not (folder / "refused").exists()
    report, _ = compress(TORCH, "overlap.npz", *SCALED, "--preprocess", "overlap=drop")
    told = report["data"]
    assert (told["calibration"], told["evaluation"]) == (50, 150)
    assert told["notes"] == ["10 samples left out of the calibration set: the evaluation set has the same"]
    assert report["model"]["metric"]["value"] == 1.0


def test_samples_without_labels_are_judged_by_agreement(answered, folder, compress):
    np.savez(folder / "unlabelled.npz", x=answered[0])
    told = ["max_accuracy_drop: the evaluation set has no labels"]
    report, rows = compress(TORCH, "unlabelled.npz", *SCALED, not_judged=told)
    assert report["model"]["metric"] is None
    assert all(row["metric"] is None for row in rows)
    assert all(0.8 <= row["agreement"] <= 1 for row in rows)
