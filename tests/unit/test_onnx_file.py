"""ONNX models of others: read without TensorFlow, and refused where they reach outside themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from compressor import model_files
from compressor.errors import BadInput
from compressor.values import Entry, Split

DATA = Path(__file__).resolve().parents[1] / "data"


def _model(weight: TensorProto | None = None, batch: str | int = "N", names: tuple[str, str] = ("x", "y"), **extra):
    weight = weight or onnx.numpy_helper.from_array(np.arange(8, dtype=np.float32).reshape(4, 2), "w")
    x, y = names
    graph = helper.make_graph(
        [helper.make_node("MatMul", [x, "w"], [y], **extra)],
        "g",
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [batch, 4])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [batch, 2])],
        [weight],
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(extra["domain"], 1)] if "domain" in extra else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _external(location: str) -> TensorProto:
    weight = TensorProto(name="w", dims=[4, 2], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    entry = weight.external_data.add()
    entry.key, entry.value = "location", location
    return weight


@pytest.fixture
def saved(tmp_path):
    """Write a model into a folder of its own, beside a file that is none of its business."""
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(np.arange(8, dtype=np.float32).tobytes())

    def write(model: onnx.ModelProto) -> Path:
        onnx.save(model, folder / "model.onnx")
        return folder / "model.onnx"

    return write


@pytest.mark.parametrize(("name", "renamed"), [("torch_residual", 0), ("torch_residual_opset11", 1)])
def test_files_of_pytorch_answer_as_onnxruntime_does(name, renamed):
    import onnxruntime

    path = DATA / f"{name}.onnx"
    loaded = model_files.load(path)
    assert loaded.model is None
    assert "no Keras layers" in loaded.limitation
    assert len(loaded.notes) == renamed
    assert model_files.reader(path).entry(path) is Entry.ONNX
    (spec,) = loaded.network.inputs
    assert spec.name.isidentifier()
    assert spec.shape == (None, 1, 8, 8)
    images = np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype(np.float32)
    session = onnxruntime.InferenceSession(path)
    given = session.get_inputs()[0].name
    wanted = np.concatenate([session.run(None, {given: images[row : row + 1]})[0] for row in range(5)])
    (found,) = loaded.network.answers(Split({spec.name: images})).values()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_weights_in_a_file_of_the_same_folder_are_read(saved):
    path = saved(_model(_external("weights.bin")))
    (path.parent / "weights.bin").write_bytes(np.arange(8, dtype=np.float32).tobytes())
    ((name, values),) = model_files.load(path).network.weights()
    assert (name, values.sum()) == ("w", 28)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "..\\secret.bin", "inner/../../secret.bin", ""])
def test_weights_outside_the_folder_are_refused(location, saved):
    with pytest.raises(BadInput, match="lies outside the model's folder"):
        model_files.load(saved(_model(_external(location))))


def test_link_that_leaves_the_folder_is_refused(saved, tmp_path):
    path = saved(_model(_external("weights.bin")))
    (path.parent / "weights.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(BadInput, match="lies outside the model's folder"):
        model_files.load(path)


def test_external_weight_hidden_in_a_constant_of_a_subgraph_is_refused(saved):
    hidden = helper.make_node("Constant", [], ["c"], value=_external("../secret.bin"))
    branch = helper.make_graph([hidden], "b", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [4, 2])])
    model = _model()
    model.graph.node.append(helper.make_node("If", ["condition"], ["z"], then_branch=branch, else_branch=branch))
    with pytest.raises(BadInput, match="lies outside the model's folder"):
        model_files.load(saved(model))


def test_missing_external_file_is_named(saved):
    with pytest.raises(BadInput, match=r"weights\.bin', which is not there"):
        model_files.load(saved(_model(_external("weights.bin"))))


def test_operator_of_a_foreign_library_is_named(saved):
    with pytest.raises(BadInput, match="operators that ONNX Runtime does not bring: MatMul"):
        model_files.load(saved(_model(domain="my.company")))


def test_fixed_batch_is_refused_with_the_way_out(saved):
    with pytest.raises(BadInput, match=r"(?s)batches of a fixed size.*dynamic_axes"):
        model_files.load(saved(_model(batch=4)))


def test_names_that_no_file_format_takes_are_made_fit_everywhere(saved):
    loaded = model_files.load(saved(_model(names=("input.1", "out/put:0"))))
    assert [spec.name for spec in (*loaded.network.inputs, *loaded.network.outputs)] == ["input_1", "out_put_0"]
    answer = loaded.network.answers(Split({"input_1": np.ones((3, 4), np.float32)}))["out_put_0"]
    np.testing.assert_array_equal(answer, [[12, 16]] * 3)


def test_nan_weight_is_named(saved):
    weight = onnx.numpy_helper.from_array(np.full((4, 2), np.nan, np.float32), "w")
    with pytest.raises(BadInput, match="weight 'w' holds 8 values that are NaN"):
        model_files.load(saved(_model(weight)))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\x09\x3a\x00", b"\0" * 100])
def test_file_that_is_no_onnx_is_refused(content, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as ONNX"):
        model_files.load(path)


def test_model_left_for_the_formats_is_whole_and_has_the_samples_sizes(saved, tmp_path):
    network = model_files.load(saved(_model())).network
    network.leave({"x": (4,)}, tmp_path / "left.onnx")
    left = onnx.load(tmp_path / "left.onnx")
    assert left.graph.input[0].type.tensor_type.shape.dim[1].dim_value == 4
    assert left.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 0
