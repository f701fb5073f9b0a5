"""A file opened to look inside: its operators, what each of them answers, and each of them run alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compressor.errors import BadInput
from compressor.tflite_view.layers import plain
from compressor.values import Array, TensorSpec

# A tensor by its number (TFLite) or its name (ONNX).
Key = int | str
# Real numbers of tensors → what each operator alone makes of them.
Alone = Callable[[Mapping[Key, Array]], Mapping[Key, Array]]

# What stands in the place of an operator for a quantized input of the file.
INPUT = "input"
_PLAIN = "litert_reference"
_HALF_EPSILON = 2.0**-11


@dataclass(frozen=True, slots=True)
class Grid:
    """The real numbers that a tensor's integers stand for: from `low` to `high` in steps of `scale`."""

    scale: float
    zero_point: int
    first: int
    last: int

    @property
    def low(self) -> float:
        """The smallest of them."""
        return (self.first - self.zero_point) * self.scale

    @property
    def high(self) -> float:
        """The largest of them."""
        return (self.last - self.zero_point) * self.scale

    def real(self, integers: Array) -> Array:
        """The numbers that integers stand for, computed as runtimes do."""
        return (integers.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers in the file that an operator reads.

    Attributes:
        stored: as they are in the file.
        scale, zero_point: of stored integers, in a shape that broadcasts; None for floats.
        axis: of the output channels.
        key: of the tensor.
    """

    name: str
    stored: Array
    scale: Array | None
    zero_point: Array | None
    axis: int
    key: Key | None = None

    @property
    def values(self) -> NDArray[np.float64]:
        """The real numbers they stand for."""
        if self.scale is None:
            return self.stored.astype(np.float64)
        moved = self.stored.astype(np.float64) - (0 if self.zero_point is None else self.zero_point)
        return np.asarray(moved * self.scale, np.float64)

    @property
    def noise(self) -> float:
        """The mean square of what rounding to these numbers changed: step²/12 (Bennett 1948)."""
        if self.scale is not None:
            return float(np.mean(np.square(self.scale.astype(np.float64)))) / 12
        half = self.stored.dtype == np.float16
        return float(np.mean(np.square(self.values))) * _HALF_EPSILON**2 / 3 if half else 0.0

    @property
    def bits(self) -> int:
        """Of one stored number."""
        return self.stored.dtype.itemsize * 8

    @property
    def taps(self) -> float:
        """How many products one output value sums up."""
        return self.stored.size / max(self.stored.shape[self.axis] if self.stored.ndim else 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One computed tensor and the operator that makes it.

    Attributes:
        index: of the operator in the file; -1 for an input.
        names: what the tensor goes by; the first is its own.
        inputs: keys of the tensors it reads that are computed, or asked with.
        named: Keras layers that the names speak of, in their order.
    """

    index: int
    op: str
    layer: str
    key: Key
    names: tuple[str, ...]
    shape: tuple[int | None, ...]
    grid: Grid | None
    bits: int
    inputs: tuple[Key, ...]
    constants: tuple[Constant, ...]
    named: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people are told: the layer, else the tensor."""
        return plain(self.layer) or self.names[0].split(";")[0]


class Opened(Protocol):
    """An opened file; samples go in and tensors come out as real numbers."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs as the file states them."""

    @property
    def input_keys(self) -> tuple[Key, ...]:
        """Keys of the inputs, in their order."""

    @property
    def output_keys(self) -> tuple[Key, ...]:
        """Keys of the outputs, in their order."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All computed tensors in running order, quantized inputs first; what is computed of constants is none."""

    @property
    def name(self) -> str:
        """Of the graph, as the file states it."""

    @property
    def channels_first(self) -> bool:
        """Pictures have their channels before height and width."""

    def values(self, sample: Mapping[str, Array]) -> Mapping[Key, Array]:
        """Every tensor for one sample (first axis 1), by input name; state is fresh."""

    def apart(self, cut: Collection[Key]) -> Alone:
        """The operators run alone: wherever one reads a tensor of `cut`, it is given that tensor.

        Tensors that are not in `cut` go on from operator to operator, as in the file.
        """


def open_file(path: Path, runtime: str | None = None, plainly: bool = False) -> Opened:
    """Open a `.tflite` or `.onnx` file, or a C array of one, on a runtime; None takes the first that opens it.

    Args:
        plainly: with the reference kernels, whatever the runtime: LiteRT's of that name, and ONNX Runtime without the
            operators that it fuses.

    Raises:
        BadInput: no such file, one that cannot be looked into, or that the runtime does not run.
        MissingTool: the runtime is not here; or `onnx`, which writes the copy of an ONNX file that answers with all.
    """
    from compressor import runtimes

    if not path.is_file():
        raise BadInput(f"there is no file {path}", expected="the path of a .tflite or .onnx file")
    if path.suffix == ".onnx":
        from compressor.diagnosis.onnx_opened import OnnxOpened

        runtimes.for_file(path, runtime)
        return OnnxOpened(path, plainly)
    if path.suffix in (".tflite", ".cc"):
        from compressor.diagnosis.tflite_opened import TfliteOpened

        return TfliteOpened(path, _PLAIN if plainly else runtimes.for_file(path, runtime))
    raise BadInput(
        f"nothing is known of the tensors inside of {path.name}",
        expected="a .tflite or .onnx file, or a C array of a .tflite file",
        received=f"a file ending in '{path.suffix}'",
    )


def fed(opened: Opened, inputs: Mapping[str, Array], row: int) -> dict[str, Array]:
    """One of the samples, as the file takes it."""
    return {spec.name: inputs[spec.name][row : row + 1] for spec in opened.inputs}
