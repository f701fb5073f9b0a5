"""Model files that must be refused: exit code 2, one message, nothing left behind, none of their code run."""

from __future__ import annotations

import base64
import json
import marshal

import h5py
import numpy as np
import pytest

from compressor import model_files
from compressor.errors import BadInput

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A small model as `.h5` bytes."""
    import tf_keras

    model = tf_keras.Sequential(
        [tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3, name="first"), tf_keras.layers.Dense(2, name="last")]
    )
    path = tmp_path_factory.mktemp("good") / "good.h5"
    model.save(path, save_format="h5")
    return path.read_bytes()


@pytest.fixture
def spoiled(good, tmp_path):
    """Write a copy of the good file after `change(h5py.File)`."""

    def write(change):
        path = tmp_path / "model.h5"
        path.write_bytes(good)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return write


def _edit_config(edit):
    def change(file):
        config = json.loads(file.attrs["model_config"])
        edit(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)

    return change


def test_good_file_loads(good, tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(good)
    assert [layer.name for layer in model_files.load(path).model.layers] == ["first", "last"]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x89HDF\r\n\x1a\n" + b"\0" * 64])
def test_file_that_is_no_hdf5_is_refused(content, tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as HDF5"):
        model_files.load(path)


def test_truncated_file_is_refused(good, tmp_path):
    path = tmp_path / "model.h5"
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(good[: int(len(good) * share)])
        with pytest.raises(BadInput):
            model_files.load(path)


def test_weights_only_file_is_refused(spoiled):
    def drop(file):
        del file.attrs["model_config"]

    with pytest.raises(BadInput, match="no model configuration"):
        model_files.load(spoiled(drop))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(value, spoiled):
    def poison(file):
        kernel = file["model_weights/first/first/kernel:0"]
        kernel[0, 0] = value

    with pytest.raises(BadInput, match=r"first/kernel:0' holds 1 values that are NaN or infinite"):
        model_files.load(spoiled(poison))


def test_lambda_is_refused_and_its_code_never_runs(spoiled, tmp_path):
    marker = tmp_path / "ran"
    code = compile(f"open({str(marker)!r}, 'w').close()", "payload", "exec")
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    layer = {
        "class_name": "Lambda",
        "config": {"name": "payload", "function": function, "function_type": "lambda", "arguments": {}},
    }
    with pytest.raises(BadInput, match="layer 'payload' is a Lambda"):
        model_files.load(spoiled(_edit_config(lambda layers: layers.insert(1, layer))))
    assert not marker.exists()


def test_function_outside_the_list_is_refused(spoiled, tmp_path):
    marker = tmp_path / "written"
    layer = {"class_name": "TFOpLambda", "config": {"name": "op", "function": "io.write_file"}, "inbound_nodes": []}
    with pytest.raises(BadInput, match=r"io\.write_file"):
        model_files.load(spoiled(_edit_config(lambda layers: layers.insert(1, layer))))
    assert not marker.exists()


def test_unknown_class_is_refused_by_layer_and_class(spoiled):
    def rename(layers):
        layers[1]["class_name"] = "MyAttention"

    with pytest.raises(BadInput, match="layer 'first' is of the class 'MyAttention'"):
        model_files.load(spoiled(_edit_config(rename)))


def test_weights_that_do_not_fit_are_refused(spoiled):
    def widen(layers):
        layers[1]["config"]["units"] = 7

    with pytest.raises(BadInput, match="cannot be rebuilt"):
        model_files.load(spoiled(_edit_config(widen)))


def test_command_line_leaves_nothing_behind(command, spoiled, digits_npz, tmp_path):
    path = spoiled(lambda file: file.attrs.__delitem__("model_config"))
    out = tmp_path / "out"
    done = command("run", path, "--data", digits_npz, "--out", out)
    assert done.returncode == 2
    assert "holds no model configuration" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
