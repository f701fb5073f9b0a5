"""NCNN's two files, read, changed and written; and the one file that holds both."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import runtimes
from compressor.errors import BadInput, MissingTool, Refused
from compressor.ncnn_model import container, conversion, embedding, float16, onnx_ready, param, trial, weights
from compressor.ncnn_model.container import End, NcnnModel
from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.session import NcnnSession, open_session
from compressor.ncnn_model.weights import Tensor

WORDS = st.text("abcdefghijklmnopqrstuvwxyz_0123456789/:", min_size=1, max_size=8)
BLOBS = st.lists(WORDS, max_size=3).map(tuple)
LAYERS = st.builds(
    Layer,
    kind=WORDS,
    name=WORDS,
    inputs=BLOBS,
    outputs=BLOBS,
    parameters=st.dictionaries(st.integers(-23330, 30).map(str), WORDS, max_size=4),
)


@given(st.lists(LAYERS, min_size=1, max_size=5).map(tuple))
def test_a_graph_reads_back_as_it_was_written(layers: tuple[Layer, ...]) -> None:
    assert param.parse(param.render(layers)) == layers


@pytest.mark.parametrize(
    "text", ["", "7767517\n1 1\n", "123\n1 1\nInput in0 0 1 in0\n", "7767517\n1 1\nReLU r 1 9 a b\n"]
)
def test_what_is_no_graph_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"param|blobs"):
        param.parse(text)


def dense(outputs: int, inputs: int, name: str = "dense", **parameters: str) -> Layer:
    own = {"0": str(outputs), "1": "1", "2": str(outputs * inputs)}
    return Layer("InnerProduct", name, ("in0",), ("out0",), own | parameters)


def test_weights_stand_where_ncnn_looks_for_them() -> None:
    half = np.array([1.0, -2.0, 3.0], np.float16)
    bias = np.array([0.5], np.float32)
    stored = {"dense": (Tensor(half, tagged=True), Tensor(bias))}
    written = weights.write([dense(1, 3)], stored)
    # Three float16 numbers take six bytes, and two more up to the next multiple of four.
    assert written == struct.pack("<I", 0x01306B47) + half.tobytes() + b"\0\0" + bias.tobytes()
    (read, read_bias) = weights.read([dense(1, 3)], written)["dense"]
    assert read.values.dtype == np.float16
    assert np.array_equal(read.values, half)
    assert np.array_equal(read_bias.values, bias)


RECURRENT = {
    "LSTM": ({"0": "2", "1": "24", "2": "0"}, [24, 8, 16]),
    "GRU": ({"0": "2", "1": "18", "2": "0"}, [18, 8, 12]),
    "RNN": ({"0": "2", "1": "6", "2": "0"}, [6, 2, 4]),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers_of_two_cells_on_three_inputs_have_three_tensors(kind: str) -> None:
    parameters, counts = RECURRENT[kind]
    layer = Layer(kind, "r", ("in0",), ("out0",), parameters)
    content = b"".join(Tensor(np.ones(count, np.float32), tagged=True).stored for count in counts)
    found = weights.read([layer], content)
    assert [len(tensor.values) for tensor in found["r"]] == counts
    assert weights.write([layer], found) == content


def test_weights_of_a_layer_nobody_knows_are_refused_by_its_name() -> None:
    layers = [dense(1, 3), Layer("Mystery", "m", ("out0",), ("out1",))]
    content = weights.write(layers, {"dense": (Tensor(np.ones(3, np.float32), tagged=True), Tensor(np.ones(1)))})
    assert weights.read(layers, content).keys() == {"dense"}
    for spoiled in (content + b"1234", content[:-2]):
        with pytest.raises(Refused, match=r"cannot be told apart: Mystery"):
            weights.read(layers, spoiled)


def test_float16_keeps_what_it_cannot_hold() -> None:
    small, large = np.array([1.0, 2.0], np.float32), np.array([1.0, 1e5], np.float32)
    bias = Tensor(np.zeros(1, np.float32))
    halved, notes = float16.stored({"a": (Tensor(small, tagged=True), bias), "b": (Tensor(large, tagged=True),)})
    assert halved["a"][0].values.dtype == np.float16
    assert halved["a"][1] is bias
    assert halved["b"][0].values.dtype == np.float32
    assert notes == ("weights beyond 65504 stay float32: b",)


PASSES = NcnnModel(
    param.render((Layer("Input", "in0", (), ("in0",)), Layer("ReLU", "r", ("in0",), ("out0",)))),
    b"",
    (End("picture", "in0", (1, 2, 4, 3), "float32", (3, 1, 2)),),
    (End("answer", "out0", (1, 2, 4, 3), "float32", (3, 1, 2)),),
)


def test_the_same_model_gives_the_same_bytes_and_reads_back(tmp_path: Path) -> None:
    for name in ("a.ncnn", "b.ncnn"):
        container.write(PASSES, tmp_path / name)
    assert (tmp_path / "a.ncnn").read_bytes() == (tmp_path / "b.ncnn").read_bytes()
    assert container.read(tmp_path / "a.ncnn") == PASSES
    with zipfile.ZipFile(tmp_path / "a.ncnn") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("model.param").decode() == PASSES.param


def _compressed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("ends.json", "model.param", "model.bin"):
            archive.writestr(name, b"0" * 100)


def _other_ends(path: Path) -> None:
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        ends = archive.read("ends.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ends.json", ends.replace(b"   3,\n    1,", b"   3,\n    3,"))
        archive.writestr("model.param", PASSES.param)
        archive.writestr("model.bin", b"")
    assert path.read_bytes() != content


SPOILERS = {
    "no archive": lambda path: path.write_bytes(b"7767517"),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "compressed": _compressed,
    "axes twice": _other_ends,
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS.keys())
def test_a_damaged_file_is_bad_input(spoil: object, tmp_path: Path) -> None:
    path = tmp_path / "m.ncnn"
    container.write(PASSES, path)
    spoil(path)  # type: ignore[operator]
    with pytest.raises(BadInput, match=r"m\.ncnn is no \.ncnn file"):
        open_session(path, 1)


def test_pictures_go_in_and_come_out_as_the_model_has_them() -> None:
    session = NcnnSession(PASSES, 1)
    picture = np.random.default_rng(0).normal(size=(1, 2, 4, 3)).astype(np.float32)
    session.load({"picture": picture})
    session.invoke()
    assert np.array_equal(session.results()["answer"], np.maximum(picture, 0))


def test_default_options_answer_in_about_float16(tmp_path: Path) -> None:
    container.write(PASSES, tmp_path / "m.ncnn")
    assert runtimes.for_file(tmp_path / "m.ncnn") == "ncnn"
    picture = np.random.default_rng(0).uniform(1, 2, size=(1, 2, 4, 3)).astype(np.float32)
    session = runtimes.load("ncnn_float16").open(tmp_path / "m.ncnn", 1)
    session.load({"picture": picture})
    session.invoke()
    # A machine without float16 answers exactly.
    assert np.abs(session.results()["answer"] - picture).max() <= 1e-3


def test_a_layer_that_ncnn_lacks_is_named() -> None:
    text = PASSES.param.replace("ReLU", "Gather")
    with pytest.raises(BadInput, match="NCNN has no layer Gather"):
        NcnnSession(NcnnModel(text, b"", PASSES.inputs, PASSES.outputs), 1)


def graph_with_embeddings(*tables: np.ndarray) -> Any:
    """One input of five row numbers, and the sum of its rows in each table."""
    import onnx

    node = onnx.helper.make_node
    nodes = [node("Gather", [f"table_{place}", "words"], [f"rows_{place}"]) for place in range(len(tables))]
    nodes.append(node("Sum", [f"rows_{place}" for place in range(len(tables))], ["y"]))
    kinds = onnx.TensorProto.INT32, onnx.TensorProto.FLOAT
    ends = [
        onnx.helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in zip(("words", "y"), kinds, ([1, 5], [1, 5, 3]), strict=True)
    ]
    constants = [onnx.numpy_helper.from_array(table, f"table_{place}") for place, table in enumerate(tables)]
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], constants))


TABLES = np.arange(12, dtype=np.float32).reshape(4, 3), -2 * np.arange(18, dtype=np.float32).reshape(6, 3)


@pytest.mark.parametrize("whole", [False, True])
def test_embeddings_answer_with_rows_of_their_tables(whole: bool) -> None:
    model = graph_with_embeddings(*TABLES)
    tables = embedding.cut_off(model)
    assert [value.name for value in model.graph.input] == ["rows_0", "rows_1"]
    assert [node.op_type for node in model.graph.node] == ["Sum"]
    # What pnnx would make of the rest.
    made = (
        *(Layer("Input", blob, (), (blob,)) for blob in ("in0", "in1")),
        Layer("BinaryOp", "sum", ("in0", "in1"), ("out0",), {"0": "0"}),
    )
    blobs = {"rows_0": "in0", "rows_1": "in1"}
    layers, stored = embedding.put_back(made, {}, tables, blobs, ["words"], set(blobs) if whole else set())
    assert [layer.kind for layer in layers][:2] == ["Input", "Split"]
    assert ("ExpandDims" in {layer.kind for layer in layers}) is whole
    ends = (End("words", "in0", (1, 5), "int32", (1,)),), (End("y", "out0", (1, 5, 3), "float32", (1, 2)),)
    session = NcnnSession(NcnnModel(param.render(layers), weights.write(layers, stored), *ends), 1)
    session.load({"words": np.array([[3, 0, 1, 1, 2]])})
    session.invoke()
    expected = TABLES[0][[3, 0, 1, 1, 2]] + TABLES[1][[3, 0, 1, 1, 2]]
    assert np.array_equal(session.results()["y"][0], expected)


def test_row_numbers_that_something_else_reads_stay_an_input() -> None:
    import onnx

    model = graph_with_embeddings(TABLES[0])
    model.graph.node.append(onnx.helper.make_node("Identity", ["words"], ["seen"]))
    assert embedding.cut_off(model) == ()
    assert [value.name for value in model.graph.input] == ["words"]


TRANSPOSED = """
<ir_version: 8, opset_import: ["" : 17]>
m (float[1,2,4,4] x, float[1,3] a, float[1,2] b) => (float[1,3,8,8] y, float[1,2] z)
<float[2,3,3,3] k, float[3,2] w>
{
    y = ConvTranspose <strides = [2, 2], pads = [0, 0, 1, 1], kernel_shape = [3, 3]> (x, k)
    z = Gemm (a, w, b)
}
"""


def test_what_pnnx_does_not_read_is_put_otherwise_with_the_same_answers() -> None:
    import onnx
    import onnxruntime as ort

    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model(TRANSPOSED)
    del model.graph.initializer[:]
    for name, shape in (("k", (2, 3, 3, 3)), ("w", (3, 2))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name))
    sample = {
        value.name: rng.normal(size=[dim.dim_value for dim in value.type.tensor_type.shape.dim]).astype(np.float32)
        for value in model.graph.input
    }
    before = ort.InferenceSession(model.SerializeToString()).run(None, sample)
    onnx_ready.make_ready(model)
    assert [node.op_type for node in model.graph.node] == ["ConvTranspose", "Slice", "Gemm", "Add"]
    assert list(onnx.helper.get_node_attr_value(model.graph.node[0], "pads")) == [0, 0, 0, 0]
    after = ort.InferenceSession(model.SerializeToString()).run(None, sample)
    assert all(np.allclose(*pair, atol=1e-6) for pair in zip(before, after, strict=True))


def a_program(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "pnnx"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("kill -SEGV $$", "SIGSEGV"),
        ("sleep 30", "did not finish within"),
        ("echo no such operator >&2; exit 3", "code 3: no such operator"),
        ("exit 0", "code 0"),
    ],
)
def test_what_pnnx_does_wrong_is_a_sentence(
    script: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "program", lambda: a_program(tmp_path, script))
    monkeypatch.setattr(conversion, "_TIMEOUT_S", 1.0)
    with pytest.raises(Refused, match=rf"(?s)pnnx does not convert this network: .*{told}"):
        conversion.convert(graph_with_embeddings(TABLES[0]))


def test_a_missing_program_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingTool, match="pip install --no-deps pnnx"):
        conversion.program()


def test_a_network_that_ends_ncnn_is_refused(tmp_path: Path) -> None:
    heads = (Layer("Input", blob, (), (blob,)) for blob in ("in0", "in1"))
    concat = Layer("Concat", "c", ("in0", "in1"), ("1",), {"0": "2"})
    layers = (*heads, concat, Layer("Reshape", "r", ("1",), ("out0",), {"0": "12", "1": "1"}))
    ends = tuple(End(blob, blob, (1, 2, 3), "float32", (1, 2)) for blob in ("in0", "in1"))
    answer = End("y", "out0", (1, 12), "float32", (1,))
    container.write(NcnnModel(param.render(layers), b"", ends, (answer,)), tmp_path / "m.ncnn")
    with pytest.raises(Refused, match="does not run what pnnx made of this network: "):
        trial.run(tmp_path / "m.ncnn", {blob: np.ones((1, 2, 3), np.float32) for blob in ("in0", "in1")})
