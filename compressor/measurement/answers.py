"""Outputs and labels of all samples, filled block by block: in memory while small, else in a file without a name."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

import numpy as np

from compressor.errors import BadInput, StageFailed
from compressor.values import Array

_IN_MEMORY = 64 << 20


class Answers:
    """Arrays of `count` rows by name, one row per sample."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._filled = 0
        self._arrays: dict[str, Array] = {}
        self._broken: dict[str, int] = {}

    def add(self, block: Mapping[str, Array]) -> None:
        """The outputs of the next samples.

        Raises:
            BadInput: outputs of another shape than the first samples have.
        """
        rows = 0
        for name, values in block.items():
            rows = len(values)
            if name not in self._arrays:
                self._arrays[name] = _space((self._count, *values.shape[1:]), values.dtype)
            place = self._arrays[name][self._filled : self._filled + rows]
            if place.shape != values.shape:
                raise BadInput(
                    f"'{name}' has another shape for some samples than for others",
                    expected=str(place.shape[1:]),
                    received=str(values.shape[1:]),
                )
            place[...] = values
            if values.dtype.kind == "f":
                broken = ~np.isfinite(values.reshape(rows, -1)).all(axis=1)
                self._broken[name] = self._broken.get(name, 0) + int(broken.sum())
        self._filled += rows

    def arrays(self) -> dict[str, Array]:
        """All outputs.

        Raises:
            BadInput: there were fewer samples than were promised.
        """
        if self._filled != self._count:
            raise BadInput(
                "the evaluation set changed while it was read", received=f"{self._filled} of {self._count} samples"
            )
        return self._arrays

    def check_finite(self) -> None:
        """See that all outputs are numbers.

        Raises:
            StageFailed: an answer is not a finite number.
        """
        for name, broken in self._broken.items():
            if broken:
                raise StageFailed(
                    f"the artifact answers NaN or infinity in '{name}' for {broken} of {self._count} samples",
                    fix="a float16 file may be out of its range (65 504): try int8 or float32",
                )


def _space(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    if dtype.itemsize * int(np.prod(shape)) <= _IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)
