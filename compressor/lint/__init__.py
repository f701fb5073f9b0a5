"""Linters: what a target would refuse in an artifact, said without the target's own tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from compressor.errors import BadInput

Severity = Literal["error", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken in one place; the message says what is wrong, what was expected and what to do."""

    rule: str
    severity: Severity
    where: str
    message: str


@contextmanager
def of_a_file() -> Iterator[None]:
    """Rules look at a file that anyone may have made: what they trip over is bad input.

    Raises:
        BadInput: an attribute or a constant is not what ONNX says it is.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise BadInput("the ONNX file holds attributes or constants that cannot be", received=told) from None
