"""The sound files that are spoiled: small models, what the product itself writes from them, their data, a recipe."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

from compressor import packing

ROOT = Path(__file__).resolve().parents[2]
_RECIPE = """summary: prunes, then int8
steps:
  - prune: {sparsity: 0.5}
  - fine_tune: {epochs: 2, batch_size: 16}
precision: int8
limits: {max_accuracy_drop: 1.0, min_agreement: 0.9}
"""
_MODELS = """
import sys
from pathlib import Path
import keras, tf_keras

folder = Path(sys.argv[1])
keras.utils.set_random_seed(0)
tf_keras.utils.set_random_seed(0)

def small(framework):
    layers = framework.layers
    return framework.Sequential([
        framework.Input((8, 8, 1), name="image"), layers.Conv2D(3, 3, activation="relu"),
        layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(4, "softmax"),
    ])

def branched(framework):
    layers = framework.layers
    image = framework.Input((8, 8, 1), name="image")
    series = layers.Reshape((6, 18))(layers.Conv2D(3, 3, activation="relu")(image))
    both = layers.Bidirectional(layers.LSTM(3))(series)
    each = layers.Flatten()(layers.TimeDistributed(layers.Dense(2, "relu"))(series))
    inner = framework.Sequential([framework.Input((6,)), layers.Dense(5)], name="inner")
    joined = layers.Concatenate()([inner(both), each])
    return framework.Model(image, [layers.Dense(4, "softmax")(joined), layers.Dense(4)(layers.Dropout(0.5)(joined))])

for name, framework, build in (
    ("new.keras", keras, small), ("branched.keras", keras, branched), ("new.h5", keras, small),
    ("old.h5", tf_keras, small), ("branched.h5", tf_keras, branched),
):
    model = build(framework)
    if build is small:
        model.compile("adam", "mse")
    model.save(folder / name)
tf_keras.models.load_model(folder / "old.h5", compile=False).save(folder / "layers", save_format="tf")
keras.models.load_model(folder / "new.keras").export(folder / "graph", verbose=False)
"""


def make(folder: Path) -> dict[str, list[bytes]]:
    """Seeds by kind; takes TensorFlow, in other processes."""
    _run("-c", _MODELS, folder)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 8, 8, 1)).astype(np.float32), rng.integers(0, 4, 30)
    np.savez(folder / "data.npz", x_calibration=x[:10], y_calibration=y[:10], x_evaluation=x[10:], y_evaluation=y[10:])
    (folder / "recipe.yaml").write_text(_RECIPE)
    words = ("run", folder / "branched.h5", "--data", folder / "data.npz", "--out", folder / "run")
    _run("-m", "compressor", *words, "--max-accuracy-drop", "200")
    words = ("run", folder / "old.h5", "--data", folder / "data.npz", "--out", folder / "run2")
    _run("-m", "compressor", *words, "--max-accuracy-drop", "200", "--target", "android_ncnn", "--target", "ort_mobile")
    return load(folder)


def load(folder: Path) -> dict[str, list[bytes]]:
    """Seeds of an earlier `make`."""
    places = {kind: f"*.{kind}" for kind in ("keras", "h5", "npz", "yaml")}
    places |= {kind: f"run/artifacts/*/*.{kind}" for kind in ("tflite", "onnx")}
    places |= {kind: f"run2/artifacts/*/*.{kind}" for kind in ("ncnn", "ort")}
    found = {kind: [path.read_bytes() for path in sorted(folder.glob(place))] for kind, place in places.items()}
    found["cpk"] = [packing.pack(content) for content in found["tflite"]]
    return found | {"folder": [_zipped(folder / name) for name in ("graph", "layers")]}


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return packed.getvalue()


def _run(*words: str | Path) -> None:
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
