"""Shapes behind operators that cut, repeat, resize and rearrange, against what the `onnx` package infers."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from compressor import onnx_view
from compressor.onnx_view.macs import macs

# An operator on x of 2, 8, 6, 4 (and what else it reads), by the opset where it is that old.
LINES = [
    "y = Slice (x, a{1, 2}, b{-1, 100}, c{1, -1})",
    "y = Slice (x, a{7, -1}, b{-100, -3}, c{1, 2}, d{-2, -1})",
    "y = Slice (x, a{1, 1}, b{2, 3})",
    "y, z = Split <axis = 1> (x, a{3, 5})",
    "y, z, w = Split <axis = -2> (x)",
    "y = Expand (x, a{3, 1, 8, 1, 4})",
    "y = Expand (o, a{2, 5})",
    "y = Tile (x, a{1, 2, 3, 1})",
    "y = Pad (x, a{0, 1, 2, 0, 0, 0, 1, 3})",
    "y = DepthToSpace <blocksize = 2> (x)",
    "y = SpaceToDepth <blocksize = 2> (x)",
    "y = Resize (x, , s)",
    "y = Resize (x, , , a{2, 8, 9, 9})",
    "y = ConstantOfShape (a{4, 5})",
    "y = Shape (x)",
    "y = Shape <start = 1, end = 3> (x)",
    "y = Size (x)",
    "y = ArgMax <axis = -1, keepdims = 0> (x)",
    "y = ArgMin <axis = 1> (x)",
    "y, z = TopK <axis = 1> (x, a{3})",
    'y = Einsum <equation = "bchw, dc -> bdhw"> (x, v)',
    'y = Einsum <equation = "bchw,dc"> (x, v)',
    "y = ReduceL1 <axes = [1]> (x)",
    "y = GatherElements <axis = 1> (x, i)",
]
OTHER_OPSETS = [
    ("y = Slice <starts = [1], ends = [5], axes = [1]> (x)", 9),
    ("y = Upsample (x, s)", 9),
    ("y = Pad <pads = [0, 1, 2, 0, 0, 0, 1, 3]> (x)", 9),
    ("y, z = Split <axis = 1, split = [2, 6]> (x)", 9),
    ("y = Resize (x, s)", 10),
    ("y = Pad (x, a{1, 2, 3, 4}, , c{-1, 1})", 18),
    ("y = Resize <axes = [2, 3]> (x, , , a{9, 9})", 18),
    ("y, z, w = Split <axis = 1, num_outputs = 3> (x)", 18),
]


def saved(folder: Path, line: str, opset: int) -> Path:
    constants = ["float[4] s = {1, 1, 2, 1.5}", "float[3,8] v = {" + ",".join(["0"] * 24) + "}"]
    constants += ["int64[2,3,6,4] i = {" + ",".join(["0"] * 144) + "}"]
    for name in "abcd":
        if f"{name}{{" in line:
            start = line.index(f"{name}{{")
            numbers = line[start + 1 : line.index("}", start) + 1]
            constants.append(f"int64[{numbers.count(',') + 1}] {name} = {numbers}")
            line = line.replace(f"{name}{numbers}", name)
    text = f'<ir_version: 9, opset_import: ["" : {opset}]>\nn (float[2,8,6,4] x, float[2,1] o) => ('
    text += ", ".join(line.split(" = ")[0].split(", ")[:1]) + ")\n<" + ", ".join(constants) + ">\n{ " + line + " }"
    text = text.replace("=> (y)", "=> (float y)")
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.Clear()
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


@pytest.mark.parametrize(("line", "opset"), [*((line, 17) for line in LINES), *OTHER_OPSETS])
def test_shapes_are_those_that_onnx_infers(line: str, opset: int, tmp_path: Path) -> None:
    path = saved(tmp_path, line, opset)
    inferred = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True, strict_mode=True).graph
    expected = {
        value.name: tuple(each.dim_value for each in value.type.tensor_type.shape.dim)
        for value in (*inferred.output, *inferred.value_info)
    }
    (node,) = onnx_view.read(path).nodes
    assert "y" in expected
    assert {name: shape for name, shape in node.made if name in expected} == expected


COMPUTED = ["Slice (x, i, i)", "Slice (x, i, i, i)", "Tile (x, i)", "Pad (x, i)", "Resize (x, , , i)", "Split (x, i)"]


@pytest.mark.parametrize("call", COMPUTED)
def test_what_is_computed_is_free(call: str, tmp_path: Path) -> None:
    text = f'<ir_version: 9, opset_import: ["" : 17]> n (float[2,8] x, int64[2] i) => (float[] y) {{ y = {call} }}'
    model = onnx.parser.parse_model(text)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.Clear()
    onnx.save(model, tmp_path / "m.onnx")
    (node,) = onnx_view.read(tmp_path / "m.onnx").nodes
    assert node.shape is None or None in node.shape


WEIGHTS = "int8[16,3,3,3] w = {" + ",".join(["1"] * 432) + "}, int8[8,10] m = {" + ",".join(["1"] * 80) + "}"
COUNTED = [
    ("ConvInteger <pads = [1, 1, 1, 1]> (p, w)", 16 * 36 * 27),
    ("QLinearConv <pads = [1, 1, 1, 1]> (p, s, z, w, s, z, s, z)", 16 * 36 * 27),
    ("com.microsoft.FusedConv <pads = [1, 1, 1, 1]> (p, w)", 16 * 36 * 27),
    ("MatMulInteger (q, m)", 5 * 8 * 10),
    ("QLinearMatMul (q, s, z, m, s, z, s, z)", 5 * 8 * 10),
    ("com.microsoft.QGemm (q, s, z, m, s, z)", 5 * 8 * 10),
    ("com.microsoft.FusedGemm (q, m)", 5 * 8 * 10),
    ('Einsum <equation = "ij,jk->ik"> (q, m)', 5 * 8 * 10),
    ('Einsum <equation = "ij->ji"> (q)', 0),
]


@pytest.mark.parametrize(("call", "expected"), COUNTED, ids=[call.split()[0] for call, _ in COUNTED])
def test_multiply_accumulates_of_integers_and_fused_operators(call: str, expected: int, tmp_path: Path) -> None:
    ends = "(int8[1,3,6,6] p, int8[5,8] q) => (float y)"
    constants = f"<{WEIGHTS}, float s = {{1}}, int8 z = {{0}}>"
    imports = '["" : 17, "com.microsoft" : 1]'
    model = onnx.parser.parse_model(f"<ir_version: 9, opset_import: {imports}> n {ends} {constants} {{ y = {call} }}")
    model.graph.output[0].type.Clear()
    onnx.save(model, tmp_path / "m.onnx")
    (node,) = onnx_view.read(tmp_path / "m.onnx").nodes
    assert macs(node) == expected
