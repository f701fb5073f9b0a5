"""How far answers may be apart that were to be the same: one number for each pair of stages, kernels or processors.

They were measured. The same kernels on aarch64 (Cortex-A53 to A76, Neoverse) and x86-64, 50 samples of a small network:
the reference kernels give the same integers everywhere, those of XNNPACK differ by a rounding now and then, floats by
the order of sums, 5e-7 at most. Other kernels on one machine, over whole evaluation sets: floats differ by 1.0e-6
(MLPerf Tiny's ResNet8), integers by a rounding for about every ten operators before the softmax. With int8 weights
alone, kernels round what they read each in their own way (2e-4 in a small network): those are not held against others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from compressor.roundings import Roundings
from compressor.values import Precision

REFERENCE = "litert_reference"
_NCNN, _NCNN_FLOAT16 = "ncnn", "ncnn_float16"

# Of the largest answer, or of 1 where all are smaller. With int8 weights alone, activations are rounded on the fly.
# NCNN's Winograd convolutions round more, and another way on each architecture; its float16 is the phone's own.
_OTHER_PROCESSOR = {Precision.FLOAT32: 1e-6, Precision.FLOAT16: 1e-6, Precision.DYNAMIC_INT8: 1e-4}
_NCNN_OTHER_PROCESSOR, _NCNN_FLOAT16_LIMIT = 1e-5, 1e-3
_OTHER_KERNELS = {Precision.FLOAT32: 1e-5, Precision.FLOAT16: 1e-5}
_CONVERSION = 1e-5
# A rounding grows from layer to layer: of more operators than this, the difference is stated and no matter.
SHALLOW = 20
_OPERATORS_PER_STEP = 10
# As far apart as this, decibels between two sets of answers, no rounding takes a deep network.
_FAULT_DB = {"lsb": 10.0, "value": 60.0}

Unit = Literal["lsb", "value"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest difference that is in order: integer steps (`lsb`), or that of any answer (`value`)."""

    limit: float
    unit: Unit


def of_conversion(reach: float, runtime: str = "") -> Tolerance:
    """Of a float32 file against the model that it was made of: what the bridge between Keras versions promises too.

    Args:
        reach: the size of the largest answer, at least 1.
        runtime: of the file.
    """
    return Tolerance((_NCNN_FLOAT16_LIMIT if runtime == _NCNN_FLOAT16 else _CONVERSION) * reach, "value")


def of_kernels(precision: Precision, runtime: str, roundings: Roundings, reach: float) -> Tolerance | None:
    """Of one file on one machine by other kernels; None where answers are float and what is between is integer."""
    if roundings.scales:
        steps = max(1, math.ceil(roundings.operators / _OPERATORS_PER_STEP))
        return Tolerance(math.ceil(steps * roundings.steepness), "lsb")
    limit = _OTHER_KERNELS.get(precision)
    if limit is not None and runtime == _NCNN_FLOAT16:
        limit = _NCNN_FLOAT16_LIMIT
    return None if limit is None else Tolerance(limit * reach, "value")


def of_processors(precision: Precision, runtime: str, roundings: Roundings, reach: float) -> Tolerance | None:
    """Of one file by the same kernels on another processor; None where a rounding moves float answers by any step."""
    if roundings.scales:
        return Tolerance(0 if runtime == REFERENCE else math.ceil(roundings.steepness), "lsb")
    limit = _OTHER_PROCESSOR.get(precision)
    if limit is not None and runtime.startswith(_NCNN):
        limit = _NCNN_OTHER_PROCESSOR if runtime == _NCNN else _NCNN_FLOAT16_LIMIT
    return None if limit is None else Tolerance(limit * reach, "value")


def within(difference: float, tolerance: Tolerance | None, operators: int, sqnr_db: float) -> bool | None:
    """Whether a difference is in order; None where there is no tolerance, or a rounding grew in a deep network.

    Args:
        difference: in the unit of the tolerance.
        sqnr_db: between the two sets of answers: what is no rounding is out of order in a deep network too.
    """
    if tolerance is None:
        return None
    if difference <= tolerance.limit:
        return True
    deep = operators > SHALLOW and tolerance.limit > 0
    return None if deep and sqnr_db >= _FAULT_DB[tolerance.unit] else False
