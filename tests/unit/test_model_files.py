"""Model files are opened without trust: what cannot be a plain network is refused before any framework sees it."""

from __future__ import annotations

import json
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import model_files
from compressor.errors import BadInput
from compressor.file_checks import class_check

FRAMEWORKS = {"tensorflow", "keras", "tf_keras"}


def layer(class_name: str, config: Any = None, **other: Any) -> dict[str, Any]:
    """The configuration of a model with one layer called 'payload'."""
    inner = {"name": "payload"} if config is None else config
    return {"class_name": "Functional", "config": {"layers": [{"class_name": class_name, "config": inner, **other}]}}


LAMBDA = layer("Lambda")


def nested(inner: Any, key: str = "layer", class_name: str = "TimeDistributed") -> dict[str, Any]:
    """A wrapper around the only layer of a payload, or around a value."""
    wrapped = inner["config"]["layers"][0] if isinstance(inner, dict) and "layers" in inner.get("config", {}) else inner
    return layer(class_name, {"name": "payload", key: wrapped})


def function(name: str, module: str | None, **other: Any) -> dict[str, Any]:
    """A function as Keras writes it down."""
    return {"class_name": "function", "config": name, "module": module, **other}


GET_FILE = function("get_file", "keras.utils", registered_name="get_file")
HARMFUL: dict[str, tuple[dict[str, Any], str]] = {
    "a Lambda": (LAMBDA, "layer 'payload' is a Lambda"),
    "a Lambda of Keras 3": (layer("__lambda__", module="builtins"), "is a Lambda"),
    "a Lambda in a model in a model": (layer("Functional", {"name": "t", "layers": [LAMBDA]}), "'payload' is a Lambda"),
    "a Lambda among the arguments": (layer("Sequential", {"name": "a", "inbound_nodes": [[[LAMBDA]]]}), "is a Lambda"),
    "a Lambda that is repeated over time": (nested(LAMBDA), "is a Lambda"),
    "a Lambda run backwards": (nested(LAMBDA, "backward_layer", "Bidirectional"), "is a Lambda"),
    "a Lambda as the cell of a network": (nested(LAMBDA, "cell", "RNN"), "is a Lambda"),
    "a Lambda as the activation": (nested(LAMBDA, "activation", "Dense"), "is a Lambda"),
    "a lambda as the loss of a model in the model": (
        layer("Sequential", {"name": "a", "layers": []}, compile_config={"loss": {"class_name": "__lambda__"}}),
        "is a Lambda",
    ),
    "a TensorFlow function that writes": (
        layer("TFOpLambda", {"name": "payload", "function": "io.write_file"}),
        "layer 'payload' calls the TensorFlow function 'io.write_file'",
    ),
    "a TensorFlow function without a name": (layer("TFOpLambda", {"name": "payload"}), "calls the TensorFlow function"),
    "a TensorFlow node": (layer("TensorFlowOpLayer", {"name": "payload", "node_def": "{}"}), "is a TensorFlowOpLayer"),
    "a class of another module": (layer("Popen", module="subprocess"), "'Popen' of the module 'subprocess'"),
    "a module that only looks like Keras": (layer("Dense", module="kerasy.layers"), "of the module 'kerasy.layers'"),
    "a function of another module": (layer("function", "system", module="os"), "of the module 'os'"),
    "a function of Keras that downloads": (layer("function", "get_file", module="keras.utils"), "get_file"),
    "a function of Keras that loads": (layer("function", "load_model", module="keras.models"), "load_model"),
    "a function of Python": (layer("function", "exec", module="builtins"), "'exec' of the module 'builtins'"),
    "an activation that downloads": (nested(GET_FILE, "activation", "Dense"), "calls the function 'get_file'"),
    "an initializer that downloads": (nested(GET_FILE, "kernel_initializer", "Dense"), "the function 'get_file'"),
    "a regularizer that downloads": (nested(GET_FILE, "kernel_regularizer", "Dense"), "the function 'get_file'"),
    "a harmful function registered under a harmless name": (
        layer("function", "relu", module="keras.utils", registered_name="relu"),
        "'relu' of the module 'keras.utils'",
    ),
    "a harmless function registered under a harmful name": (
        layer("function", "relu", module="keras.activations", registered_name="get_file"),
        "which is no activation",
    ),
    "an activation of a module that only looks like Keras's": (
        layer("function", "relu", module="keras.activations_of_mine"),
        "which is no activation",
    ),
    "a harmless class registered under a harmful name": (
        layer("Add", {"name": "payload"}, module="keras.utils", registered_name="get_file"),
        "'Add' registered as 'get_file'",
    ),
    "a pickled module of torch": (layer("TorchModuleWrapper", module="keras.layers"), "is a TorchModuleWrapper"),
    "a function of jax": (layer("JaxLayer", module="keras.layers"), "is a JaxLayer"),
    "a module of flax": (layer("FlaxLayer", module="keras.layers"), "is a FlaxLayer"),
    "a SavedModel from elsewhere": (
        layer("TFSMLayer", {"name": "payload", "filepath": "/tmp/m"}, module="keras.layers"),
        "is a TFSMLayer: it loads a model or code of another framework",
    ),
    "a vocabulary that is a file": (
        layer("StringLookup", {"name": "payload", "vocabulary": "/etc/passwd"}, module="keras.layers"),
        "layer 'payload' would read the file '/etc/passwd' as its vocabulary",
    ),
    "weights of words that are a file": (
        layer("TextVectorization", {"name": "payload", "idf_weights": "/etc/passwd"}),
        "would read the file '/etc/passwd' as its idf_weights",
    ),
    "a class name that is no text": (layer(["Dense"]), "or of its class, is no text"),  # type: ignore[arg-type]
    "a name without a letter": (layer("Dense", {"name": ""}), "the name of layer .* is no text"),
    "a name that is no text": (layer("Dense", {"name": ["a"]}), "the name of layer .* is no text"),
}


@pytest.fixture(autouse=True)
def no_framework() -> Iterator[None]:
    """Refusing imports none of them."""
    before = FRAMEWORKS & sys.modules.keys()
    yield
    assert FRAMEWORKS & sys.modules.keys() == before


@pytest.mark.parametrize("case", HARMFUL)
def test_a_configuration_that_could_do_harm_is_refused(case: str) -> None:
    config, told = HARMFUL[case]
    with pytest.raises(BadInput, match=told):
        class_check.check(Path("m.keras"), config)


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


WHOLE = {"config.json": json.dumps(LAMBDA).encode(), "model.weights.h5": b"weights"}
BROKEN_ARCHIVES: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing in it": ({}, "is not a whole model"),
    "no weights": ({"config.json": b"{}"}, "is not a whole model"),
    "no configuration": ({"model.weights.h5": b""}, "is not a whole model"),
    "no JSON": ({**WHOLE, "config.json": b"{"}, "cannot be read as a .keras archive"),
    "no text": ({**WHOLE, "config.json": b"\xff\xfe\xff"}, "cannot be read as a .keras archive"),
    "nested too deep": ({**WHOLE, "config.json": b"[" * 100_000}, "cannot be read as a .keras archive"),
    "nested nearly too deep": ({**WHOLE, "config.json": b"[" * 850 + WHOLE["config.json"] + b"]" * 850}, "m.keras"),
    "a member above it": ({**WHOLE, "../evil": b"x"}, r"'\.\./evil' reaches outside"),
    "a member elsewhere": ({**WHOLE, "/etc/evil": b"x"}, "'/etc/evil' reaches outside"),
    "a Windows path": ({**WHOLE, "..\\evil": b"x"}, "reaches outside"),
    "an absolute Windows path": ({**WHOLE, "C:\\evil": b"x"}, "reaches outside"),
    "a Lambda": (WHOLE, "layer 'payload' is a Lambda"),
}


@pytest.mark.parametrize("case", BROKEN_ARCHIVES)
def test_a_broken_archive_is_bad_input(case: str, tmp_path: Path) -> None:
    members, told = BROKEN_ARCHIVES[case]
    with pytest.raises(BadInput, match=told):
        model_files.load(archive(tmp_path / "m.keras", members))


def test_an_archive_with_a_link_is_bad_input(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", WHOLE)
    with zipfile.ZipFile(path, "a") as file:
        link = zipfile.ZipInfo("assets")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc")
    with pytest.raises(BadInput, match="'assets' is a link to another file"):
        model_files.load(path)


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_bad_input(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", {**WHOLE, "zeros": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(BadInput, match="'zeros' unpacks to 50000000 bytes"):
        model_files.load(path)


@given(st.integers(0, 100_000), st.integers(1, 255), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_an_archive_with_a_spoiled_byte_is_bad_input(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int, method: int
) -> None:
    path = archive(tmp_path_factory.getbasetemp() / "spoiled.keras", WHOLE, method)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= flip
    path.write_bytes(content)
    with pytest.raises(BadInput):
        model_files.load(path)


@pytest.fixture
def h5(tmp_path: Path) -> Callable[..., Path]:
    def write(**attributes: Any) -> Path:
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.attrs.update(attributes)
        return tmp_path / "m.h5"

    return write


@pytest.mark.parametrize("version", ["2.15.0", "3.5.0"])
def test_a_lambda_in_h5_is_refused_whatever_keras_saved_it(version: str, h5: Callable[..., Path]) -> None:
    with pytest.raises(BadInput, match="layer 'payload' is a Lambda"):
        model_files.load(h5(model_config=json.dumps(LAMBDA), keras_version=version))


@pytest.mark.parametrize("config", ["", "{", "[]", '"text"', "{}", "[" * 30_000, 7, b"\xff", [1, 2]])
def test_a_configuration_in_h5_that_is_none_is_bad_input(config: Any, h5: Callable[..., Path]) -> None:
    with pytest.raises(BadInput, match=r"the model configuration in .* is not readable"):
        model_files.load(h5(model_config=config))


def test_weights_alone_are_no_model(h5: Callable[..., Path]) -> None:
    with pytest.raises(BadInput, match=r"(?s)holds no model configuration.*received: weights only"):
        model_files.load(h5(layer_names=["dense"]))


@pytest.mark.parametrize("suffix", model_files.suffixes())
@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x05\x06" + bytes(18), b"neither"])
def test_a_file_of_another_kind_is_bad_input_that_names_it(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=f"m{suffix}"):
        model_files.load(path)
