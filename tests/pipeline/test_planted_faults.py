"""Files that are spoiled between writing and measuring: a run finds each fault, names it, and does not pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor import names, pipeline
from compressor.artifacts import Writing
from compressor.plan import Job, Plan
from compressor.report.evidence import ParityCell
from compressor.report.schema import Report
from compressor.tflite_edit.graph import Graph
from compressor.values import Artifact, Failure

pytestmark = pytest.mark.tensorflow

# By stage and format, what is done to a file.
Faults = Mapping[tuple[str, str], Callable[[Path], None]]


@pytest.fixture
def spoiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """A run of a sample in int8 whose files are spoiled as soon as they are written."""
    as_written = pipeline.written

    def run(sample: str, faults: Faults, target: str = "host") -> Report:
        def written(writing: Writing, plan: Plan) -> dict[Job, Artifact | Failure]:
            artifacts = as_written(writing, plan)
            for job, artifact in artifacts.items():
                assert isinstance(artifact, Artifact)
                faults.get((job.stage.value, job.format), lambda path: None)(artifact.path)
            return artifacts

        monkeypatch.setattr(pipeline, "written", written)
        return compressor.run(sample, "int8", [target], out=tmp_path / "run")

    return run


def constant(graph: Graph, layer: str, place: int) -> Any:
    """The buffer of a constant that an operator of a layer reads: weights 1, bias 2."""
    found = next(
        each
        for each in graph.operators
        if len(each.inputs) > place and layer in graph.tensor(int(each.inputs[1])).name.decode()
    )
    return graph._model.buffers[graph.tensor(int(found.inputs[place])).buffer]


def zero_bias(path: Path) -> None:
    graph = Graph(path.read_bytes())
    buffer = constant(graph, "/dense/MatMul", 2)
    assert np.any(buffer.data)
    buffer.data = np.zeros_like(buffer.data)
    path.write_bytes(graph.packed())


def shuffle_weights(path: Path) -> None:
    graph = Graph(path.read_bytes())
    buffer = constant(graph, "/conv_2/Conv2D", 1)
    buffer.data = np.random.default_rng(0).permutation(buffer.data)
    path.write_bytes(graph.packed())


def shuffle_onnx_weights(path: Path) -> None:
    import onnx

    model = onnx.load(path)
    conv = [node for node in model.graph.node if node.op_type == "Conv"][1]
    weights = next(each for each in model.graph.initializer if each.name == conv.input[1])
    values = onnx.numpy_helper.to_array(weights)
    shuffled = np.random.default_rng(0).permutation(values.reshape(-1)).reshape(values.shape)
    weights.CopyFrom(onnx.numpy_helper.from_array(shuffled, weights.name))
    onnx.save(model, path)


def widen_input_scale(path: Path) -> None:
    graph = Graph(path.read_bytes())
    quantization = graph.tensor(graph.inputs[0]).quantization
    quantization.scale = np.asarray(quantization.scale) * np.float32(8)
    path.write_bytes(graph.packed())


def stretch_onnx_output(path: Path) -> None:
    """The last DequantizeLinear takes a step for 2 % more than the QuantizeLinear before it."""
    import onnx

    model = onnx.load(path)
    last = [node for node in model.graph.node if node.op_type == "DequantizeLinear"][-1]
    scale = next(each for each in model.graph.initializer if each.name == last.input[1])
    stretched = onnx.numpy_helper.to_array(scale) * np.float32(1.02)
    model.graph.initializer.append(onnx.numpy_helper.from_array(stretched, "stretched"))
    last.input[1] = "stretched"
    onnx.save(model, path)


def keep_state(path: Path) -> None:
    """The same network as an LSTM that goes on where it ended, which nothing resets."""
    import tensorflow as tf
    from tf_keras import Sequential, layers, models

    plain = models.load_model(path.parents[2] / "keras" / "original.h5", compile=False)
    kept = Sequential(
        [
            layers.Input(plain.input_shape[1:], batch_size=1, name="steps"),
            layers.LSTM(64, stateful=True, name="lstm"),
            layers.Dense(1, name="next"),
        ]
    )
    kept.set_weights(plain.get_weights())
    steps = tf.TensorSpec(kept.input_shape, tf.float32, name="steps")
    function = tf.function(lambda steps: {"next": kept(steps)}).get_concrete_function(steps)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], kept)
    converter.experimental_enable_resource_variables = True
    path.write_bytes(converter.convert())


def cells(report: Report, stage: str, kind: str, against: str) -> list[ParityCell]:
    return [each for each in report.parity if (each.stage, each.format, each.against) == (stage, kind, against)]


def test_a_zeroed_bias_and_shuffled_weights_of_float32_files_are_faults_of_conversion(
    spoiled: Callable[..., Report],
) -> None:
    report = spoiled("digits_cnn", {("float32", "tflite"): zero_bias, ("float32", "onnx"): shuffle_onnx_weights})
    for kind, layer, word in (("tflite", "dense", "bias"), ("onnx", "conv_2", "conv_2")):
        found = cells(report, "float32", kind, "keras")
        assert [each.within for each in found] == [False] * len(found)
        for each in found:
            assert each.diverges is not None
            assert (each.diverges.stage, each.diverges.layer) == ("conversion", layer)
            assert word in each.diverges.told
        told = found[0].diverges.told
        assert any(told in warning for warning in report.warnings)
        (violation,) = [each for each in report.verdict.violations if each.limit == "parity" and each.format == kind]
        assert told in violation.message
    assert not report.verdict.passed
    assert all(each.within for each in cells(report, "float32", "tflite", "same file"))


def test_a_wrong_input_scale_and_a_stretched_output_are_faults_of_compression(spoiled: Callable[..., Report]) -> None:
    faults = {("compressed", "tflite"): widen_input_scale, ("compressed", "onnx"): stretch_onnx_output}
    report = spoiled("digits_cnn", faults)
    for kind, word in (("tflite", "input"), ("onnx", "2.0 %")):
        found = cells(report, "compressed", kind, "float32")
        assert {each.diverges and each.diverges.stage for each in found} == {"compression"}
        (part,) = [each for each in report.layers if each.format == kind]
        assert part.faults
        assert word in part.faults[0]
        assert any(part.faults[0] in warning for warning in report.warnings)
    # What compression costs is for a recipe's limits to judge.
    assert not [each for each in report.verdict.violations if each.limit == "parity"]


def test_shuffled_weights_of_a_compressed_file_are_named_by_their_layer(spoiled: Callable[..., Report]) -> None:
    report = spoiled("digits_cnn", {("compressed", "tflite"): shuffle_weights})
    for each in cells(report, "compressed", "tflite", "float32"):
        assert each.diverges is not None
        assert (each.diverges.stage, each.diverges.layer) == ("compression", "conv_2")
        assert "conv_2" in each.diverges.told
    assert all(each.within for each in cells(report, "float32", "tflite", "keras"))


def test_state_that_is_not_reset_is_told_as_such(spoiled: Callable[..., Report]) -> None:
    report = spoiled("series_lstm", {("float32", "tflite"): keep_state}, "raspberry_pi5")
    found = cells(report, "float32", "tflite", "keras")
    assert {each.diverges and each.diverges.stage for each in found} == {"state"}
    told = "the first sample is answered otherwise after the others"
    assert any(told in warning for warning in report.warnings)
    assert any(each.limit == "parity" and told in each.message for each in report.verdict.violations)


def test_what_is_in_order_has_no_fault_on_any_runtime_at_hand(digits_run: Callable[..., Any]) -> None:
    report = digits_run("int8")[1]
    assert {each.runtime for each in report.parity} >= {"litert", "litert_reference", "onnxruntime"}
    assert [each for each in report.parity if each.diverges is not None or each.within is False] == []
    assert [part.faults for part in report.layers] == [[]] * len(report.layers)
    assert {(each.format, each.precision) for each in report.layers} >= {("tflite", "int8"), ("onnx", "int8")}
    assert not [each for each in report.verdict.violations if each.limit == "parity"]
    digits = names.load_sample("digits_cnn").dataset().evaluation.count
    exact = cells(report, "float32", "tflite", "keras")
    assert {each.samples for each in exact} == {digits}
