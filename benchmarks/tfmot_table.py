"""TFMOT's own table, on `mnist_cnn`: pruning with quantization, clustering with quantization, theirs and ours.

Theirs is TFMOT as its tutorials have it, on the same trained network, with the epochs of our recipe; a file is measured
on all 10 000 test images by LiteRT. How many times smaller: deflated float32 `.tflite` over deflated file. The
tutorials say 10 and 8 times:
https://www.tensorflow.org/model_optimization/guide/pruning/pruning_with_keras
https://www.tensorflow.org/model_optimization/guide/clustering/clustering_example

Usage: COMPRESSOR_DATA=... python benchmarks/tfmot_table.py [--page FILE]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compressor import measurement, names
from compressor.api import measure
from compressor.files import deflated_size, write_text
from compressor.process import run_to_end
from compressor.report import schema

SAMPLE = "mnist_cnn"
_TIMEOUT_S = 3600.0
_CLEAN_ENDS = (0, 1)


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the tutorials: what they do, how many times smaller they say, and the recipe that answers it."""

    theirs: str
    times: float
    recipe: str


CASES = (Case("prune", 10, "prune80_int8"), Case("cluster", 8, "cluster16_int8"))


def main(page: Path) -> int:
    """Print and write the table; 1 where a bar is missed."""
    lines, kept = [], True
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            found = list(_compared(case, Path(folder)))
        (_, theirs_times, theirs_accuracy), (_, times, accuracy) = found
        kept &= times >= max(case.times, theirs_times) and accuracy >= theirs_accuracy
        for who, smaller, share in found:
            lines.append(f"| {who} | {smaller:.1f} | {100 * share:.2f} % | {case.times:g} |")
            print(lines[-1], flush=True)
    write_text(page, _text(lines))
    return 0 if kept else 1


def _compared(case: Case, folder: Path) -> Iterator[tuple[str, float, float]]:
    """TFMOT's line and ours: who, how many times smaller, accuracy."""
    words = ["-m", "compressor", "run", SAMPLE, "--recipe", case.recipe, "--target", "host", "--out", f"{folder}/run"]
    _ended(words, _CLEAN_ENDS)
    report = schema.read(folder / "run" / "report.json")
    rows = {row.stage: row for row in report.rows if row.format == "tflite" and row.runtime == "litert"}
    whole = rows["float32"].bytes_deflated
    epochs = next(iter(yaml.safe_load(Path(f"recipes/{case.recipe}.yaml").read_text())["steps"][0].values()))["epochs"]
    original, other = folder / "run" / "keras" / "original.h5", folder / "other.tflite"
    _ended([__file__, "--theirs", case.theirs, str(original), str(other), str(epochs)], (0,))
    measured = measure(other, folder / "run" / "data.npz", timed=False)
    yield f"TFMOT, {case.theirs}, {epochs} epochs", whole / deflated_size(other), measured.value
    ours = rows["compressed"]
    yield f"`{case.recipe}`", whole / ours.bytes_deflated, ours.metric.value


def _ended(words: list[str], allowed: tuple[int, ...]) -> None:
    done = run_to_end(words[0], [sys.executable, *words], _TIMEOUT_S)
    if done.returncode not in allowed:
        raise SystemExit(done.stderr[-2000:])


def _text(lines: list[str]) -> str:
    said = (__doc__ or "").partition("Usage:")[0].partition("\n\n")[2].strip()
    head = "| what | times smaller, deflated | accuracy | tutorial says |\n|---|---|---|---|"
    made = f"Made by `COMPRESSOR_DATA=… make tfmot-table`; measured on {measurement.host()}. Seed 0."
    return "\n".join(["# TFMOT's own table\n", made, "", said, "", head, *lines]) + "\n"


def theirs(kind: str, original: Path, destination: Path, epochs: int) -> None:
    """What the tutorials do: wrap, compile, fit, strip, convert with the default optimization."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf
    import tf_keras

    data = names.load_sample(SAMPLE).dataset()
    assert data.train is not None
    (images,), labels = data.train.inputs.values(), data.train.labels
    tf_keras.utils.set_random_seed(0)
    model = _wrapped(kind, tf_keras.models.load_model(original, compile=False), len(images), epochs)
    rate = 1e-3 if kind == "prune" else 1e-5
    model.compile(tf_keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=128, epochs=epochs, verbose=0, callbacks=_callbacks(kind))
    converter = tf.lite.TFLiteConverter.from_keras_model(_stripped(kind, model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    destination.write_bytes(converter.convert())


def _wrapped(kind: str, model: Any, samples: int, epochs: int) -> Any:
    import tensorflow_model_optimization as tfmot

    if kind == "cluster":
        linear = tfmot.clustering.keras.CentroidInitialization.LINEAR
        return tfmot.clustering.keras.cluster_weights(model, number_of_clusters=16, cluster_centroids_init=linear)
    end = -(-samples // 128) * epochs
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, 0.8, begin_step=0, end_step=end)
    return tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)


def _callbacks(kind: str) -> list[Any]:
    import tensorflow_model_optimization as tfmot

    return [tfmot.sparsity.keras.UpdatePruningStep()] if kind == "prune" else []


def _stripped(kind: str, model: Any) -> Any:
    import tensorflow_model_optimization as tfmot

    strip = tfmot.sparsity.keras.strip_pruning if kind == "prune" else tfmot.clustering.keras.strip_clustering
    return strip(model)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=Path("docs/tfmot_table.md"), help="the page to write")
    parser.add_argument("--theirs", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.theirs:
        kind, original, destination, epochs = given.theirs
        theirs(kind, Path(original), Path(destination), int(epochs))
    else:
        sys.exit(main(given.page))
