"""The reader of ONNX files, against the `onnx` package: constants, shapes, functions, damaged files."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from compressor import names, onnx_view
from compressor.errors import BadInput
from compressor.inspection import inspect
from compressor.onnx_view import reader
from compressor.onnx_view.macs import macs
from compressor.onnx_view.shapes import infer
from compressor.onnx_view.tensors import TYPES, constant
from compressor.protobuf import Message

TESTS = Path(__file__).resolve().parents[1]
TORCH = [TESTS / "data/torch_residual.onnx", TESTS / "data/torch_residual_opset11.onnx"]
PLAIN = ["float", "double", "float16", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint32", "uint64", "bool"]
SMALL = ["bfloat16", "float8e4m3fn", "float8e5m2", "float8e4m3fnuz", "float8e5m2fnuz", "int4", "uint4", "float4e2m1"]


def read_back(tensor: Any, folder: Path = Path()) -> Any:
    return constant(Message(memoryview(tensor.SerializeToString())), folder)


def number(kind: str) -> int:
    return int(TensorProto.DataType.Value(kind.upper()))


def test_number_formats_have_the_names_and_numbers_of_onnx() -> None:
    for name, value in TensorProto.DataType.items():
        assert TYPES[value] == name.lower()


@pytest.mark.parametrize("kind", [*PLAIN, *SMALL])
@pytest.mark.parametrize("raw", [True, False])
def test_a_constant_is_what_onnx_reads(kind: str, raw: bool) -> None:
    values = np.array([[0, 1, 2], [3, 1, 0], [1, 1, 3]], np.float32) * (-1 if kind in ("float", "int8", "int4") else 1)
    made = helper.make_tensor("c", number(kind), (3, 3), values.ravel())
    if raw:
        made = numpy_helper.from_array(numpy_helper.to_array(made), "c")
    found = read_back(made)
    assert (found.name, found.type, found.shape) == ("c", kind, (3, 3))
    assert found.value.astype(np.float32) == pytest.approx(numpy_helper.to_array(made).astype(np.float32))


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_numbers_survive(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert (read_back(numpy_helper.from_array(array)).value == array).all()
    loose = helper.make_tensor("c", TensorProto.FLOAT, array.shape, array)
    assert (read_back(loose).value == array).all()


def test_weights_beside_the_file_are_read_and_nothing_else_is(tmp_path: Path) -> None:
    array = np.arange(600, dtype=np.float32).reshape(20, 30)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 20])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 30])],
        [numpy_helper.from_array(array, "w")],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph), path, save_as_external_data=True, location="m.bin", size_threshold=0)
    (node,) = onnx_view.read(path).nodes
    assert (node.inputs[1].value == array).all()
    (tmp_path / "m.bin").rename(tmp_path.parent / "m.bin")
    with pytest.raises(BadInput, match=r"are not beside it: 'm\.bin'"):
        onnx_view.read(path)
    (tmp_path / "m.bin").symlink_to(tmp_path.parent / "m.bin")
    with pytest.raises(BadInput, match=r"are not beside it: 'm\.bin'"):
        onnx_view.read(path)
    model = onnx.load(path, load_external_data=False)
    for place, told in (("../m.bin", "are not beside it"), ("x" * 5000, "File name too long")):
        model.graph.initializer[0].external_data[0].value = place
        path.write_bytes(model.SerializeToString())
        with pytest.raises(BadInput, match=told):
            onnx_view.read(path)


@pytest.mark.parametrize("path", TORCH, ids=lambda path: path.stem)
def test_shapes_are_those_that_onnx_infers(path: Path) -> None:
    model = onnx.load(path)
    del model.graph.value_info[:]
    stated = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    expected = {value.name: [dim.dim_value or None for dim in value.type.tensor_type.shape.dim] for value in stated}
    found = {name: shape for node in onnx_view.read(path).nodes for name, shape in node.made}
    compared = {name: list(found[name]) for name in expected if found.get(name) is not None}
    assert compared == {name: expected[name] for name in compared}
    assert len(compared) >= 0.9 * len(expected) > 5


def node_of(op: str, *shapes: Any, outputs: int = 1, **attributes: Any) -> onnx_view.Node:
    inputs = tuple(onnx_view.Tensor(f"i{place}", "float", shape) for place, shape in enumerate(shapes))
    made = infer(op, inputs, attributes, outputs)
    return onnx_view.Node(
        op, "n", inputs, attributes, made=tuple((f"o{place}", shape) for place, shape in enumerate(made))
    )


COUNTED = [
    (node_of("Conv", (1, 3, 8, 8), (16, 3, 3, 3), pads=[1] * 4), 16 * 8 * 8 * 27),
    (node_of("Conv", (1, 8, 8, 8), (8, 1, 3, 3), pads=[1] * 4, strides=[2, 2], group=8), 8 * 4 * 4 * 9),
    (node_of("Conv", (1, 3, 9, 9), (4, 3, 3, 3), dilations=[2, 2]), 4 * 5 * 5 * 27),
    (node_of("Conv", (1, 3, 9, 9), (4, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]), 4 * 5 * 5 * 27),
    (node_of("ConvTranspose", (1, 6, 4, 4), (6, 5, 3, 3), strides=[2, 2]), 6 * 16 * 5 * 9),
    (node_of("Gemm", (1, 30), (10, 30), transB=1), 300),
    (node_of("Gemm", (1, 30), (30, 10)), 300),
    (node_of("MatMul", (1, 7, 30), (30, 10)), 7 * 300),
    (node_of("MatMul", (2, 7, 30), (2, 30, 7)), 2 * 7 * 30 * 7),
    (node_of("LSTM", (12, 1, 5), (1, 32, 5), (1, 32, 8)), 12 * 32 * 13),
    (node_of("Relu", (1, 30)), 0),
    (node_of("Conv", (None, 3, 8, 8), (16, 3, 3, 3), pads=[1] * 4), 16 * 8 * 8 * 27),
]


@pytest.mark.parametrize(("node", "expected"), COUNTED, ids=[f"{node.op}-{count}" for node, count in COUNTED])
def test_multiply_accumulates(node: onnx_view.Node, expected: int) -> None:
    assert macs(node) == expected


def test_multiply_accumulates_of_a_deconvolution_are_those_of_its_output() -> None:
    node = node_of("ConvTranspose", (1, 6, 4, 4), (6, 5, 3, 3), strides=[2, 2], output_padding=[1, 1])
    assert node.shape == (1, 5, 10, 10)


def test_a_shape_that_does_not_follow_is_unknown() -> None:
    for node in (node_of("Concat", (1, 2), (1, 3)), node_of("Transpose", (1, 2), perm=[5]), node_of("Gemm", (4,))):
        assert node.shape is None
        assert macs(node) >= 0


def bomb(width: int, depth: int) -> bytes:
    """Functions that call the next one several times each."""
    model = helper.make_model(helper.make_graph([helper.make_node("f0", ["x"], ["y"], domain="d")], "g", [], []))
    for level in range(depth):
        op, domain = (f"f{level + 1}", "d") if level + 1 < depth else ("Relu", "")
        nodes = [helper.make_node(op, ["i"], ["o"], domain=domain) for _ in range(width)]
        model.functions.append(helper.make_function("d", f"f{level}", ["i"], ["o"], nodes, model.opset_import))
    return bytes(model.SerializeToString())


def endless() -> bytes:
    model = onnx.load_from_string(bomb(1, 2))
    model.functions[1].node[0].op_type, model.functions[1].node[0].domain = "f0", "d"
    return bytes(model.SerializeToString())


def field(number: int, content: bytes) -> bytes:
    size, length = b"", len(content)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def nested(depth: int) -> bytes:
    """Graphs in attributes of nodes of graphs: more than onnx's own parser takes."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, graph) + b"\xa0\x01\x05"))
    return field(8, b"\x10\x11") + field(7, graph)


def too_few_numbers() -> bytes:
    wrong = helper.make_tensor("w", TensorProto.FLOAT, (4,), np.ones(4, np.float32))
    wrong.dims[0] = 1 << 40
    return bytes(helper.make_model(helper.make_graph([], "g", [], [], [wrong])).SerializeToString())


DAMAGED = {
    "nothing": b"",
    "other bytes": b"PK\3\4 not a model",
    "the half of one": TORCH[0].read_bytes()[: TORCH[0].stat().st_size // 2],
    "functions that multiply": bomb(20, 8),
    "functions without an end": endless(),
    "graphs in graphs": nested(60),
    "too few numbers": too_few_numbers(),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_no_model_is_bad_input_at_once(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MOST_NODES", 10_000)
    (tmp_path / "m.onnx").write_bytes(DAMAGED[case])
    with pytest.raises(BadInput, match=r"m\.onnx is no ONNX model that can be read"):
        onnx_view.read(tmp_path / "m.onnx")


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_spoiled_file_is_inspected_or_bad_input(random: Any) -> None:
    content = bytearray(TORCH[0].read_bytes())
    for _ in range(random.choice((1, 3, 30))):
        content[random.randrange(len(content))] = random.randrange(256)
    (target,) = names.load_targets(["jetson_agx_orin_dla"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        path.write_bytes(bytes(content))
        with contextlib.suppress(BadInput):
            assert all(each.macs >= 0 for each in inspect(path, target).operators)
