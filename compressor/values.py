"""The frozen values that flow from stage to stage. They know nothing of files, devices or frameworks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Precision(StrEnum):
    """Number format of a written file, as TFLite and ONNX use the words."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    DYNAMIC_INT8 = "dynamic-int8"
    INT8 = "int8"
    INT16X8 = "int16x8"


class Stage(StrEnum):
    """Which of the two files of a run this is."""

    FLOAT32 = "float32"
    COMPRESSED = "compressed"


class Provenance(StrEnum):
    """How a number came about. A reader may trust 'measured' only for the host it names."""

    MEASURED = "measured"
    EMULATED = "emulated"
    ESTIMATED = "estimated"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape (None is a free dimension) and numpy dtype name of one input or output."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        dims = ", ".join("N" if size is None else str(size) for size in self.shape)
        return f"{self.name}: ({dims}) {self.dtype}"


@dataclass(frozen=True, slots=True)
class Split:
    """One part of a data set: inputs by name, first axis = samples, and labels when there are any."""

    inputs: dict[str, Array]
    labels: Array | None = None

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Three disjoint splits; `train` is absent when the recipe never trains."""

    name: str
    source: str
    calibration: Split
    evaluation: Split
    train: Split | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What a format writes from: a model on disk as SavedModel, free of any Keras.

    `simulated` is the same model with quantization simulated in the graph (from quantization-aware
    training); a format that can read the simulation uses it, the others use `saved_model`.
    """

    name: str
    saved_model: Path
    simulated: Path | None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A written file and its record."""

    path: Path
    format: str
    precision: Precision
    stage: Stage
    bytes: int
    bytes_deflated: int
    sha256: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds for one sample: median and tail over `runs`, with `threads` threads."""

    p50: float
    p90: float
    p99: float
    threads: int
    runs: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file or a number is not there: the stage that failed and how, or why it was never tried."""

    stage: str
    reason: str


def clean_name(name: str) -> str:
    """An input or output name fit for every file format: letters, digits and underscores."""
    return re.sub(r"\W", "_", name)


def as_float(array: Array) -> NDArray[np.float64]:
    """The array in float64, for comparisons that must not lose digits."""
    return array.astype(np.float64)
