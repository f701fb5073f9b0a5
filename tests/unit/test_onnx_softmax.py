"""Which softmax of an ONNX graph stays float."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor.onnx_graph import softmax


def graph(path: Path, shape: list[int | None], axis: int | None, name: str = "s", shaped: bool = False) -> Path:
    """One Softmax, behind it a Transpose where `shaped`."""
    import onnx

    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Softmax", ["x"], ["p"], name=name, **({} if axis is None else {"axis": axis}))]
    if shaped:
        nodes.append(helper.make_node("Transpose", ["p"], ["y"], name="t"))
    ends = ["x", "y" if shaped else "p"]
    x, y = (helper.make_tensor_value_info(end, real, shape if end != "y" else [None] * len(shape)) for end in ends)
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize(
    ("shape", "axis", "large"),
    [
        ([None, 256], None, True),
        ([None, 255], None, False),
        ([None, 64, 1000], -1, True),
        ([None, 300, 8], 1, True),
        ([None, 300, 8], -1, False),
        ([None, None], None, False),
    ],
)
def test_the_axis_of_the_classes_decides(
    shape: list[int | None], axis: int | None, large: bool, tmp_path: Path
) -> None:
    names, notes = softmax.large(graph(tmp_path / "m.onnx", shape, axis), 1 / 256)
    assert names == (["s"] if large else [])
    assert len(notes) == large


def test_steps_of_int16_hold_more_classes(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.onnx", [None, 1000], None)
    assert softmax.large(path, 1 / 65536) == ([], ())
    assert softmax.large(path, 1 / 256)[1][0].startswith("softmax over 1000 classes stays float32: in int8")


def test_a_change_of_shape_behind_it_does_not_hide_it_and_a_name_is_given(tmp_path: Path) -> None:
    import onnx

    path = graph(tmp_path / "m.onnx", [None, 64, 1000], None, name="", shaped=True)
    (name,), _ = softmax.large(path, 1 / 256)
    assert [node.name for node in onnx.load(str(path)).graph.node] == [name, "t"]
