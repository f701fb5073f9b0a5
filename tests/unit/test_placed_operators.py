"""Where operators of a run's files run, as rows tell it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tiny_onnx
from tflite_files import relu_chain
from tiny_tflite import File, conv

from compressor import names, onnx_view
from compressor.ncnn_model import listing as ncnn_listing
from compressor.ncnn_model.container import End, NcnnModel
from compressor.onnx_view import listing as onnx_listing
from compressor.placed_operators import MOST_OPERATORS, Placements

PARAM = """7767517
5 6
Input in 0 1 x
Split twice 1 2 x a b
Convolution c 1 1 a d 0=4 1=1 6=12
ReLU r 1 1 b e
Concat all 2 1 d e y
"""


def coral_file(folder: Path) -> Path:
    """A convolution, what reads it and the input, and an operator that Coral's compiler leaves."""
    file = File()
    source = file.input((1, 8, 8, 4), name="picture")
    first = conv(file, source, (1, 8, 8, 4), "model/conv_1")
    added, best = file.tensor((1, 8, 8, 4), name="model/add/add"), file.tensor((1, 8, 8, 4), name="model/best/ArgMax")
    file.add("ADD", [first, source], [added])
    file.add("ARG_MAX", [added], [best])
    file.add("ADD", [added, first], [file.tensor((1, 8, 8, 4), name="model/sum/add")])
    (folder / "m.tflite").write_bytes(file.content())
    return folder / "m.tflite"


def test_every_operator_says_where_it_runs_and_whose_answers_it_reads(tmp_path: Path) -> None:
    (coral,) = names.load_targets(["coral"])
    found = Placements().of(coral_file(tmp_path), coral, drawn=True)
    assert found is not None
    told = [(each.index, each.op, each.layer, each.where, each.macs, each.reads) for each in found.operators]
    assert told == [
        (0, "CONV_2D", "conv_1", "accelerator", 8 * 8 * 4 * 9 * 4, []),
        (1, "ADD", "add", "accelerator", 0, [0]),
        (2, "ARG_MAX", "best", "cpu", 0, [1]),
        (3, "ADD", "sum", "cpu", 0, [1, 0]),
    ]
    assert all(each.reason for each in found.operators)
    assert (found.accelerator_ops, found.cpu_ops) == (2, 2)


def test_operators_are_told_once_for_each_file_and_target_and_only_where_wanted(tmp_path: Path) -> None:
    coral, mini = names.load_targets(["coral", "coral-micro"])
    path, placements = coral_file(tmp_path), Placements()
    asked = [(coral, False), (coral, True), (coral, True), (mini, True)]
    found = [placements.of(path, target, drawn) for target, drawn in asked]
    assert [len(each.operators) if each else None for each in found] == [0, 4, 0, 4]
    assert len({(each.accelerator_ops, each.cpu_ops, *each.reasons) for each in found if each}) == 1


def test_a_file_of_very_many_operators_is_told_by_its_sums(tmp_path: Path) -> None:
    (host,) = names.load_targets(["host"])
    for count in (MOST_OPERATORS, MOST_OPERATORS + 1):
        (tmp_path / f"{count}.tflite").write_bytes(relu_chain(*[4] * (count + 1)))
        found = Placements().of(tmp_path / f"{count}.tflite", host, drawn=True)
        assert found is not None
        assert found.cpu_ops == count
        assert len(found.operators) == (count if count == MOST_OPERATORS else 0)


def test_a_file_that_cannot_be_read_has_no_placement(tmp_path: Path) -> None:
    (coral,) = names.load_targets(["coral"])
    (tmp_path / "m.tflite").write_bytes(b"\x00\x00\x00\x00TFL3" + b"\xff" * 40)
    assert Placements().of(tmp_path / "m.tflite", coral, drawn=True) is None


def test_of_an_ort_file_the_operators_are_those_of_what_it_was_made_of(
    tmp_path: Path, onnx_file: Callable[..., Path]
) -> None:
    (target,) = names.load_targets(["ort_mobile"])
    path = tmp_path / "artifacts" / "ort" / "m_float32.ort"
    assert Placements().of(path, target, drawn=True) is None
    (tmp_path / "artifacts" / "onnx").mkdir(parents=True)
    onnx_file().rename(tmp_path / "artifacts" / "onnx" / "m_float32.onnx")
    found = Placements().of(path, target, drawn=True)
    assert found is not None
    assert (found.cpu_ops, found.accelerator_ops, found.reasons) == (1, 0, [])
    assert [each.reads for each in found.operators] == [[]]


def test_nodes_of_an_onnx_graph_say_whose_answers_they_read(tmp_path: Path) -> None:
    listed = onnx_listing.listed(onnx_view.read(tiny_onnx.saved(tmp_path)))
    assert [each.reads for each in listed] == [(), (0,), (1,), (2,), (3,), (4,)]


def test_layers_of_an_ncnn_model_say_whose_answers_they_read() -> None:
    end = End("x", "x", (1, 4, 4, 3), "float32", (3, 1, 2))
    listed = ncnn_listing.listed(NcnnModel(PARAM, b"", (end,), (end,)))
    assert [each.reads for each in listed] == [(), (0,), (1,), (1,), (2, 3)]
