"""What rules for the shapes of ONNX operators look at, and give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from compressor.values import Array

Shape = tuple[int | None, ...] | None
Sizes = tuple[int | None, ...]


class Tensor(Protocol):
    """A tensor whose sizes may be known, and whose numbers are where it is a constant."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def value(self) -> Array | None: ...


Inputs = Sequence[Tensor]
Attributes = Mapping[str, Any]
Rule = Callable[[Inputs, Attributes], Shape]


def known(tensor: Tensor) -> Sizes:
    """The sizes of a tensor, of which some may be free.

    Raises:
        ValueError: not even their number is known.
    """
    if tensor.shape is None:
        raise ValueError("no shape")
    return tensor.shape


def integers(inputs: Inputs, place: int) -> list[int] | None:
    """The numbers of a constant input; None where it is left out, or computed."""
    value = inputs[place].value if place < len(inputs) else None
    return None if value is None else [int(each) for each in value.ravel().tolist()]


def is_computed(inputs: Inputs, place: int) -> bool:
    """Whether an input is there, and no constant; one that is left out has no name."""
    return place < len(inputs) and inputs[place].name != "" and inputs[place].value is None
