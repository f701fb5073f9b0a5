"""A model as the flow sees it once it is loaded: named inputs and outputs, answers, and a file that formats read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, Split, TensorSpec


class Network(Protocol):
    """What every loaded model can do, whichever framework made it.

    The first dimension of inputs and outputs is the batch (None); other free dimensions are None too.
    """

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs, by names fit for every file format."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs, by names fit for every file format."""

    @property
    def parameters(self) -> int:
        """Number of weights, constants of the graph included where it has no weights of its own."""

    def weights(self) -> Iterator[tuple[str, Array]]:
        """Every weight, by name."""

    def answers(self, samples: Split) -> dict[str, Array]:
        """Outputs by name for a block of samples."""

    def leave(self, shapes: Mapping[str, tuple[int, ...]], destination: Path) -> None:
        """Write the model for formats to read, for samples of these shapes (by input name, without the batch)."""


def check_weights(network: Network, told: str) -> None:
    """Raise when a weight is NaN or infinite.

    Raises:
        BadInput: names the first such weight of the model `told`.
    """
    for name, values in network.weights():
        broken = int(values.size - np.isfinite(values).sum()) if values.dtype.kind == "f" else 0
        if broken:
            raise BadInput(
                f"{told}: weight '{name}' holds {broken} values that are NaN or infinite",
                expected="finite weights",
                fix="train again, or load an earlier checkpoint",
            )


def sized(specs: tuple[TensorSpec, ...], shapes: Mapping[str, tuple[int, ...]]) -> tuple[TensorSpec, ...]:
    """Input specs whose free dimensions, the batch apart, take the samples' size."""
    return tuple(TensorSpec(spec.name, (None, *shapes[spec.name]), spec.dtype) for spec in specs)
