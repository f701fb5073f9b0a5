"""The frozen values that flow from stage to stage. They know nothing of files, devices or frameworks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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


class Granularity(StrEnum):
    """How many scales the integers of one kernel have: one for each output channel, or one for all.

    One for all is less exact. It keeps a clustered kernel's few values few in the file, and spares a small file the
    scales themselves, four bytes each.
    """

    PER_CHANNEL = "per_channel"
    PER_TENSOR = "per_tensor"


class Stage(StrEnum):
    """Which of the two files of a run this is."""

    FLOAT32 = "float32"
    COMPRESSED = "compressed"


class Entry(StrEnum):
    """Where a model enters the flow, which decides what can be done to it.

    KERAS has layers that steps change; GRAPH is written as it is by TensorFlow's converters; ONNX enters where ONNX
    files are written.
    """

    KERAS = "keras"
    GRAPH = "graph"
    ONNX = "onnx"


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
    """One part of a data set in memory: inputs by name, first axis = samples, and labels when there are any."""

    inputs: dict[str, Array]
    labels: Array | None = None

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))

    def blocks(self, size: int) -> Iterator[Split]:
        """The samples in order, `size` at a time."""
        for start in range(0, self.count, size):
            yield self.rows(slice(start, start + size))

    def rows(self, chosen: slice | Array) -> Split:
        """Some of the samples."""
        inputs = {name: array[chosen] for name, array in self.inputs.items()}
        return Split(inputs, None if self.labels is None else self.labels[chosen])


@dataclass(frozen=True, slots=True)
class Stream:
    """One part of a data set that is read block by block, anew each time, so that memory does not grow with it.

    `read` takes the number of samples per block.
    """

    count: int
    read: Callable[[int], Iterator[Split]]

    def blocks(self, size: int) -> Iterator[Split]:
        """The samples in order, at most `size` at a time: fewer where samples are large, and at the end."""
        return self.read(size)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Three splits, calibration and evaluation disjoint; `train` is absent when nobody trains.

    Attributes:
        classes: names of the classes that label numbers stand for, where the source names them.
        split_here: the source was not split; who is in which set was decided here.
        notes: how the data came about, in sentences for the report.
    """

    name: str
    source: str
    calibration: Split
    evaluation: Split | Stream
    train: Split | None = None
    classes: tuple[str, ...] = ()
    split_here: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What a format writes from: a model on disk, a SavedModel folder free of any Keras or an `.onnx` file.

    `simulated` is the same model with quantization simulated in the graph (from quantization-aware
    training); a format that can read the simulation uses it, the others use `model`.
    """

    name: str
    model: Path
    simulated: Path | None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    granularity: Granularity = Granularity.PER_CHANNEL


@dataclass(frozen=True, slots=True)
class Artifact:
    """A written file and its record; `bytes_packed` are None where the file was not packed."""

    path: Path
    format: str
    precision: Precision
    stage: Stage
    bytes: int
    bytes_deflated: int
    sha256: str
    notes: tuple[str, ...] = ()
    bytes_packed: int | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds for one sample: median and tail over `runs`, with `threads` threads.

    Attributes:
        p50_interval: of the median.
        quantiles: durations at 0, 2.5, 5 … 100 % of the runs.
    """

    p50: float
    p90: float
    p99: float
    threads: int
    runs: int
    p50_interval: Interval | None = None
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file or a number is not there: the stage that failed and how, or why it was never tried.

    Attributes:
        possible: where the converter cannot write the precision, though it can float32: the others that it can.
    """

    stage: str
    reason: str
    possible: tuple[Precision, ...] | None = None


def clean_name(name: str) -> str:
    """An input or output name fit for every file format: letters, digits and underscores."""
    return re.sub(r"\W", "_", name)


def as_float(array: Array) -> NDArray[np.float64]:
    """The array in float64, for comparisons that must not lose digits."""
    return array.astype(np.float64)
