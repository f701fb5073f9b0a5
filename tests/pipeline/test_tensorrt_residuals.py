"""TensorRT-ready files of residual networks: additions are quantized where TensorRT needs it, and only there."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import compressor
from compressor import names, tensorrt

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("residual") / "out"


@pytest.fixture(scope="module")
def residual(run_folder):
    """A network with an identity shortcut, a projection shortcut, depthwise convolution and global pooling."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    folder = run_folder.parent
    image = tf_keras.Input((16, 16, 3), name="image")
    start = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    branch = layers.DepthwiseConv2D(3, padding="same", activation="relu")(start)
    branch = layers.Conv2D(8, 1)(branch)
    joined = layers.ReLU()(layers.Add(name="identity")([start, branch]))
    branch = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(joined)
    branch = layers.Conv2D(16, 3, padding="same")(branch)
    shortcut = layers.Conv2D(16, 1, strides=2)(joined)
    joined = layers.ReLU()(layers.Add(name="projection")([shortcut, branch]))
    answer = layers.Dense(4, activation="softmax", name="kind")(layers.GlobalAveragePooling2D()(joined))
    model = tf_keras.Model(image, answer)
    model.save(folder / "residual.h5", include_optimizer=False, save_format="h5")
    x = np.random.default_rng(0).normal(size=(120, 16, 16, 3)).astype(np.float32)
    y = model.predict(x, verbose=0).argmax(-1)
    np.savez(folder / "data.npz", x_calibration=x[:40], y_calibration=y[:40], x_evaluation=x[40:], y_evaluation=y[40:])
    out = run_folder
    report = compressor.run(folder / "residual.h5", "int8", ["jetson"], data=folder / "data.npz", out=out)
    row = next(row for row in report.rows if row.stage == "compressed" and row.provenance == "measured")
    return row, onnx.load(str(out / row.path)).graph


def test_linter_finds_neither_errors_nor_warnings(residual):
    row, _ = residual
    reasons = row.placement.reasons
    assert row.placement.accelerated_macs_share == 1.0
    assert not [reason for reason in reasons if " error" in reason or " warn" in reason], reasons


def test_answers_stay(residual):
    row, _ = residual
    assert row.agreement >= 0.9
    assert row.sqnr_db > 20


def test_projection_shortcut_is_quantized_on_both_branches(residual):
    _, graph = residual
    makers = {name: node.op_type for node in graph.node for name in node.output}
    adds = [{makers.get(name, "constant") for name in node.input} for node in graph.node if node.op_type == "Add"]
    assert {"DequantizeLinear"} in adds


def test_every_layer_reads_int8(residual):
    _, graph = residual
    makers = {name: node.op_type for node in graph.node for name in node.output}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    assert len(layers) == 7
    for node in layers:
        through = {"Reshape", "Squeeze", "Flatten", "Transpose"}
        assert makers[node.input[1]] == "DequantizeLinear"
        assert makers[node.input[0]] in {"DequantizeLinear"} | through


def test_the_calibration_cache_names_tensors_of_the_float32_file(residual, run_folder):
    row, _ = residual
    (target,) = names.load_targets(["jetson_agx_orin_dla"])
    texts = tensorrt.scripts(run_folder / row.path, target, "int8")
    named = {line.rsplit(": ", 1)[0] for line in texts["calibration.cache"].splitlines()[1:]}
    floats = onnx.load(str(run_folder / row.path.replace("compressed_int8", "float32"))).graph
    assert len(named) > 5
    assert named <= {name for node in floats.node for name in (*node.input, *node.output)}
