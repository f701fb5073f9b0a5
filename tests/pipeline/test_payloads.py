"""Model files that carry code, or reach for other files: refused by name; nothing is run, read or written."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from compressor import model_files
from compressor.errors import BadInput

pytestmark = pytest.mark.tensorflow

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Small models as bytes: `.keras` and `.h5` by Keras 3, `.h5` by tf_keras; all of them were trained."""
    import keras
    import tf_keras

    folder = tmp_path_factory.mktemp("good")
    for name, framework in (("new.keras", keras), ("new.h5", keras), ("old.h5", tf_keras)):
        layers = framework.layers
        inner = framework.Sequential([framework.Input((6, 4)), layers.TimeDistributed(layers.Dense(3))], name="inner")
        inner.compile("adam", "mse")
        both = layers.Bidirectional(layers.GRU(2), name="both")
        ends = [framework.Input((6, 4)), inner, both, layers.Dense(2, "relu", name="last")]
        model = framework.Sequential(ends)
        model.compile("sgd", "mse")
        model.save(folder / name)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def written(good, tmp_path):
    """Write a model file whose configuration was edited; `weights` edits its HDF5 file."""

    def write(name: str, edit: Edit = lambda _: None, weights: Callable[[Any], None] = lambda _: None) -> Path:
        path = tmp_path / name
        path.write_bytes(good[name])
        if path.suffix == ".h5":
            with h5py.File(path, "r+") as file:
                config = json.loads(file.attrs["model_config"])
                edit(config)
                file.attrs["model_config"] = json.dumps(config)
                weights(file)
            return path
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        config = json.loads(members["config.json"])
        edit(config)
        inner = io.BytesIO(members["model.weights.h5"])
        with h5py.File(inner, "r+") as file:
            weights(file)
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                replaced = {"config.json": json.dumps(config), "model.weights.h5": inner.getvalue()}
                archive.writestr(member, replaced.get(member, content))
        return path

    return write


FILES = ["new.keras", "new.h5", "old.h5"]


@pytest.mark.parametrize("name", FILES)
def test_the_files_that_are_spoiled_below_load(name, written):
    assert model_files.load(written(name)).model.count_params() > 0


def test_initializers_of_where_tf_keras_says_they_are_from_are_let_through(written):
    def edit(config):
        initializer = {"module": "tensorflow.python.ops.init_ops_v2", "class_name": "Constant", "config": {"value": 0}}
        config["config"]["layers"][-1]["config"]["bias_initializer"] = initializer

    assert model_files.load(written("old.h5", edit)).model.count_params() > 0


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "ran"


def payloads(marker: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Layers that would leave the marker, in the writing of Keras 2 and of Keras 3, and how they are refused."""
    source = f"open({str(marker)!r}, 'w').close()"
    code = base64.b64encode(marshal.dumps(compile(source, "payload", "exec"))).decode()

    class Spy:
        def __reduce__(self) -> Any:
            return exec, (source,)

    pickled = base64.b64encode(pickle.dumps(Spy())).decode()
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    script = {"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}

    def keras_3(class_name: str, **config: Any) -> dict[str, Any]:
        named = {"name": "payload", **config}
        return {"module": "keras.layers", "class_name": class_name, "config": named, "registered_name": None}

    return {
        "Lambda of Keras 2": (
            {"class_name": "Lambda", "config": {"name": "payload", "function": [code, None, None]}},
            "layer 'payload' is a Lambda",
        ),
        "Lambda of Keras 3": (keras_3("Lambda", function=function), "layer 'payload' is a Lambda"),
        "activation": (keras_3("Activation", activation=function), "is a Lambda"),
        "function of another module": (
            keras_3("Activation", activation=script),
            "function 'system' of the module 'os'",
        ),
        "regularizer": (keras_3("Dense", units=2, kernel_regularizer=script), "function 'system' of the module 'os'"),
        "torch": (keras_3("TorchModuleWrapper", module=pickled), "is a TorchModuleWrapper"),
        "jax": (keras_3("JaxLayer", call_fn=function), "is a JaxLayer"),
        "SavedModel": (keras_3("TFSMLayer", filepath=str(marker.parent)), "is a TFSMLayer"),
        "vocabulary": (
            keras_3("StringLookup", vocabulary=str(marker)),
            "would read the file '.*ran' as its vocabulary",
        ),
        "write_file": (
            {"class_name": "TFOpLambda", "config": {"name": "payload", "function": "io.write_file"}},
            r"the TensorFlow function 'io\.write_file'",
        ),
    }


def _append(payload: Any) -> Edit:
    return lambda config: config["config"]["layers"].append(payload)


def _inside(payload: Any) -> Edit:
    return lambda config: config["config"]["layers"][1]["config"]["layers"].append(payload)


def _repeated(payload: Any) -> Edit:
    return lambda config: config["config"]["layers"][1]["config"]["layers"][1]["config"].update(layer=payload)


def _backwards(payload: Any) -> Edit:
    return lambda config: config["config"]["layers"][2]["config"].update(backward_layer=payload)


PLACES = {"at the end": _append, "in a submodel": _inside, "repeated over time": _repeated, "backwards": _backwards}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", payloads(Path("ran")))
def test_a_payload_is_refused_by_name_and_never_runs(kind, place, name, written, marker):
    payload, told = payloads(marker)[kind]
    with pytest.raises(BadInput, match=told):
        model_files.load(written(name, PLACES[place](payload)))
    assert not marker.exists()


def test_a_payload_among_training_settings_of_a_submodel_is_refused(written, marker):
    payload = payloads(marker)["activation"][0]["config"]["activation"]

    def edit(config):
        config["config"]["layers"][1]["compile_config"]["loss"] = payload

    with pytest.raises(BadInput, match="is a Lambda"):
        model_files.load(written("new.keras", edit))
    assert not marker.exists()


def test_training_settings_of_the_model_itself_are_not_looked_at(written, marker):
    payload = payloads(marker)["activation"][0]["config"]["activation"]
    path = written("new.keras", lambda config: config["compile_config"].update(loss=payload, optimizer=payload))
    assert model_files.load(path).model.count_params() > 0

    def replace(file):
        file.attrs["training_config"] = json.dumps({"loss": payload, "optimizer_config": payload, "metrics": [payload]})

    for name in ("new.h5", "old.h5"):
        assert model_files.load(written(name, weights=replace)).model.count_params() > 0
    assert not marker.exists()


def _first_weights(file: Any) -> tuple[Any, str]:
    """Group and name of a data set."""
    found: list[str] = []
    file.visititems(lambda place, each: found.append(place) if isinstance(each, h5py.Dataset) and each.shape else None)
    place, _, name = found[0].rpartition("/")
    return file[place], name


def reaching(secret: Path) -> dict[str, tuple[Callable[[Any, str, Any], None], str]]:
    """Ways to make a weight out of another file, and how they are refused."""
    source = h5py.VirtualSource(secret, "values", shape=(4,))

    def virtual(group: Any, name: str, old: Any) -> None:
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = source
        group.create_virtual_dataset(name, layout)

    return {
        "external storage": (
            lambda group, name, old: group.create_dataset(
                name, old.shape, old.dtype, external=[(secret, 0, old.nbytes)]
            ),
            "lie in other files",
        ),
        "virtual data set": (virtual, "lie in other files"),
        "external link": (
            lambda group, name, old: group.__setitem__(name, h5py.ExternalLink(str(secret), "/values")),
            "is a link to another place or file",
        ),
        "soft link": (
            lambda group, name, old: group.__setitem__(name, h5py.SoftLink("/elsewhere")),
            "is a link to another place or file",
        ),
        "text": (lambda group, name, old: group.create_dataset(name, data=["a", "b"]), "holds text or objects"),
        "bomb": (
            lambda group, name, old: group.create_dataset(name, (1 << 40,), "f4", chunks=(1 << 20,), compression=9),
            "unpacks to 4398046511104 bytes",
        ),
        "huge blocks": (
            lambda group, name, old: group.create_dataset(name, (4,), "f4", chunks=(1 << 29,), maxshape=(None,)),
            "unpacks to 2147483648 bytes",
        ),
    }


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("way", reaching(Path("secret.h5")))
def test_weights_that_lie_elsewhere_are_refused(way, name, written, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["values"] = np.arange(4, dtype=np.float32)
    replace, told = reaching(secret)[way]

    def weights(file):
        group, weight = _first_weights(file)
        old = group[weight][()]
        del group[weight]
        replace(group, weight, old)

    with pytest.raises(BadInput, match=told):
        model_files.load(written(name, weights=weights))


def test_a_data_file_with_pickled_objects_runs_nothing(command, written, marker):
    class Spy:
        def __reduce__(self) -> Any:
            return Path.touch, (marker,)

    data = marker.parent / "data.npz"
    np.savez(data, x_evaluation=np.array([Spy()], dtype=object), y_evaluation=np.arange(1), allow_pickle=True)
    artifact = Path(__file__).resolve().parents[1] / "data" / "torch_residual.onnx"
    for words in (["run", written("old.h5")], ["measure", artifact]):
        done = command(*words, "--data", data)
        assert done.returncode == 2
        assert "x_evaluation holds Python objects" in done.stderr
    assert not marker.exists()


@pytest.mark.parametrize(
    "text",
    [
        "summary: !!python/object/apply:os.system ['touch {marker}']",
        "summary: !!python/object/new:subprocess.Popen [['touch', '{marker}']]",
        "!!python/object/apply:pathlib.Path.touch ['{marker}']",
        "summary: s\nsteps: [!!python/name:os.system '']",
        "summary: s\nprecision: !!python/module:antigravity ''",
    ],
)
def test_a_recipe_with_tags_runs_nothing(text, command, marker):
    recipe = marker.parent / "recipe.yaml"
    recipe.write_text(text.format(marker=marker))
    done = command("check", "--recipe", recipe)
    assert done.returncode == 2
    assert "it is read as plain YAML, without tags" in done.stderr
    assert not marker.exists()
