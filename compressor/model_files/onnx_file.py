"""ONNX models, of PyTorch or whatever else: they enter where files are written, and have no layers to train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from compressor.errors import BadInput
from compressor.model_files import Loaded, ModelFile
from compressor.networks import onnx_network
from compressor.onnx_graph import walk
from compressor.values import Entry, clean_name

if TYPE_CHECKING:
    import onnx

_LIMITATION = "it is an ONNX graph, and has no Keras layers"
# Operators of these sets run in ONNX Runtime; "" is ONNX's own. Others would need a library that a file must not name.
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}


def read(path: Path, known: Mapping[str, Any]) -> Loaded:
    """Check the file and what it refers to, then load it whole.

    Raises:
        BadInput: no ONNX model, one that reads outside its folder, or one that ONNX Runtime cannot run.
    """
    model = _parsed(path)
    _check_domains(path, model)
    _load_external(path, model)
    _check_graph(path, model)
    renamed = _rename_ends(model)
    return Loaded(network=onnx_network.of_graph(path, model), limitation=_LIMITATION, notes=renamed)


def _parsed(path: Path) -> onnx.ModelProto:
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{path} cannot be read as ONNX: {reason}", expected="an ONNX model in one piece") from None
    if not model.graph.node:
        raise BadInput(f"{path} cannot be read as ONNX: it holds no graph", expected="a model with operators")
    return model


def _check_domains(path: Path, model: onnx.ModelProto) -> None:
    own = {function.domain for function in model.functions}
    foreign = sorted({each.domain for each in model.opset_import} - _DOMAINS - own)
    used = sorted({node.op_type for node in model.graph.node if node.domain in foreign})
    if used:
        raise BadInput(
            f"{path} uses operators that ONNX Runtime does not bring: {', '.join(used)}",
            expected="operators of ONNX itself",
            received=f"operators of {', '.join(foreign)}",
            fix="export the model with standard operators only",
        )


def _load_external(path: Path, model: onnx.ModelProto) -> None:
    """Read weights that lie in files of their own, once it is sure that those are files of this folder."""
    import onnx

    folder = path.resolve().parent
    for tensor in _tensors(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        place = PurePosixPath(location.replace("\\", "/"))
        file = folder / place
        inside = location and not place.is_absolute() and ".." not in place.parts
        if not inside or not file.resolve().is_relative_to(folder):
            raise BadInput(f"{path}: the weight '{tensor.name}' lies outside the model's folder, in '{location}'")
        if not file.is_file():
            raise BadInput(
                f"{path}: the weight '{tensor.name}' lies in '{location}', which is not there",
                fix="keep the files of the model together, or export it as one file",
            )
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(folder))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{path}: its external weights cannot be read: {reason}") from None


def _tensors(model: onnx.ModelProto) -> Iterator[Any]:
    """Every stored tensor, those inside attributes and subgraphs included."""
    for graph in walk.graphs(model):
        yield from graph.initializer
        yield from (tensor for each in graph.sparse_initializer for tensor in (each.values, each.indices))
    for node in walk.nodes(model):
        for attribute in node.attribute:
            yield from (tensor for tensor in (attribute.t, *attribute.tensors) if tensor.ByteSize())


def _check_graph(path: Path, model: onnx.ModelProto) -> None:
    import onnx

    try:
        onnx.checker.check_model(model)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} is no valid ONNX model: {reason}", fix="export it again") from None


def _rename_ends(model: onnx.ModelProto) -> tuple[str, ...]:
    """Give inputs and outputs names that every file format and data set can carry."""
    constants = {tensor.name for tensor in model.graph.initializer}
    ends = [value for value in (*model.graph.input, *model.graph.output) if value.name not in constants]
    taken = {name for node in walk.nodes(model) for name in (*node.input, *node.output)}
    renamed: dict[str, str] = {}
    for value in ends:
        name = clean_name(value.name)
        while name != value.name and (name in taken or name in renamed.values()):
            name += "_"
        if name != value.name:
            renamed[value.name] = value.name = name
    for node in walk.nodes(model):
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]
    return tuple(f"'{old}' is called '{new}' here" for old, new in renamed.items())


MODEL_FILE = ModelFile(
    summary="ONNX model; it takes recipes of precision alone, and targets that take ONNX",
    suffixes=(".onnx",),
    read=read,
    entry=lambda path: Entry.ONNX,
)
