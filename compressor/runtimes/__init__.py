"""Runtimes: one way to execute an artifact per file, found by file name. None of them knows TensorFlow.

A runtime file defines `RUNTIME`, a `Runtime`. Values go in and come out as the model's own numbers: a session
quantizes its inputs and dequantizes its outputs where the file is integer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from compressor import registry
from compressor.errors import BadInput, MissingTool
from compressor.values import Array, TensorSpec


class Session(Protocol):
    """An opened artifact. Every sample is run on its own, batch 1, from a fresh state."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs as the file states them."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs as the file states them."""

    def load(self, sample: Mapping[str, Array]) -> None:
        """Put one sample (first axis 1) in place, by input name."""

    def invoke(self) -> None:
        """Run the loaded sample; this is what latency times."""

    def results(self) -> dict[str, Array]:
        """Outputs of the last run by name, as float32 where the file is quantized."""


@runtime_checkable
class BlockSession(Session, Protocol):
    """A session that also answers many samples in one call, which takes less of Python's lock per sample."""

    @property
    def takes_batches(self) -> bool:
        """True when the file leaves the number of samples open."""

    def answers(self, block: Mapping[str, Array], together: int) -> dict[str, Array]:
        """Outputs by name, one row per sample, each sample from a fresh state.

        Args:
            block: samples by input name.
            together: how many are run at once where the file takes batches.
        """


@dataclass(frozen=True, slots=True)
class Runtime:
    """A way to execute artifacts.

    Attributes:
        suffixes: of the files it opens.
        package: the module it needs; its pip name is `pip_name`.
        open: (path, threads) → session.
        module: what of the package is imported to open a file, when it is not the package itself.
    """

    summary: str
    suffixes: tuple[str, ...]
    package: str
    pip_name: str
    open: Callable[[Path, int], Session]
    module: str = ""

    @property
    def installed(self) -> bool:
        """True when its package can be imported."""
        try:
            return importlib.util.find_spec(self.package) is not None
        except ModuleNotFoundError:
            return False


def names() -> tuple[str, ...]:
    """Names of all runtimes."""
    return registry.names(__name__)


def load(name: str) -> Runtime:
    """The runtime of that name."""
    return cast(Runtime, registry.load(__name__, name, "RUNTIME", "runtime"))


def for_file(path: Path, name: str | None = None) -> str:
    """Name of the runtime for a file: the one asked for, else the first that opens its suffix.

    Raises:
        BadInput: no runtime opens such files, or the one asked for does not.
        MissingTool: the runtime is not installed.
    """
    fitting = [known for known in names() if path.suffix in load(known).suffixes]
    if not fitting or (name is not None and name in names() and name not in fitting):
        suffixes = sorted({suffix for known in names() for suffix in load(known).suffixes})
        raise BadInput(
            f"{name or 'no runtime'} opens '{path.suffix}' files"
            if not fitting
            else f"{name} does not open '{path.suffix}' files",
            expected=f"a file ending in {', '.join(suffixes)}",
            received=path.name,
        )
    chosen = name or fitting[0]
    require(chosen)
    return chosen


def require(name: str) -> None:
    """Raise MissingTool when the runtime's package is not installed."""
    runtime = load(name)
    if not runtime.installed:
        raise MissingTool(f"the runtime {name} is not installed here", fix=f"pip install {runtime.pip_name}")
