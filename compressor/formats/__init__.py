"""Formats: one kind of written file per module, found by file name.

A format file defines `FORMAT`, a `Format`. Its `write` runs in a child process, reads a SavedModel (or an
ONNX model) and leaves one file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from compressor import registry
from compressor.values import Array, Entry, Precision, Source

Calibration = Mapping[str, Array]
Writer = Callable[[Source, Precision, Calibration, Path], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes:
        suffix: of the file name, with its dot.
        precisions: what `write` can write.
        write: (source, precision, calibration inputs by name, destination) → notes for the report.
        packages: modules that writing needs.
        converters: modules that it needs besides, unless the model is ONNX already.
        entries: the kinds of models it can be written from.
        made_of: another format, where `write` reads that file instead of the model; it is written first, and once for
            all formats made of it.
        install: the command that brings `packages` and `converters`.
    """

    summary: str
    suffix: str
    precisions: tuple[Precision, ...]
    write: Writer
    packages: tuple[str, ...] = ()
    converters: tuple[str, ...] = ("tensorflow",)
    entries: tuple[Entry, ...] = (Entry.KERAS, Entry.GRAPH)
    made_of: str = ""
    install: str = "pip install '.[tensorflow]'"

    def needs(self, entry: Entry) -> tuple[str, ...]:
        """Modules that writing takes for a model that enters here."""
        return self.packages if entry is Entry.ONNX else (*self.packages, *self.converters)


def names() -> tuple[str, ...]:
    """Names of all formats."""
    return registry.names(__name__)


def load(name: str) -> Format:
    """The format of that name."""
    return cast(Format, registry.load(__name__, name, "FORMAT", "format"))
