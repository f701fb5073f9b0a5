"""Files that are changed after the converter: what was asked for changes, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from compressor.tflite_edit.float_softmax import with_float_softmax
from compressor.tflite_edit.graph import Graph
from compressor.tflite_edit.lstm_clip import without_cell_clip
from compressor.tflite_view.session import Kernels, TfliteSession

INT8, FLOAT = schema.TensorType.INT8, schema.TensorType.FLOAT32
STEP = 0.1


def tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Any:
    made, quantization = schema.TensorT(), schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [scale], [zero_point]
    made.name, made.shape, made.type, made.quantization = name, list(shape), INT8, quantization
    return made


def operator(code: int, inputs: list[int], outputs: list[int], kind: int = 0, options: Any = None) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    made.builtinOptionsType, made.builtinOptions = kind, options
    return made


def file(codes: list[int], tensors: list[Any], operators: list[Any], outputs: list[int]) -> bytes:
    model, graph = schema.ModelT(), schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, operators, [0], outputs
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    model.operatorCodes = []
    for code in codes:
        made = schema.OperatorCodeT()
        version = 2 if code == schema.BuiltinOperator.SOFTMAX else 1
        made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), version
        model.operatorCodes.append(made)
    return packed(model)


def packed(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def softmax_file(classes: int, outputs: tuple[int, ...] = (2,), readers: int = 0) -> bytes:
    """int8 logits → softmax → reshape; `readers` more operators read the likelihoods."""
    softmax, reshape = schema.SoftmaxOptionsT(), schema.ReshapeOptionsT()
    softmax.beta, reshape.newShape = 1.0, [1, classes, 1]
    tensors = [
        tensor("logits", (1, classes), STEP, 3),
        tensor("likelihoods", (1, classes), 1 / 256, -128),
        tensor("shaped", (1, classes, 1), 1 / 256, -128),
    ]
    kinds = schema.BuiltinOptions
    operators = [
        operator(0, [0], [1], kinds.SoftmaxOptions, softmax),
        operator(1, [1], [2], kinds.ReshapeOptions, reshape),
    ]
    for _ in range(readers):
        tensors.append(tensor("again", (1, classes, 1), 1 / 256, -128))
        operators.append(operator(1, [1], [len(tensors) - 1], kinds.ReshapeOptions, reshape))
    return file([schema.BuiltinOperator.SOFTMAX, schema.BuiltinOperator.RESHAPE], tensors, operators, list(outputs))


def answers(content: bytes, codes: Any, tmp_path: Any) -> dict[str, Any]:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    session = TfliteSession(path, 1, Kernels.REFERENCE)
    session.load({"logits": codes})
    session.invoke()
    return session.results()


def likelihoods(codes: Any) -> Any:
    logits = STEP * (codes.astype(np.float64) - 3)
    exponents = np.exp(logits - logits.max())
    return exponents / exponents.sum()


@pytest.fixture
def codes() -> Any:
    return np.random.default_rng(0).integers(-128, 128, (1, 400)).astype(np.int8)


def test_a_large_softmax_answers_in_float(codes: Any, tmp_path: Any) -> None:
    content, notes = with_float_softmax(softmax_file(400))
    (found,) = answers(content, codes, tmp_path).values()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 0], likelihoods(codes)[0], rtol=1e-5)
    (before,) = answers(softmax_file(400), codes, tmp_path).values()
    assert (before == 0).sum() > 100 > (found == 0).sum()
    assert "softmax over 400 classes stays float32: in int8" in notes[0]


@pytest.mark.parametrize("classes", [2, 255])
def test_a_small_softmax_stays_as_it_is(classes: int) -> None:
    content = softmax_file(classes)
    assert with_float_softmax(content) == (content, ())


def test_256_classes_are_large() -> None:
    assert with_float_softmax(softmax_file(256))[1] != ()


def test_a_softmax_that_is_no_output_stays_as_it_is() -> None:
    content = softmax_file(400, outputs=(0,))
    assert with_float_softmax(content) == (content, ())


def test_who_else_reads_the_likelihoods_gets_integers(codes: Any, tmp_path: Any) -> None:
    content, _ = with_float_softmax(quantized_reader())
    graph = Graph(content)
    assert [graph.tensor(index).type for index in graph.outputs] == [FLOAT, INT8]
    found, integers = answers(content, codes, tmp_path).values()
    np.testing.assert_allclose(found[0, :, 0], likelihoods(codes)[0], rtol=1e-5)
    np.testing.assert_allclose(integers[0, :, 0], np.maximum(found[0, :, 0], 0.1), atol=1 / 256)


def test_two_outputs_of_one_softmax_are_both_float(codes: Any, tmp_path: Any) -> None:
    content, notes = with_float_softmax(softmax_file(400, outputs=(2, 3), readers=1))
    assert len(notes) == 1
    assert [Graph(content).tensor(index).type for index in Graph(content).outputs] == [FLOAT, FLOAT]
    first, second = answers(content, codes, tmp_path).values()
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first[0, :, 0], likelihoods(codes)[0], rtol=1e-5)


def quantized_reader() -> bytes:
    """Besides the output, the likelihoods go into a maximum with 0.1, which is no change of shape."""
    model = schema.ModelT.InitFromPackedBuf(softmax_file(400, outputs=(2, 3), readers=1), 0)
    graph, code, buffer = model.subgraphs[0], schema.OperatorCodeT(), schema.BufferT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MAXIMUM
    code.version = 2
    model.operatorCodes.append(code)
    buffer.data = np.array([round(0.1 * 256) - 128], np.int8).view(np.uint8)
    model.buffers.append(buffer)
    graph.tensors.append(tensor("floor", (1,), 1 / 256, -128))
    graph.tensors[-1].buffer = 1
    kind, options = schema.BuiltinOptions.MaximumMinimumOptions, schema.MaximumMinimumOptionsT()
    graph.operators[2] = operator(2, [2, 4], [3], kind, options)
    return packed(model)


LSTMS = {
    "UnidirectionalSequenceLSTMOptions": schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM,
    "BidirectionalSequenceLSTMOptions": schema.BuiltinOperator.BIDIRECTIONAL_SEQUENCE_LSTM,
    "LSTMOptions": schema.BuiltinOperator.LSTM,
}


def lstm_file(kind: str, clips: list[float]) -> bytes:
    operators = []
    for clip in clips:
        options = getattr(schema, f"{kind}T")()
        options.cellClip, options.projClip = clip, 7.0
        operators.append(operator(0, [0], [1], getattr(schema.BuiltinOptions, kind), options))
    return file([LSTMS[kind]], [tensor("x", (1, 2), 1, 0), tensor("y", (1, 2), 1, 0)], operators, [1])


@pytest.mark.parametrize("kind", LSTMS)
@given(clips=st.lists(st.sampled_from([0.0, 0.5, 10.0, 1e30]), max_size=4))
def test_only_the_clip_of_the_cell_is_taken_away(kind: str, clips: list[float]) -> None:
    content = lstm_file(kind, clips)
    patched = without_cell_clip(content)
    assert len(patched) == len(content)
    differing = sum(before != after for before, after in zip(content, patched, strict=True))
    assert differing == sum(sum(byte != 0 for byte in np.float32(clip).tobytes()) for clip in clips)
    operators = schema.ModelT.InitFromPackedBuf(patched, 0).subgraphs[0].operators
    assert [(each.builtinOptions.cellClip, each.builtinOptions.projClip) for each in operators] == [(0, 7)] * len(clips)


def test_a_file_without_lstm_stays_as_it_is() -> None:
    assert without_cell_clip(softmax_file(3)) == softmax_file(3)


def test_constants_lie_where_they_can_be_read_in_place() -> None:
    content = Graph(quantized_reader()).packed()
    model = schema.Model.GetRootAs(content, 0)
    starts = [model.Buffers(row)._tab.Vector(model.Buffers(row)._tab.Offset(4)) for row in (1,)]
    assert [start % 16 for start in starts] == [0]
    assert Graph(content).values(4).tolist() == [-102]
