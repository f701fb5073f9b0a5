"""What steps promised of layers, held against files made by hand; what broken promises do to a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_onnx
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tflite_files import KINDS, TfliteFile

import compressor
from compressor.evidence import promises
from compressor.kernels import Kernel, most_distinct
from compressor.limits import Limits
from compressor.plan import Job
from compressor.report import gate, markdown, promise_limit
from compressor.report.evidence import PromisePart
from compressor.report.schema import Report, Row
from compressor.values import Array, Artifact, Precision, Stage

MakeRow = Callable[..., Row]
Artifacts = dict[Job, Artifact]

SPARSE = np.array([[0, 64, 0, 32], [0, 0, 127, -127]], np.int8)
SCALES = (1 / 127, 2 / 127)


def written(
    folder: Path, *kernels: tuple[str, Array], kind: int = KINDS.INT8, precision: Precision = Precision.INT8
) -> Artifacts:
    """A TFLite file of Dense layers side by side, as the compressed file of a run."""
    made = TfliteFile()
    ends = []
    for name, values in kernels:
        x = made.tensor(f"x_{name}", 1, values.shape[1], kind=KINDS.FLOAT32)
        scales = SCALES[: values.shape[0]] if kind == KINDS.INT8 else ()
        w = made.tensor(f"m/{name}/MatMul", *values.shape, kind=kind, values=values, scales=scales)
        y = made.tensor(f"m/{name}/BiasAdd", 1, values.shape[0], kind=KINDS.FLOAT32)
        made.operator("FULLY_CONNECTED", [x, w], [y])
        ends.append((x, y))
    path = folder / "m.tflite"
    path.write_bytes(made.content(*map(list, zip(*ends, strict=True))))
    return {Job(Stage.COMPRESSED, "tflite", precision): artifact(path, "tflite", precision)}


def artifact(path: Path, kind: str, precision: Precision = Precision.INT8) -> Artifact:
    return Artifact(path, kind, precision, Stage.COMPRESSED, 1, 1, "f" * 64)


def done(*promised: dict[str, Any], step: str = "prune") -> list[dict[str, Any]]:
    return [{"step": "fine_tune"}, {"step": step, "promises": list(promised)}]


def told(part: PromisePart) -> tuple[Any, ...]:
    return part.layer, part.kind, part.promised, part.received, part.kept


def test_a_kept_promise_and_a_broken_one(tmp_path: Path) -> None:
    files = written(tmp_path, ("a", SPARSE), ("b", SPARSE))
    kept, broken = promises.held_against(
        files, done({"layer": "a", "sparsity": 0.5, "weights": 8}, {"layer": "b", "sparsity": 0.51, "weights": 8})
    )
    assert told(kept) == ("a", "sparsity", 0.5, 0.5, True)
    assert told(broken) == ("b", "sparsity", 0.51, 0.5, False)
    assert (broken.format, broken.precision, broken.step) == ("tflite", "int8", "prune")


def test_integers_that_stand_for_zero_are_zeros(tmp_path: Path) -> None:
    files = written(tmp_path, ("a", SPARSE))
    (part,) = promises.held_against(files, done({"layer": "a", "sparsity": 0.5}))
    assert part.kept is True


def test_distinct_values_are_counted_in_one_channel(tmp_path: Path) -> None:
    # Two values, which the scales of two channels make four integers of.
    files = written(tmp_path, ("a", np.array([[10, 20, 10, 20], [5, 9, 9, 5]], np.int8)))
    kept, broken = promises.held_against(
        files, done({"layer": "a", "distinct_values": 2}, {"layer": "a", "distinct_values": 1}, step="cluster")
    )
    assert told(kept) == ("a", "distinct_values", 2, 2, True)
    assert told(broken) == ("a", "distinct_values", 1, 2, False)


def test_so_they_are_in_a_float_file_whose_channels_were_scaled(tmp_path: Path) -> None:
    folded = np.array([[1.0, 2.0, 1.0, 2.0], [3.0, 7.0, 7.0, 3.0]], np.float32)
    files = written(tmp_path, ("a", folded), kind=KINDS.FLOAT32, precision=Precision.FLOAT32)
    (part,) = promises.held_against(files, done({"layer": "a", "distinct_values": 2}))
    assert part.kept is True


def test_a_layer_that_no_name_tells_keeps_and_breaks_nothing(tmp_path: Path) -> None:
    files = written(tmp_path, ("a", SPARSE))
    other, resized = promises.held_against(
        files, done({"layer": "other", "sparsity": 0.9, "weights": 9}, {"layer": "a", "sparsity": 0.9, "weights": 16})
    )
    assert (other.kept, other.received) == (resized.kept, resized.received) == (None, None)
    assert "no kernel of that layer and size" in str(resized.reason)


def test_layers_are_found_under_the_names_that_quantization_aware_training_gives_them(tmp_path: Path) -> None:
    files = written(tmp_path, ("quant_a", SPARSE), ("quant_block/b", SPARSE))
    promised = done({"layer": "a", "sparsity": 0.51, "weights": 8}, {"layer": "block/b", "sparsity": 0.5, "weights": 8})
    broken, kept = promises.held_against(files, promised)
    assert told(broken) == ("a", "sparsity", 0.51, 0.5, False)
    assert told(kept) == ("block/b", "sparsity", 0.5, 0.5, True)


def test_an_axis_of_single_weights_says_nothing_of_distinct_values() -> None:
    single = promises._distinct(Kernel("a", "w", "Gemm 1", np.arange(6, dtype=np.int8).reshape(6, 1)))
    assert single == 6


def test_other_kernels_of_a_layer_do_not_count(tmp_path: Path) -> None:
    dense = np.ones((1, 3), np.int8)
    files = written(tmp_path, ("a", dense), ("a", SPARSE))
    (part,) = promises.held_against(files, done({"layer": "a", "sparsity": 0.5, "weights": 8}))
    assert part.kept is True
    (whole,) = promises.held_against(files, done({"layer": "a", "sparsity": 0.4, "weights": 11}))
    assert told(whole) == ("a", "sparsity", 0.4, round(4 / 11, 6), False)


def test_onnx_files_and_what_is_made_of_a_file_are_held_to_it_too(tmp_path: Path) -> None:
    files = written(tmp_path, ("a", SPARSE))
    files[Job(Stage.COMPRESSED, "tflm", Precision.INT8)] = artifact(tmp_path / "m.cc", "tflm")
    files[Job(Stage.COMPRESSED, "onnx", Precision.INT8)] = artifact(tiny_onnx.saved(tmp_path), "onnx")
    parts = promises.held_against(
        files,
        done({"layer": "a", "sparsity": 0.6, "weights": 8}, {"layer": "net/last", "sparsity": 0.1, "weights": 32}),
    )
    assert [(each.format, each.layer, each.kept) for each in parts] == [
        ("tflite", "a", False),
        ("tflite", "net/last", None),
        ("tflm", "a", False),
        ("tflm", "net/last", None),
        ("onnx", "a", None),
        ("onnx", "net/last", False),
    ]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    files = written(tmp_path, ("a", SPARSE))
    (tmp_path / "m.tflite").write_bytes(b"no model")
    (part,) = promises.held_against(files, done({"layer": "a", "sparsity": 0.5}))
    assert part.kept is None
    assert "m.tflite" in str(part.reason)


def test_float32_files_promise_nothing(tmp_path: Path) -> None:
    (made,) = written(tmp_path, ("a", SPARSE)).values()
    files = {Job(Stage.FLOAT32, "tflite", Precision.FLOAT32): made}
    assert promises.held_against(files, done({"layer": "a", "sparsity": 0.9})) == []


@given(arrays(np.int8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))), st.integers(-1, 2))
def test_most_distinct_is_that_of_the_channel_with_most(values: Array, axis: int) -> None:
    channels = np.moveaxis(values, axis, 0)
    assert most_distinct(values, axis) == max(len(np.unique(each)) for each in channels)


def part(kept: bool | None = False, **changes: Any) -> PromisePart:
    made = {"format": "onnx", "precision": "int8", "step": "prune", "layer": "conv", "kind": "sparsity"}
    made |= {"promised": 0.8, "received": None if kept is None else 0.8 if kept else 0.5, "kept": kept}
    return PromisePart(**made | changes)


def test_each_row_about_the_file_breaks_the_promise_once(row: MakeRow) -> None:
    rows = [
        row(stage="float32", precision="float32"),
        row(),
        row(provenance="emulated"),
        row(target="coral", format="tflite"),
        row(target="jetson"),
    ]
    verdict = gate.judge(rows, Limits())
    parts = [part(), part(layer="dense", received=0.25), part(True, layer="ok"), part(None, layer="hidden")]
    found = promise_limit.combined(verdict, parts, rows)
    assert verdict.passed
    assert not found.passed
    assert [each.row for each in found.violations] == [1, 4]
    assert found.violations[0].message == (
        "host: compressed onnx int8 on onnxruntime: promise: prune promised conv: at least 80.00% zeros; "
        "dense: at least 80.00% zeros; the file has conv: 50.00% zeros; dense: 25.00% zeros"
    )


def test_many_broken_promises_are_counted(row: MakeRow) -> None:
    parts = [part(kind="distinct_values", promised=16, received=31, step="cluster", layer=f"l{at}") for at in range(5)]
    (violation,) = promise_limit.violations(parts, [row()])
    assert violation.expected.endswith("l2: at most 16 distinct values in a channel and 2 more")
    assert violation.received == "l0: 31; l1: 31; l2: 31 and 2 more"


def test_kept_promises_and_those_not_to_be_told_break_nothing(row: MakeRow) -> None:
    verdict = gate.judge([row()], Limits())
    assert promise_limit.combined(verdict, [part(True), part(None)], [row()]) == verdict


def test_the_report_says_how_many_are_kept(report: Report) -> None:
    parts = [part(True), part(True, layer="dense"), part(None, layer="other"), part(format="tflite")]
    text = markdown.render(report.model_copy(update={"promises": parts}))
    assert "- onnx int8 keeps the sparsity that prune promised in 2 of 3 layers; not to be told in 1\n" in text
    assert "- tflite int8 keeps the sparsity that prune promised in 0 of 1 layers\n" in text


def test_the_report_says_what_became_of_a_simulation(report: Report) -> None:
    whole = {"step": "quantize_aware", "layer": "whole file", "format": "tflite"}
    parts = [
        part(True, **whole, kind="float_operators", promised=0, received=0),
        part(None, **whole, kind="simulated_metric", promised=0.99, received=0.9812, reason="too few samples"),
    ]
    text = markdown.render(report.model_copy(update={"promises": parts}))
    assert "- tflite int8: 0 float operators; quantize_aware promised 0 float operators\n" in text
    assert "a metric of 0.9812; quantize_aware promised the metric of its simulation, 0.99 (too few samples)\n" in text


def test_promises_are_no_part_of_what_a_step_did(report: Report) -> None:
    steps = [{"step": "prune", "epochs": 2, "promises": [{"layer": "secret", "sparsity": 0.5}]}]
    recipe = report.recipe.model_copy(update={"steps_done": steps})
    text = markdown.render(report.model_copy(update={"recipe": recipe}))
    assert "did: epochs 2\n" in text
    assert "secret" not in text


@pytest.mark.parametrize("kept", [True, False])
def test_a_report_judged_again_keeps_its_broken_promises(kept: bool, report: Report) -> None:
    row = next(each for each in report.rows if each.stage == "compressed" and each.provenance == "measured")
    held = [part(kept, format=row.format, precision=row.precision)]
    judged = compressor.gate(report.model_copy(update={"promises": held}), Limits())
    assert ("promise" in {each.limit for each in judged.verdict.violations}) is not kept
