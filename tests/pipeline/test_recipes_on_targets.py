"""Every shipped recipe for every target: a real run, or the stated refusal."""

from __future__ import annotations

import json
import zlib
from hashlib import sha256

import jsonschema
import pytest

import compressor
from compressor import api, names, recipe, registry
from compressor.report.schema import json_schema

pytestmark = pytest.mark.tensorflow
TARGETS = registry.names("targets")
# Each precision, and each step once; the rest takes long, and is in the matrix.
EVERYDAY = {"float32", "float16", "dynamic_int8", "int16x8", "int8"}
EVERYDAY |= {"prune50_int8", "cluster16_int8", "qat_int8", "channels50_int8"}
RECIPES = [name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.matrix) for name in recipe.shipped()]
INT8_RECIPES = [
    each for each, name in zip(RECIPES, recipe.shipped(), strict=True) if recipe.load(name).precision == "int8"
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", RECIPES)
def test_recipe_runs_for_target_or_is_refused(name, target, digits_run):
    device = names.load_targets([target])[0]
    if not device.routes_for(recipe.load(name).precision):
        with pytest.raises(compressor.BadInput, match=f"target {target} does not take {recipe.load(name).precision}"):
            api.check(name, [target])
        return
    out, report = digits_run(name)
    rows = [row for row in report.rows if row.target == target]
    measured = [row for row in rows if row.provenance == "measured"]
    assert {row.stage for row in measured} == {"float32", "compressed"}
    assert report.verdict.passed, report.verdict.violations
    for row in measured:
        content = (out / row.path).read_bytes()
        assert (row.bytes, row.sha256) == (len(content), sha256(content).hexdigest())
        assert row.bytes_deflated == pytest.approx(len(zlib.compress(content, 9)), abs=8)
        assert 0 < row.latency_ms.p50 <= row.latency_ms.p90 <= row.latency_ms.p99
        assert row.latency_ms.runs >= 30
        assert row.peak_rss_bytes > 10_000_000
        assert row.metric.value >= 0.97
        if row.stage == "float32":
            assert row.max_abs_error <= 1e-5
            assert row.agreement == 1.0
    # What is not here is stated, or estimated by its compiler.
    away = any(row.provenance in ("skipped", "estimated") and row.reason for row in rows)
    assert away == (device.device is not None)


@pytest.mark.parametrize("name", RECIPES)
def test_report_matches_the_schema_and_run_folder_is_whole(name, digits_run, read_report):
    out, report = digits_run(name)
    written = read_report(out)
    jsonschema.validate(written, json_schema())
    assert written == report.model_dump(mode="json")
    kept = {entry.name for entry in out.iterdir()}
    assert {"report.json", "report.md", "recipe.yaml", "artifacts", "keras", "data.npz", "log.txt"} <= kept
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
    assert recipe.load(out / "recipe.yaml").as_dict() == {**recipe.load(name).as_dict()}
    assert json.loads((out / "run.json").read_text())["recipe"]["name"] == name


@pytest.mark.parametrize("name", INT8_RECIPES)
def test_int8_keeps_the_promised_accuracy_and_size(name, digits_run):
    _, report = digits_run(name)
    assert report.model.metric.value >= 0.98
    for row in report.rows:
        if row.stage == "compressed" and row.provenance == "measured":
            assert row.drop <= (0.5 if name in ("int8", "qat_int8") else 1.5)
            assert row.agreement >= 0.97
    sizes = {row.stage: row.bytes for row in report.rows if row.format == "tflite"}
    assert sizes["compressed"] <= 0.30 * sizes["float32"]


def test_targets_that_take_the_same_file_share_it(digits_run):
    _, report = digits_run("int8")
    paths = {row.target: row.path for row in report.rows if row.format == "tflite" and row.stage == "compressed"}
    assert paths["host"] == paths["coral"] == paths["raspberry_pi"]


def test_coral_file_is_integer_at_both_ends_with_batch_one(digits_run):
    from ai_edge_litert.interpreter import Interpreter

    out, report = digits_run("int8")
    row = next(row for row in report.rows if row.target == "coral" and row.stage == "compressed")
    interpreter = Interpreter(model_path=str(out / row.path))
    interpreter.allocate_tensors()
    ends = interpreter.get_input_details() + interpreter.get_output_details()
    assert {end["dtype"].__name__ for end in ends} == {"int8"}
    assert [list(end["shape_signature"]) for end in ends] == [[1, 8, 8, 1], [1, 10]]
    assert all(tensor["dtype"].__name__ in ("int8", "int32") for tensor in interpreter.get_tensor_details())


def test_rows_of_a_coral_say_what_it_would_accelerate(digits_run):
    out, report = digits_run("int8")
    placements = {row.stage: row.placement for row in report.rows if row.target == "coral"}
    assert placements["compressed"].accelerated_macs_share == 1.0
    assert placements["compressed"].cpu_ops == 0
    assert placements["float32"].accelerator_ops == 0
    path = next(out / row.path for row in report.rows if row.target == "coral" and row.stage == "compressed")
    layers = [each.layer for each in api.inspect(path, "coral").operators]
    assert layers[:3] == ["conv_1", "pool_1", "conv_2"]
    assert layers[-1] == "digit"
    assert all(row.placement.accelerator_ops == 0 for row in report.rows if row.target == "host")


@pytest.mark.parametrize("name", ["float32", "float16", *INT8_RECIPES])
def test_jetson_file_passes_the_tensorrt_linter(name, digits_run):
    from compressor.lint.tensorrt import lint

    out, report = digits_run(name)
    row = next(row for row in report.rows if row.target == "jetson" and row.stage == "compressed")
    # Weights that were pruned anywhere gain nothing on a GPU, which is told.
    assert {(each.rule, each.severity) for each in lint(out / row.path)} <= {("T11", "info")}


def test_host_onnx_takes_any_batch(digits_run):
    import numpy as np
    import onnxruntime

    out, report = digits_run("int8")
    row = next(row for row in report.rows if row.format == "onnx" and row.stage == "compressed")
    session = onnxruntime.InferenceSession(str(out / row.path))
    (answers,) = session.run(None, {"image": np.zeros((7, 8, 8, 1), np.float32)})
    assert answers.shape == (7, 10)
