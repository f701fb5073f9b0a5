"""What a run's report shows beyond its rows, on real runs."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path

import pytest

from compressor.report.schema import Report

pytestmark = pytest.mark.tensorflow

Run = Callable[[str], tuple[Path, Report]]
# As `digits_cnn` has them, in TFLite's order of axes and in that of ONNX.
SHAPES = {
    "conv_1": [1, 3, 3, 32],
    "conv_2": [3, 3, 32, 64],
    "conv_3": [3, 3, 64, 64],
    "dense": [64, 256],
    "digit": [10, 64],
}
KERNELS = {layer: sorted(shape) for layer, shape in SHAPES.items()}
INTEGER = ("int8", "cluster16_int8", "prune50_int8")


@pytest.mark.parametrize("name", INTEGER)
@pytest.mark.parametrize("kind", ["tflite", "onnx", "onnx_tensorrt"])
def test_every_kernel_has_its_weights_before_and_after(name: str, kind: str, digits_run: Run) -> None:
    _, report = digits_run(name)
    found = [each for each in report.weights if each.format == kind]
    assert {each.layer: sorted(each.shape) for each in found} == KERNELS
    assert len(found) == len(KERNELS)
    for each in found:
        assert sum(each.before) == sum(each.after) == prod(each.shape)
        assert each.bits == 8
        assert each.distinct_before > each.distinct_after


def test_an_ncnn_file_is_told_too(digits_run: Run) -> None:
    _, report = digits_run("int8")
    found = [each for each in report.weights if each.format == "ncnn"]
    assert sorted(prod(each.shape) for each in found) == sorted(map(prod, SHAPES.values()))
    assert all(each.sparsity_after < 0.1 for each in found)


def test_what_was_pruned_is_sparse_after_and_was_not_before(digits_run: Run) -> None:
    _, report = digits_run("prune50_int8")
    for each in report.weights:
        assert each.sparsity_before < 0.01
        # Half of the weights but for less than one in a thousand, as many as rounding leaves.
        assert each.sparsity_after > 0.499


def test_what_was_clustered_has_few_integers_under_one_scale(digits_run: Run) -> None:
    _, report = digits_run("cluster16_int8")
    _, plain = digits_run("int8")
    clustered = {(each.format, each.layer): each.distinct_per_scale for each in report.weights}
    assert all(few is not None and few <= 16 for few in clustered.values())
    many = {(each.format, each.layer): each.distinct_per_scale for each in plain.weights if each.layer == "dense"}
    assert all(count is not None and count > 100 for count in many.values())


@pytest.mark.parametrize("name", INTEGER)
def test_worse_and_better_make_the_drop_of_the_row(name: str, digits_run: Run) -> None:
    _, report = digits_run(name)
    assert len(report.answers) >= 3
    for each in report.answers:
        rows = [
            row
            for row in report.rows
            if (row.stage, row.format, row.runtime) == ("compressed", each.format, each.runtime) and row.metric
        ]
        assert rows
        assert each.worse is not None
        assert each.better is not None
        for row in rows:
            assert 100 * (each.worse - each.better) / each.evaluated == pytest.approx(row.drop)
            assert 1 - each.disagreeing / each.evaluated == pytest.approx(row.agreement)
        assert each.confusion is not None
        assert sum(map(sum, each.confusion.compressed)) == each.evaluated == 500
        assert len(each.samples) == min(each.disagreeing, 12)
        assert all((sample.image or "").startswith("data:image/png;base64,") for sample in each.samples)


def test_rows_of_compressed_files_draw_their_placement_once(digits_run: Run) -> None:
    _, report = digits_run("int8")
    drawn = [row for row in report.rows if row.placement is not None and row.placement.operators]
    assert {row.stage for row in drawn} == {"compressed"}
    assert len({(row.target, row.path) for row in drawn}) == len(drawn)
    placed = {row.target for row in report.rows if row.placement is not None}
    assert {row.target for row in drawn} == placed
    for row in drawn:
        assert row.placement is not None
        assert len(row.placement.operators) == row.placement.accelerator_ops + row.placement.cpu_ops
        assert all(index < each.index for each in row.placement.operators for index in each.reads)
