"""The user's own function (labels, outputs) → one number, guarded against everything it may do wrong."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor import trusted_code
from compressor.errors import BadInput
from compressor.values import Array

_UNITS = ("points", "percent", "dB")


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A function and what its attributes `unit` and `higher_is_better` say ("percent" and True unless set)."""

    address: str
    function: Any
    unit: Any
    higher_is_better: bool

    def value(self, labels: Array, outputs: Array) -> float:
        """What the function answers.

        Raises:
            BadInput: it fails, or answers something else than one finite number.
        """
        try:
            # It gets arrays of its own, and standard output stays free for the result.
            with contextlib.redirect_stdout(sys.stderr):
                found = np.asarray(self.function(labels.copy(), outputs.copy()))
        except (Exception, SystemExit) as error:
            raise BadInput(
                f"the metric {self.address} failed: {type(error).__name__}: {_line(error)}",
                expected=f"one number for labels of shape {labels.shape} and outputs of shape {outputs.shape}",
            ) from None
        if found.ndim or found.dtype.kind not in "fiu" or not np.isfinite(found):
            raise BadInput(
                f"the metric {self.address} answers no number",
                expected="one finite number",
                received=_line(found.tolist()),
            )
        return float(found)


def load(address: str, trusted: bool) -> CustomMetric:
    """The function at `package.module:function`.

    Raises:
        BadInput: as `trusted_code.load`; also when it is no function, or an attribute is wrong.
    """
    with contextlib.redirect_stdout(sys.stderr):
        function = trusted_code.load(address, trusted)
    if not callable(function):
        raise BadInput(
            f"{address} is no function", expected="function(labels, outputs) -> float", received=_line(function)
        )
    unit, higher = getattr(function, "unit", "percent"), getattr(function, "higher_is_better", True)
    if unit not in _UNITS:
        raise BadInput(f"{address}.unit is wrong", expected=" or ".join(_UNITS), received=_line(unit))
    if not isinstance(higher, bool):
        raise BadInput(f"{address}.higher_is_better is wrong", expected="True or False", received=_line(higher))
    return CustomMetric(address, function, unit, higher)


def _line(value: object) -> str:
    """The value on one line that is not too long."""
    return " ".join(str(value).split())[:200]
