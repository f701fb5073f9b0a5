"""Cortex-M: the arena of networks that TFLM ran, and a whole run for boards that are large enough and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor.report.schema import Report
from compressor.tflm import c_array, fit, lifetimes, operators, planner
from compressor.tflm.arena import arena

pytestmark = pytest.mark.tensorflow
MIB = 1 << 20


def converted(layers: Callable[[Any], list[Any]], shape: tuple[int, ...], precision: str) -> bytes:
    import tensorflow as tf
    import tf_keras

    tf.random.set_seed(0)
    model = tf_keras.Sequential([tf_keras.layers.Input(shape), *layers(tf_keras.layers)])
    function = tf.function(model).get_concrete_function(tf.TensorSpec((1, *shape), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    samples = np.random.default_rng(0).random((20, 1, *shape)).astype(np.float32)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample] for sample in samples)
        mixed = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        integer = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        converter.target_spec.supported_ops = [integer if precision == "int8" else mixed]
        kind = tf.int8 if precision == "int8" else tf.int16
        converter.inference_input_type = converter.inference_output_type = kind
    content: bytes = converter.convert()
    return content


def cnn(layers: Any) -> list[Any]:
    return [
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.DepthwiseConv2D(3, padding="same", activation="relu"),
        layers.Conv2D(32, 1, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def lstm(layers: Any) -> list[Any]:
    return [layers.LSTM(20), layers.Dense(10, activation="softmax")]


@pytest.mark.parametrize(("precision", "head"), [("int8", 15_680), ("int16x8", 31_360), ("float32", 62_720)])
def test_the_head_of_a_convolutional_network_is_that_of_tflm(precision: str, head: int) -> None:
    """The int8 head was measured with TFLM itself, on a Cortex-M4: 17 972 bytes with the tail."""
    content = converted(cnn, (28, 28, 1), precision)
    found = arena(content)
    assert (found.head, found.lower_bound) == (head, head)
    assert operators.refusals(content) == ()
    if precision == "int8":
        assert 17_972 <= found.total <= 1.02 * 17_972


def test_the_head_of_an_lstm_counts_the_scratch_memory_of_its_kernel() -> None:
    """Measured with TFLM on a Cortex-M4: head 1 536 bytes, 3 428 with the tail."""
    content = converted(lstm, (28, 28), "int8")
    tensors = [each for each in lifetimes.buffers(content) if not each.name.startswith("scratch of ")]
    found = arena(content)
    assert (planner.head(tensors), found.head) == (1_344, 1_536)
    assert 3_428 <= found.total <= 1.02 * 3_428


@pytest.fixture(scope="module")
def boards_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """`digits_cnn` for two boards; as much code as fills the flash of the smaller one."""
    out = tmp_path_factory.mktemp("runs") / "boards"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fit, "_CODE", MIB)
        return out, compressor.run("digits_cnn", "int8", ["host", "cortex_m4", "cortex_m7"], out=out)


def test_what_does_not_fit_is_a_failed_row_with_the_numbers_and_no_bundle(boards_run: tuple[Path, Report]) -> None:
    out, report = boards_run
    (failed,) = (row for row in report.rows if row.failed_stage is not None)
    assert (failed.target, failed.failed_stage, failed.provenance) == ("cortex_m4", "fit", "skipped")
    assert failed.reason is not None
    assert f"{MIB} there" in failed.reason
    assert report.exit_code == 1
    left = {path.name.removesuffix(".tar.gz") for path in (out / "bundles").iterdir()}
    assert left == {"cortex_m7", "host-tflite", "host-onnx"}


def test_the_bundle_holds_the_very_file_of_the_host_and_answers_of_the_reference_kernels(
    boards_run: tuple[Path, Report],
) -> None:
    out, report = boards_run
    rows = {(row.target, row.format, row.stage): row for row in report.rows if row.provenance == "measured"}
    host, row = rows["host", "tflite", "compressed"], rows["cortex_m7", "tflm", "compressed"]
    content = (out / str(host.path)).read_bytes()
    folder = out / "bundles" / "cortex_m7"
    assert c_array.content(folder / "model.cc") == content
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["tflite"] == {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    assert manifest["arena"]["head"] == 2_560
    assert row.runtime == manifest["measured"]["runtime"] == "litert_reference"
    assert row.metric is not None
    assert row.metric.value >= 0.97
    text = (folder / "self_test.cc").read_text()
    expected = text.partition("output_0[] = {")[2].partition("}")[0].replace(",", " ").split()
    codes = np.array([int(each, 16) for each in expected], np.uint8).view(np.int8).reshape(10, 10)
    with np.load(out / "outputs" / "compressed-tflm-int8-litert_reference.npz") as answers:
        assert np.array_equal((codes.astype(np.float32) + 128) / 256, answers["digit"][:10])
