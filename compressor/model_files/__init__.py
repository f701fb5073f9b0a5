"""Model files: one way to read a file or folder per module, found by file name. The one place where a model is opened.

A module defines `MODEL_FILE`, a `ModelFile`. Every reader checks the configuration first, rebuilds the network from
it, then loads weights: a file never makes this process run code of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from compressor import registry
from compressor.bridge import token_inputs
from compressor.errors import BadInput, CompressorError
from compressor.networks import Network, check_weights, tensorflow_network
from compressor.values import Entry
from compressor.worker import deadline

if TYPE_CHECKING:
    import keras
    import tf_keras

# Classes and functions that the user trusts, by the name a configuration calls them.
Known = Mapping[str, Any]


# A damaged file can keep HDF5 busy for ever; the largest honest one takes a tenth of this.
_READING_S = 600.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model as it was read, without its optimizer.

    Attributes:
        model: its layers in tf_keras, which steps work on; None when there are none, and `limitation` says why.
        network: what answers and is written; made of `model` where a reader gives none.
        bridge_difference: largest difference of any output between the file's own framework and `model`, None where
            the file was tf_keras's own.
        keras_3: the model as Keras 3 loaded it.
        loss: name of the loss that the model was compiled with, if the file tells.
        notes: what had to be changed, in sentences.
    """

    model: tf_keras.Model | None = None
    network: Network | None = None
    limitation: str = ""
    bridge_difference: float | None = None
    keras_3: keras.Model | None = None
    loss: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A kind of model file, told by its suffix, or a kind of folder, told by a file that lies in it.

    `entry` says where such a model enters the flow, by a look that reads no weights and imports nothing heavy.
    """

    summary: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, Known], Loaded]
    folder_with: str = ""
    entry: Callable[[Path], Entry] = lambda path: Entry.KERAS

    def claims(self, path: Path) -> bool:
        """Whether the path is of this kind, by its look alone."""
        if path.is_dir():
            return bool(self.folder_with) and (path / self.folder_with).is_file()
        return path.suffix in self.suffixes


def names() -> tuple[str, ...]:
    """Names of all readers."""
    return registry.names(__name__)


def load_reader(name: str) -> ModelFile:
    """The reader of that name."""
    return cast(ModelFile, registry.load(__name__, name, "MODEL_FILE", "model file"))


def suffixes() -> tuple[str, ...]:
    """Every suffix of a file that can be read."""
    return tuple(suffix for name in names() for suffix in load_reader(name).suffixes)


def reader(path: Path) -> ModelFile:
    """The reader for a file or folder; imports no framework.

    Raises:
        BadInput: nothing is there, or nobody reads it.
    """
    if not path.exists():
        raise BadInput(
            f"there is no model file {path}", expected=f"a sample's name, or a file in {', '.join(suffixes())}"
        )
    for name in names():
        if load_reader(name).claims(path):
            return load_reader(name)
    raise BadInput(
        f"{path} is not a model that can be read",
        expected="; ".join(load_reader(name).summary for name in names()),
        received="a folder without saved_model.pb" if path.is_dir() else path.suffix or "no suffix",
        fix="tf.train checkpoints hold no network: build it in Python, load the checkpoint, and save the whole model"
        if path.suffix in (".index", ".ckpt") or path.name == "checkpoint" or (path / "checkpoint").is_file()
        else None,
    )


def load(path: Path, known: Known | None = None) -> Loaded:
    """Read a model.

    Raises:
        BadInput: the file is not a model we can read, would run code, or holds NaN weights.
    """
    with deadline(_READING_S):
        loaded = _read(path, known or {})
    if loaded.model is not None:
        model = token_inputs.whole(loaded.model)
        loaded = replace(loaded, model=model, network=tensorflow_network.of_tf_keras(model))
    assert loaded.network is not None
    check_weights(loaded.network, str(path))
    return loaded


def _read(path: Path, known: Known) -> Loaded:
    try:
        return reader(path).read(path, known)
    except (CompressorError, ModuleNotFoundError):
        raise
    except Exception as error:
        # Frameworks say in many ways that they did not expect what the file holds.
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be rebuilt: {type(error).__name__}: {reason}") from error


def facts(path: str) -> dict[str, Any]:
    """What a model holds, as a job for a worker: number of parameters, inputs and outputs.

    Raises:
        BadInput: see `load`.
    """
    network = load(Path(path)).network
    assert network is not None
    ends = {"inputs": network.inputs, "outputs": network.outputs}
    return {"parameters": network.parameters} | {key: [str(spec) for spec in specs] for key, specs in ends.items()}
