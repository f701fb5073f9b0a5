"""What a step promises is looked for in the written file, not in the step's own words."""

from __future__ import annotations

import math

import numpy as np
import pytest

import compressor
from compressor import packing

pytestmark = pytest.mark.tensorflow


def _kernels(path):
    """Weight matrices of an int8 `.tflite` as integers, largest first."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    found = []
    for tensor in interpreter.get_tensor_details():
        constant = "pseudo_qconst" in tensor["name"] or "Conv2D" in tensor["name"] or "MatMul" in tensor["name"]
        if constant and tensor["dtype"] is np.int8 and len(tensor["shape"]) > 1 and tensor["shape"][0] > 1:
            found.append(interpreter.get_tensor(tensor["index"]))
    return sorted(found, key=np.size, reverse=True)


def _compressed(report, out):
    return out / next(row.path for row in report.rows if row.format == "tflite" and row.stage == "compressed")


def test_pruned_file_holds_the_zeros(digits_run):
    out, report = digits_run("prune50_int8")
    kernels = _kernels(_compressed(report, out))
    assert len(kernels) == 5
    for kernel in kernels:
        # Quantization rounds some small weights to zero as well: at least half, never everything.
        assert 0.49 <= (kernel == 0).mean() < 0.75


def test_plain_int8_file_does_not(digits_run):
    out, report = digits_run("int8")
    assert all((kernel == 0).mean() < 0.25 for kernel in _kernels(_compressed(report, out)))


def test_pruned_file_is_as_large_as_before_and_deflates_better(digits_run):
    sizes = {}
    for name in ("int8", "prune50_int8"):
        out, report = digits_run(name)
        row = next(row for row in report.rows if row.format == "tflite" and row.stage == "compressed")
        sizes[name] = row.bytes, row.bytes_deflated, row.bytes_packed
        assert row.bytes_packed == len(packing.pack((out / row.path).read_bytes()))
        told = [warning for warning in report.warnings if "pays only when stored deflated" in warning]
        assert {warning.partition(":")[0] for warning in told} == ({"prune"} if name == "prune50_int8" else set())
    assert sizes["prune50_int8"][0] == pytest.approx(sizes["int8"][0], rel=0.01)
    assert sizes["prune50_int8"][1] < 0.8 * sizes["int8"][1]
    assert sizes["prune50_int8"][2] < 0.9 * sizes["prune50_int8"][1]


def test_clustered_keras_model_has_at_most_sixteen_values_per_kernel(digits_run):
    import h5py

    out, report = digits_run("cluster16_int8")
    kernels = []
    with h5py.File(out / "keras" / "compressed.h5") as file:
        file["model_weights"].visititems(
            lambda name, item: kernels.append(item[()]) if "kernel" in name and hasattr(item, "dtype") else None
        )
    assert len(kernels) == 5
    assert all(len(np.unique(kernel)) <= 16 for kernel in kernels)
    # Where a value does not pay for its bits, a kernel has fewer: as many as the report says.
    found = [len(np.unique(kernel)) for kernel in kernels]
    assert max(found) == 16
    assert min(found) >= 8
    assert sorted(report.recipe.steps_done[0]["distinct_values"].values()) == sorted(found)
    assert 2.0 < report.recipe.steps_done[0]["bits_per_weight"] < 2.35


@pytest.mark.parametrize("name", ["prune50_int8", "cluster16_int8", "qat_int8"])
def test_no_wrapper_is_left_in_the_keras_model(name, digits_run):
    import json

    import h5py

    out, _ = digits_run(name)
    with h5py.File(out / "keras" / "compressed.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    names = [layer["class_name"] for layer in layers]
    assert names == ["InputLayer", "Conv2D", "MaxPooling2D"] * 1 + ["Conv2D", "MaxPooling2D", "Conv2D"] + [
        "Flatten",
        "Dense",
        "Dense",
    ]


def test_quantization_aware_file_keeps_the_learned_ranges(digits_run):
    _, report = digits_run("qat_int8")
    row = next(row for row in report.rows if row.format == "tflite" and row.stage == "compressed")
    assert row.notes == ["activation ranges learned in training"]
    held = {part.kind: part for part in report.promises if part.layer == "whole file"}
    assert (held["float_operators"].received, held["float_operators"].kept) == (0, True)
    simulated = held["simulated_metric"]
    assert simulated.received == row.metric.value
    assert abs(simulated.promised - simulated.received) <= 0.005
    assert simulated.kept is True


def test_one_scale_for_each_kernel_where_the_recipe_says_so(tmp_path):
    import onnx
    from ai_edge_litert.interpreter import Interpreter

    wanted = {"summary": "One scale for each kernel.", "precision": "int8", "granularity": "per_tensor"}
    report = compressor.run("digits_cnn", wanted, ["host"], out=tmp_path / "run")
    rows = {row.format: row for row in report.rows if row.stage == "compressed"}
    assert all(row.drop <= 2.0 for row in rows.values())
    interpreter = Interpreter(model_path=str(tmp_path / "run" / rows["tflite"].path))
    scales = [len(each["quantization_parameters"]["scales"]) for each in interpreter.get_tensor_details()]
    assert max(scales) == 1
    graph = onnx.load(str(tmp_path / "run" / rows["onnx"].path)).graph
    named = {node.input[1] for node in graph.node if node.op_type == "DequantizeLinear"}
    assert all(math.prod(each.dims) == 1 for each in graph.initializer if each.name in named)


def test_promises_of_layers_inside_a_model_are_judged_after_quantization_aware_training(tmp_path):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    inner, given = layers.Input((8, 8, 3)), layers.Input((8, 8, 3), name="image")
    inside = layers.Conv2D(16, 3, name="c2")(layers.Conv2D(16, 3, activation="relu", name="c1")(inner))
    made = layers.Flatten()(tf_keras.Model(inner, inside, name="backbone")(given))
    model = tf_keras.Model(given, layers.Dense(4, activation="softmax", name="answer")(made))
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 64), ("calibration", 32), ("evaluation", 32)):
        arrays[f"x_{part}"] = random.normal(size=(count, 8, 8, 3)).astype(np.float32)
        arrays[f"y_{part}"] = model.predict(arrays[f"x_{part}"], verbose=0).argmax(-1)
    short = [{"prune": {"sparsity": 0.5, "epochs": 1}}, {"cluster": {"epochs": 1}}, {"quantize_aware": {"epochs": 1}}]
    wanted = {"summary": "Both, simulated.", "steps": short, "precision": "int8"}
    report = compressor.run(model, wanted, ["host"], data=arrays, out=tmp_path / "run")
    judged = {(each.format, each.step, each.layer, each.kind): each.kept for each in report.promises}
    for layer in ("backbone/c1", "backbone/c2", "answer"):
        for kind in ("tflite", "onnx"):
            assert judged[kind, "prune", layer, "sparsity"] is True
            assert judged[kind, "cluster", layer, "distinct_values"] is True
            assert judged[kind, "quantize_aware", layer, "distinct_values"] is True
