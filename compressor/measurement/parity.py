"""Parity: how far one set of outputs is from another, whatever made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compressor import metrics
from compressor.errors import BadInput, StageFailed
from compressor.values import Array, as_float

# Equal arrays have an infinite ratio, which JSON cannot carry; float32 itself ends near 150 dB.
SQNR_CEILING_DB = 200.0


@dataclass(frozen=True, slots=True)
class Parity:
    """Outputs against reference outputs, over all samples.

    Attributes:
        agreement: share of equal answers, 0 to 1, as the metric defines an answer; of the first output.
        max_abs_error: largest absolute difference of any value of any output.
        sqnr_db: signal-to-quantization-noise ratio, 10·log10(Σ reference² / Σ difference²); the lowest output's.
    """

    agreement: float
    max_abs_error: float
    sqnr_db: float


def compare(
    outputs: Mapping[str, Array],
    reference: Mapping[str, Array],
    metric: str,
    judged: str = "",
    trusted: bool = False,
) -> Parity:
    """Compare outputs joined by name, or by position where two files name them differently.

    Args:
        metric: says what an answer is; "" takes the one that the reference outputs look like.
        judged: name of the output whose answers are compared; the first when it is not there.
        trusted: the metric may be code that the user names.

    Raises:
        BadInput: different numbers of outputs or different shapes.
        StageFailed: an output is not a finite number.
    """
    pairs = [(outputs[name], reference[name]) for name in reference if name in outputs]
    if len(pairs) != len(reference) or len(outputs) != len(reference):
        pairs = list(zip(outputs.values(), reference.values(), strict=False))
    shapes = [value.shape for value in outputs.values()], [value.shape for value in reference.values()]
    if len(outputs) != len(reference) or any(ours.shape != theirs.shape for ours, theirs in pairs):
        raise BadInput("the outputs cannot be compared", expected=str(shapes[1]), received=str(shapes[0]))
    if not all(np.isfinite(as_float(value)).all() for pair in pairs for value in pair):
        raise StageFailed("the outputs cannot be compared: they hold NaN or infinity")
    answering = pairs[list(reference).index(judged)] if judged in reference else pairs[0]
    name = metric or metrics.choose(None, answering[1]).name
    answers = metrics.load(name, trusted).same(*answering)
    return Parity(
        agreement=float(answers.mean()),
        max_abs_error=max(_max_abs_error(*pair) for pair in pairs),
        sqnr_db=min(sqnr_db(*pair) for pair in pairs),
    )


def _max_abs_error(outputs: Array, reference: Array) -> float:
    return float(np.abs(as_float(outputs) - as_float(reference)).max(initial=0.0))


def sqnr_db(outputs: Array, reference: Array) -> float:
    """Signal-to-quantization-noise ratio in decibels, between -SQNR_CEILING_DB and SQNR_CEILING_DB."""
    noise = float(np.square(as_float(outputs) - as_float(reference)).sum())
    signal = float(np.square(as_float(reference)).sum())
    if noise == 0:
        return SQNR_CEILING_DB
    if signal == 0:
        return -SQNR_CEILING_DB
    ratio = 10 * float(np.log10(signal) - np.log10(noise))
    return float(np.clip(ratio, -SQNR_CEILING_DB, SQNR_CEILING_DB))
