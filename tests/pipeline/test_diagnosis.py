"""Faults planted into the files of a real run are found and named; the files as they are have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compressor import diagnosis, float_file, layer_outputs
from compressor.report.evidence import Divergence
from compressor.report.schema import Report
from compressor.tflite_edit.graph import Graph
from compressor.values import Array

pytestmark = pytest.mark.tensorflow

Edit = Callable[[Graph], None]


@pytest.fixture(scope="module")
def run(digits_run: Callable[[str], tuple[Path, Report]]) -> Path:
    return digits_run("int8")[0]


@pytest.fixture(scope="module")
def samples(run: Path) -> dict[str, Array]:
    with np.load(run / "data.npz") as arrays:
        return {"image": arrays["x_evaluation"][:32]}


def artifact(run: Path, kind: str, stage: str) -> Path:
    precision = "float32" if stage == "float32" else f"{stage}_int8"
    return run / "artifacts" / kind / f"digits_cnn_{precision}.{kind.split('_')[0]}"


def edited(path: Path, folder: Path, edit: Edit) -> Path:
    graph = Graph(path.read_bytes())
    edit(graph)
    (folder / path.name).write_bytes(graph.packed())
    return folder / path.name


def operand(graph: Graph, layer: str, place: int) -> int:
    """The input of a layer's operator at that place; -1 is its output."""
    made = next(each for each in graph.operators if f"/{layer}/".encode() in graph.tensor(each.outputs[0]).name)
    return int(made.outputs[0] if place < 0 else made.inputs[place])


def zeroed_bias(layer: str) -> Edit:
    def edit(graph: Graph) -> None:
        bias = operand(graph, layer, 2)
        graph.replace(bias, np.zeros_like(graph.values(bias)))

    return edit


def shuffled(layer: str) -> Edit:
    def edit(graph: Graph) -> None:
        weights = operand(graph, layer, 1)
        graph.replace(weights, np.random.default_rng(0).permutation(graph.values(weights).ravel()))

    return edit


def scaled(tensor: Callable[[Graph], int], factor: float) -> Edit:
    def edit(graph: Graph) -> None:
        quantization = graph.tensor(tensor(graph)).quantization
        quantization.scale = np.asarray(quantization.scale, np.float32) * np.float32(factor)

    return edit


CONVERSIONS: dict[str, tuple[Edit, str, str]] = {
    "bias": (zeroed_bias("dense"), "dense", "the bias of `dense` is zero, and in the Keras model it is not"),
    "weights": (
        shuffled("conv_2"),
        "conv_2",
        "the weights of `conv_2` are those of the Keras model in another order",
    ),
}


@pytest.mark.parametrize("fault", CONVERSIONS)
def test_a_fault_of_the_conversion_is_named(fault: str, run: Path, samples: dict[str, Array], tmp_path: Path) -> None:
    edit, layer, told = CONVERSIONS[fault]
    keras, file = run / "keras" / "original.h5", artifact(run, "tflite", "float32")
    found = diagnosis.locate(keras, edited(file, tmp_path, edit), samples, "conversion", log=tmp_path / "log.txt")
    assert found == Divergence(stage="conversion", layer=layer, told=told)


@pytest.mark.parametrize("kind", ["tflite", "onnx", "onnx_tensorrt"])
def test_files_as_they_were_written_are_in_order(kind: str, run: Path, samples: dict[str, Array]) -> None:
    base, file = artifact(run, kind, "float32"), artifact(run, kind, "compressed")
    part = diagnosis.layers(base, file, samples)
    assert part.faults == []
    assert {"conv_1", "pool_1", "conv_2", "pool_2", "conv_3", "dense", "digit"} <= {each.layer for each in part.layers}
    assert diagnosis.locate(run / "keras" / "original.h5", base, samples, "conversion") is None
    assert diagnosis.locate(file, file, samples, "runtime") is None


def input_of(graph: Graph) -> int:
    return graph.inputs[0]


COMPRESSIONS: dict[str, tuple[Edit, str, str]] = {
    "bias": (zeroed_bias("digit"), "digit", "the bias of `digit` is zero"),
    "weights": (shuffled("conv_2"), "conv_2", "the weights of `conv_2` are those of the float32 file in another order"),
    "input far too large": (scaled(input_of, 8), "image", "the samples fill only 12.9 % of the range of `image`"),
    "input too small": (scaled(input_of, 0.5), "image", "of the values of `image` are cut off: its input scale"),
    "input a little off": (scaled(input_of, 1.02), "conv_1", "the input scale of `conv_1` is 1.020 × the one that"),
    "output by 2 %": (
        scaled(lambda graph: operand(graph, "flatten", -1), 1.02),
        "flatten",
        "the answers of `flatten` are 1.020 × the float32 ones: a scale is off by 2.0 %",
    ),
    "weights by 2 %": (
        scaled(lambda graph: operand(graph, "digit", 1), 1.02),
        "digit",
        "the weights of `digit` are 1.020 × those of the float32 file: a scale is off by 2.0 %",
    ),
}


@pytest.mark.parametrize("fault", COMPRESSIONS)
def test_a_fault_of_an_int8_file_is_named(fault: str, run: Path, samples: dict[str, Array], tmp_path: Path) -> None:
    edit, layer, told = COMPRESSIONS[fault]
    base, file = artifact(run, "tflite", "float32"), artifact(run, "tflite", "compressed")
    found = diagnosis.locate(base, edited(file, tmp_path, edit), samples, "compression")
    assert found is not None
    assert (found.layer, told in found.told) == (layer, True), found.told


@pytest.mark.parametrize(
    ("start", "layer"), [("digit_Quantize", "digit"), ("dense/Relu:0_Quantize", "dense"), ("__1:0_Quantize", "image")]
)
def test_the_scale_of_a_dequantizer_that_is_off_by_2_percent_is_named(
    start: str, layer: str, run: Path, samples: dict[str, Array], tmp_path: Path
) -> None:
    base, file = artifact(run, "onnx", "float32"), artifact(run, "onnx", "compressed")
    model = onnx.load(str(file))
    stored = {each.name: each for each in model.graph.initializer}
    (node,) = (each for each in model.graph.node if each.op_type == "DequantizeLinear" and start in f"/{each.input[0]}")
    scale = np.asarray(numpy_helper.to_array(stored[node.input[1]]) * np.float32(1.02))
    model.graph.initializer.append(numpy_helper.from_array(scale, "another scale"))
    node.input[1] = "another scale"
    onnx.save(model, str(tmp_path / "m.onnx"))
    found = diagnosis.locate(base, tmp_path / "m.onnx", samples, "compression")
    assert found is not None
    assert found.layer == layer
    assert "are 1.02" in found.told or "are 1.01" in found.told
    assert "a scale is off by" in found.told


def test_a_run_is_diagnosed_from_keras_on(run: Path, command: Callable[..., Any], tmp_path: Path) -> None:
    file = artifact(run, "tflite", "compressed").relative_to(run)
    done = command("diagnose", run, file, "--samples", "8", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["faults"], found["conversion"], found["conversion_note"]) == ([], None, None)
    faulty = edited(run / file, tmp_path, shuffled("dense"))
    done = command("diagnose", run / "keras" / "original.h5", faulty, "--data", run / "data.npz", "--samples", "8")
    assert done.returncode == 1, done.stderr
    assert "out of order: the weights of `dense` are those of the float32 file in another order" in done.stdout


def residual(folder: Path) -> Path:
    """A model in a model, with what converters fuse: batch normalization, activations, a sum."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    x = inner_in = layers.Input((8, 8, 4))
    for name in ("a", "b"):
        x = layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv_{name}")(x)
        x = layers.BatchNormalization(name=f"norm_{name}", beta_initializer="random_normal")(x)
        x = layers.ReLU(name=f"relu_{name}")(x)
    inner = tf_keras.Model(inner_in, layers.Add(name="sum")([inner_in, x]), name="block")
    outer_in = layers.Input((8, 8, 4), name="x")
    y = layers.GlobalAveragePooling2D(name="pool")(layers.DepthwiseConv2D(3, name="deep")(inner(outer_in)))
    y = layers.Dense(5, name="last", bias_initializer="random_normal")(y)
    tf_keras.Model(outer_in, [y, layers.Softmax(name="likely")(y)]).save(folder / "m.h5")
    return folder / "m.h5"


def test_fused_and_nested_layers_are_matched(tmp_path: Path) -> None:
    keras, inputs = residual(tmp_path), {"x": np.random.default_rng(0).normal(size=(6, 8, 8, 4)).astype(np.float32)}
    np.savez(tmp_path / "samples.npz", **inputs)
    told = layer_outputs.record(str(keras), str(tmp_path / "samples.npz"), str(tmp_path / "answers.npz"))
    assert told["layers"][:3] == ["block/conv_a", "block/norm_a", "block/relu_a"]
    assert set(told["outputs"]) == {"last", "likely"}
    for kind in ("tflite", "onnx"):
        (tmp_path / kind).mkdir()
        made = float_file.convert(str(keras), kind, str(tmp_path / "samples.npz"), str(tmp_path / kind))
        assert diagnosis.locate(keras, Path(made["path"]), inputs, "conversion") is None
    base = tmp_path / "tflite" / "m_float32.tflite"

    def spoil(graph: Graph) -> None:
        made = [each for each in graph.operators if graph.code_name(each) == "CONV_2D"][1]
        weights = int(made.inputs[1])
        graph.replace(weights, np.random.default_rng(0).permutation(graph.values(weights).ravel()))

    found = diagnosis.locate(keras, edited(base, tmp_path, spoil), inputs, "conversion")
    assert found is not None
    assert found.layer in ("block/relu_b", "block/conv_b", "block/norm_b")
