"""Models in `.keras` archives: of Keras 3 over the bridge, of tf_keras and Keras 2.12 to 2.15 as they are."""

from __future__ import annotations

import io
import json
import stat
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from compressor.bridge import keras_2_config
from compressor.errors import BadInput
from compressor.file_checks import class_check, hdf5_check
from compressor.model_files import Known, Loaded, ModelFile, _keras_3

_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"
# An honest archive stores its weights nearly as they are; a bomb unpacks to thousands of times its size.
_LARGEST_RATIO, _LARGEST_CONFIG = 200, 256 << 20
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError),
    *(NotImplementedError, RuntimeError, RecursionError, MemoryError),
)


def read(path: Path, known: Known) -> Loaded:
    """Check the archive and its configuration, then rebuild.

    Raises:
        BadInput: the file is corrupted, reaches outside itself, or names what is not built in.
    """
    config = _config(path)
    # How the model was trained; loading for inference leaves it out, whatever it names.
    compiled = config.pop("compile_config", None) if isinstance(config, dict) else None
    class_check.check(path, config, known)
    _check_weights(path)
    loaded = _keras_2(path, known) if _version(path).startswith("2") else _keras_3.load(path, known)
    return replace(loaded, loss=keras_2_config.loss_name(json.dumps(compiled)))


def _config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive.infolist())
            return json.loads(archive.read(_CONFIG))
    except _UNREADABLE as error:
        raise _corrupted(path, error) from None


def _version(path: Path) -> str:
    """Of the Keras that wrote the archive; "" where it does not say."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read(_METADATA))["keras_version"])
    except (*_UNREADABLE, TypeError):
        return ""


def _keras_2(path: Path, known: Known) -> Loaded:
    import tf_keras

    try:
        model = tf_keras.models.load_model(str(path), compile=False, safe_mode=True, custom_objects=dict(known))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be loaded by tf_keras {tf_keras.__version__}: {reason}") from None
    if not model.built or not getattr(model, "inputs", None):
        raise BadInput(f"{path} states no input shape", fix="build the model (call it once) and save it again")
    return Loaded(model)


def _check_weights(path: Path) -> None:
    import h5py

    try:
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as file:
            hdf5_check.check(path, file)
    except _UNREADABLE as error:
        raise _corrupted(path, error) from None


def _corrupted(path: Path, error: Exception) -> BadInput:
    return BadInput(
        f"{path} cannot be read as a .keras archive: it is corrupted, empty or another kind of file",
        expected=f"a zip with {_CONFIG} and {_WEIGHTS}",
        received=" ".join(str(error).split())[:200],
        fix="save the model again: model.save('model.keras')",
    )


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        place = PurePosixPath(member.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or member.filename[1:2] == ":":
            raise BadInput(f"{path}: the archive member '{member.filename}' reaches outside the archive")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise BadInput(f"{path}: the archive member '{member.filename}' is a link to another file")
        if member.file_size > _LARGEST_RATIO * max(member.compress_size, 1024):
            raise BadInput(f"{path}: the archive member '{member.filename}' unpacks to {member.file_size} bytes")
    sizes = {member.filename: member.file_size for member in members}
    if _CONFIG not in sizes or _WEIGHTS not in sizes:
        raise BadInput(f"{path} is not a whole model", expected=f"{_CONFIG} and {_WEIGHTS}", received=", ".join(sizes))
    if sizes[_CONFIG] > _LARGEST_CONFIG:
        raise BadInput(f"{path}: {_CONFIG} has {sizes[_CONFIG]} bytes")


MODEL_FILE = ModelFile(summary="archive of Keras 3, or of tf_keras", suffixes=(".keras",), read=read)
