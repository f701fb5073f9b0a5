"""Recipe × target before TensorFlow: what is planned, and every reason for a refusal at once."""

from __future__ import annotations

from typing import Any

import pytest

from compressor import api, names, plan, recipe, registry
from compressor.errors import BadInput
from compressor.target import Target
from compressor.values import Entry, Precision, Stage

TARGETS = registry.names("targets")


def recipe_of(precision: str, *steps: Any) -> recipe.Recipe:
    return recipe.load({"summary": "s", "precision": precision, "steps": list(steps)})


def refusal(chosen: recipe.Recipe, *targets: Target) -> list[str]:
    with pytest.raises(BadInput) as caught:
        plan.check(chosen, targets or names.load_targets(["host"]))
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("name", TARGETS)
def test_a_precision_is_planned_or_refused_with_the_targets_own_reason(name: str, precision: Precision) -> None:
    (target,) = names.load_targets([name])
    chosen = recipe_of(precision)
    if precision in target.precisions:
        planned = plan.check(chosen, [target])
        assert {row.job.precision for row in planned.rows if row.job.stage is Stage.COMPRESSED} == {precision}
        assert {row.job.precision for row in planned.rows if row.job.stage is Stage.FLOAT32} == {Precision.FLOAT32}
        assert len(planned.rows) == 2 * len(target.routes_for(precision))
    else:
        (told,) = refusal(chosen, target)
        assert told.startswith(f"target {name} does not take {precision}: {target.refusals[precision]}")
        assert ", ".join(target.precisions) in told


def test_the_devices_take_what_their_makers_say() -> None:
    taken = {name: names.load_targets([name])[0].precisions for name in TARGETS}
    assert taken["coral"] == (Precision.INT8,)
    assert taken["jetson"] == taken["android_ncnn"] == (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8)
    assert taken["host"] == taken["raspberry_pi"] == tuple(Precision)


def test_every_refusing_target_is_told_at_once() -> None:
    told = refusal(recipe_of("int16x8"), *names.load_targets(["coral", "host", "jetson"]))
    assert [line.split(":")[0] for line in told] == [
        "target coral does not take int16x8",
        "target jetson does not take int16x8",
    ]


def test_step_mistakes_and_refusals_are_told_together() -> None:
    told = refusal(recipe_of("float32", "quantize_aware", "fine_tune"), *names.load_targets(["coral"]))
    assert told == [
        "steps.0.quantize_aware: makes sense with precision int8 only (received float32)",
        "steps.1.fine_tune: no step can follow 'quantize_aware'; move 'quantize_aware' to the end",
        "target coral does not take float32: the Edge TPU computes in int8 only; use a recipe with precision int8 "
        "(it takes int8; this recipe's precision is float32)",
    ]


PRUNE = {"prune": {"sparsity": 0.5}}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (["cluster", "fine_tune"], ["steps.1.fine_tune: would undo the step 'cluster' before it"]),
        (["cluster", PRUNE], ["steps.1.prune: would undo the step 'cluster' before it"]),
        ([PRUNE, {"cluster": {"keep_zeros": False}}], ["steps.1.cluster: would undo the step 'prune' before it"]),
        (["cluster", "fine_tune", "fine_tune"], ["steps.1.fine_tune: would undo", "steps.2.fine_tune: would undo"]),
        (["quantize_aware", PRUNE], ["steps.1.prune: no step can follow 'quantize_aware'"]),
        (["quantize_aware", "quantize_aware"], ["steps.1.quantize_aware: no step can follow 'quantize_aware'"]),
    ],
)
def test_steps_that_undo_each_other_are_refused(steps: list[Any], told: list[str]) -> None:
    found = refusal(recipe_of("int8", *steps))
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True))


@pytest.mark.parametrize("precision", [each for each in Precision if each is not Precision.INT8])
def test_quantize_aware_goes_with_int8_only(precision: Precision) -> None:
    (told,) = refusal(recipe_of(precision, "quantize_aware"))
    assert told == f"steps.0.quantize_aware: makes sense with precision int8 only (received {precision})"


@pytest.mark.parametrize(
    "steps",
    [
        [PRUNE, "fine_tune"],
        [PRUNE, "fine_tune", "quantize_aware"],
        [PRUNE, "cluster", "quantize_aware"],
        ["cluster", "quantize_aware"],
    ],
)
def test_steps_that_get_along_are_planned(steps: list[Any]) -> None:
    assert plan.check(recipe_of("int8", *steps), names.load_targets(["host"])).rows


@pytest.mark.parametrize("name", recipe.shipped())
def test_the_host_takes_every_shipped_recipe(name: str) -> None:
    assert api.check(name).jobs


def test_targets_that_take_the_same_file_share_it() -> None:
    planned = api.check("int8", ["host", "raspberry_pi", "coral"])
    assert [(job.stage, job.format, job.precision) for job in planned.jobs] == [
        (Stage.FLOAT32, "tflite", Precision.FLOAT32),
        (Stage.COMPRESSED, "tflite", Precision.INT8),
        (Stage.FLOAT32, "onnx", Precision.FLOAT32),
        (Stage.COMPRESSED, "onnx", Precision.INT8),
    ]
    assert planned.runtimes == ("litert", "onnxruntime", "litert_reference")
    assert len(planned.rows) == 8


def test_coral_is_judged_on_exact_kernels_against_a_fast_baseline() -> None:
    baseline, compressed = api.check("int8", ["coral"]).rows
    assert (baseline.job.stage, baseline.runtime) == (Stage.FLOAT32, "litert")
    assert (compressed.job.stage, compressed.runtime) == (Stage.COMPRESSED, "litert_reference")


def test_a_float32_recipe_still_has_a_baseline_and_a_result() -> None:
    stages = [job.stage for job in api.check("float32", ["raspberry_pi"]).jobs]
    assert stages == [Stage.FLOAT32, Stage.COMPRESSED]


def test_a_target_counts_once_and_unknown_ones_are_told() -> None:
    assert [target.name for target in names.load_targets(["host", "coral", "host"])] == ["host", "coral"]
    with pytest.raises(BadInput, match="no target is called 'corel'; did you mean 'coral'"):
        api.check("int8", ["corel"])
    with pytest.raises(BadInput, match="no target was given"):
        api.check("int8", [])


def test_an_onnx_model_becomes_onnx_files_only() -> None:
    planned = plan.check(recipe_of("int8"), names.load_targets(["host", "jetson"]), Entry.ONNX)
    assert {row.job.format for row in planned.rows} == {"onnx", "onnx_tensorrt"}


@pytest.mark.parametrize("entry", [Entry.ONNX, Entry.GRAPH])
def test_steps_need_layers_and_targets_files_that_can_be_made_all_told_at_once(entry: Entry) -> None:
    chosen = recipe_of("int8", {"prune": {"sparsity": 0.5}}, "fine_tune")
    with pytest.raises(BadInput) as caught:
        plan.check(chosen, names.load_targets(["host", "coral"]), entry)
    told = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert told[0].startswith("prune, fine_tune work on Keras layers, and ")
    refused = "target coral takes tflite, which is not made of an ONNX model: bring the Keras model"
    assert told[1:] == ([refused] if entry is Entry.ONNX else [])


def test_a_plain_graph_becomes_every_format() -> None:
    planned = plan.check(recipe_of("int8"), names.load_targets(TARGETS), Entry.GRAPH)
    assert planned == plan.check(recipe_of("int8"), names.load_targets(TARGETS))
