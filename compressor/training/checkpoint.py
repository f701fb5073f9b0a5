"""Checkpoints: everything that training needs to go on from the end of an epoch as if it had never stopped.

One `.npz` per epoch, written whole or not at all; the last two are kept. They hold arrays alone, no code.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.files import whole_file
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

_KEPT = 2
_FORGOTTEN_AFTER_S = 30 * 24 * 3600.0


@dataclass
class State:
    """Where training stands at the end of an epoch.

    Attributes:
        epoch: epochs that are done.
        batch_size: that they were done with.
        history: values of every epoch, by name, e.g. "loss".
        weights: of the model, of its optimizer and of its random generators, in order.
        best: weights of the best epoch so far, when training may stop early.
        best_epoch: its number, from 1 on.
    """

    epoch: int
    batch_size: int
    history: dict[str, list[float]]
    weights: list[Array] = field(default_factory=list)
    best: list[Array] = field(default_factory=list)
    best_epoch: int = 0


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: this training's alone; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._missing: str | None = None

    @property
    def missing(self) -> str | None:
        """Why there are none, where they could not be written."""
        return self._missing

    def states(self) -> dict[int, State]:
        """The states that it could go on from, by epoch.

        Damaged files are removed: with their numbers, they would outlive the ones that are written after them.
        """
        found = {}
        for number, path in list(self._found()):
            # Whatever a damaged archive makes its reader raise: nothing is lost but time.
            try:
                found[number] = _read(path)
            except Exception:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        return found

    def write(self, state: State) -> None:
        """Keep a state, and forget the ones before the last two; training goes on where the disk takes none."""
        if self._folder is None or self._missing is not None:
            return
        try:
            self._write(self._folder, state)
        except FileNotFoundError:
            # The same training may have ended in another process at this moment, and have cleared the folder.
            return
        except OSError as error:
            self._missing = error.strerror or str(error)

    def _write(self, folder: Path, state: State) -> None:
        if not folder.exists():
            _forget_old(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"epoch": state.epoch, "batch_size": state.batch_size, "history": state.history}
        facts |= {"weights": len(state.weights), "best": len(state.best)}
        arrays = {f"weight_{number:05}": array for number, array in enumerate(state.weights)}
        arrays |= {f"best_{number:05}": array for number, array in enumerate(state.best)}
        told = json.dumps(facts | {"best_epoch": state.best_epoch})
        with whole_file(folder / f"epoch_{state.epoch:06}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, facts=np.array(told), **arrays)  # type: ignore[arg-type]
        for _, path in list(self._found())[_KEPT:]:
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget all of them: the training is done."""
        if self._folder is None:
            return
        _clear(self._folder)

    def _found(self) -> Iterator[tuple[int, Path]]:
        paths = sorted(self._folder.glob("epoch_*.npz"), reverse=True) if self._folder is not None else []
        for path in paths:
            number = path.stem.removeprefix("epoch_")
            if number.isdecimal():
                yield int(number), path


def _forget_old(folder: Path) -> None:
    """Remove what trainings left that were killed and never went on."""
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if path.is_dir() and time.time() - path.stat().st_mtime > _FORGOTTEN_AFTER_S:
                _clear(path)


def _clear(folder: Path) -> None:
    """Remove the checkpoints of one training, also what a killed process left half-written."""
    for path in folder.glob("*epoch_*.npz"):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _read(path: Path) -> State:
    with np.load(path, allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        # A lost entry is a KeyError; contents are checked by the archive.
        weights, best = (
            [arrays[f"{kind}_{number:05}"] for number in range(facts[count])]
            for kind, count in (("weight", "weights"), ("best", "best"))
        )
    return State(facts["epoch"], facts["batch_size"], facts["history"], weights, best, facts["best_epoch"])


def variables(model: tf_keras.Model) -> list[Any]:
    """All that changes while a compiled model trains: weights, optimizer, random generators."""
    return [*lasting(model), *_variables_of(model.optimizer)]


def lasting(model: tf_keras.Model) -> list[Any]:
    """What of it outlives compiling the model anew: weights and random generators."""
    return [*model.weights, *_generators(model)]


def values(found: Sequence[Any]) -> list[Array]:
    """The values of variables."""
    return [variable.numpy() for variable in found]


def assign(found: Sequence[Any], wanted: Sequence[Array]) -> None:
    """Give variables their values."""
    for variable, array in zip(found, wanted, strict=True):
        variable.assign(array)


def restore(model: tf_keras.Model, state: State) -> None:
    """Put a state into a compiled model."""
    assign(variables(model), state.weights)


def _variables_of(optimizer: Any) -> list[Any]:
    found = optimizer.variables
    return list(found() if callable(found) else found)


def _generators(model: tf_keras.Model) -> Iterator[Any]:
    """State of the layers that draw random numbers, e.g. Dropout."""
    for layer in model.submodules:
        generator = getattr(getattr(layer, "_random_generator", None), "_generator", None)
        if generator is not None:
            yield generator.state
