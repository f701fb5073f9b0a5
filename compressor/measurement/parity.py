"""Parity: how far one set of outputs is from another, whatever made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compressor import metrics
from compressor.errors import BadInput, StageFailed
from compressor.measurement.sums import Sums, sums
from compressor.values import Array

# Equal arrays have an infinite ratio, which JSON cannot carry; float32 itself ends near 150 dB.
SQNR_CEILING_DB = 200.0


@dataclass(frozen=True, slots=True)
class Differences:
    """Outputs against reference outputs, over all samples; `sums` are of every output, by its name in the reference."""

    sums: Mapping[str, Sums]

    @property
    def values(self) -> int:
        """How many numbers all outputs have."""
        return sum(each.values for each in self.sums.values())

    @property
    def differing(self) -> int:
        """How many of them are not equal."""
        return sum(each.differing for each in self.sums.values())

    @property
    def max_abs_error(self) -> float:
        """Largest absolute difference of any value of any output."""
        return max(each.largest for each in self.sums.values())

    @property
    def mean_abs_error(self) -> float:
        """Mean absolute difference; the largest output's."""
        return max(each.absolute / max(each.values, 1) for each in self.sums.values())

    @property
    def sqnr_db(self) -> float:
        """Signal-to-quantization-noise ratio, 10·log10(Σ reference² / Σ difference²); the lowest output's."""
        return min(map(_sqnr_db, self.sums.values()))

    @property
    def cosine(self) -> float:
        """Σ output · reference / √(Σ output² · Σ reference²), -1 to 1; the lowest output's."""
        return min(map(_cosine, self.sums.values()))

    @property
    def reach(self) -> float:
        """The size of the largest reference value, at least 1: what tolerances of floats are a share of."""
        return max((1.0, *(each.reach for each in self.sums.values())))

    def max_lsb(self, scales: Mapping[str, float]) -> int | None:
        """The largest difference in integer steps of its output; None where an output has no steps.

        Args:
            scales: by output, the real number that one step stands for.
        """
        if not scales or not all(scales.get(name) for name in self.sums):
            return None
        return max(round(each.largest / scales[name]) for name, each in self.sums.items())


@dataclass(frozen=True, slots=True)
class Parity(Differences):
    """Differences, and the share of equal answers, 0 to 1, as the metric defines an answer; of the judged output."""

    agreement: float


def differences(outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> Differences:
    """How far outputs are from others, joined by name, or by position where two files name them differently.

    Raises:
        BadInput: different numbers of outputs or different shapes.
        StageFailed: an output is not a finite number.
    """
    return Differences(_sums(_paired(outputs, reference)))


def compare(
    outputs: Mapping[str, Array],
    reference: Mapping[str, Array],
    metric: str,
    judged: str = "",
    trusted: bool = False,
) -> Parity:
    """Differences and agreement of outputs, joined as `differences` does.

    Args:
        metric: says what an answer is; "" takes the one that the reference outputs look like.
        judged: name of the output whose answers are compared; the first when it is not there.
        trusted: the metric may be code that the user names.

    Raises:
        BadInput: different numbers of outputs or different shapes.
        StageFailed: an output is not a finite number.
    """
    pairs = _paired(outputs, reference)
    found = _sums(pairs)
    answering = pairs[judged] if judged in pairs else next(iter(pairs.values()))
    name = metric or metrics.choose(None, answering[1]).name
    answers = metrics.load(name, trusted).same(*answering)
    return Parity(found, float(answers.mean()))


def _sums(pairs: Mapping[str, tuple[Array, Array]]) -> dict[str, Sums]:
    found = {name: sums(*pair) for name, pair in pairs.items()}
    if not all(each.finite for each in found.values()):
        raise StageFailed("the outputs cannot be compared: they hold NaN or infinity")
    return found


def _paired(outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    ours = [outputs[name] for name in reference if name in outputs]
    if len(ours) != len(reference) or len(outputs) != len(reference):
        ours = list(outputs.values())
    shapes = [value.shape for value in outputs.values()], [value.shape for value in reference.values()]
    same = all(one.shape == other.shape for one, other in zip(ours, reference.values(), strict=False))
    if len(outputs) != len(reference) or not same:
        raise BadInput("the outputs cannot be compared", expected=str(shapes[1]), received=str(shapes[0]))
    return dict(zip(reference, zip(ours, reference.values(), strict=True), strict=True))


def sqnr_db(outputs: Array, reference: Array) -> float:
    """Signal-to-quantization-noise ratio in decibels, between -SQNR_CEILING_DB and SQNR_CEILING_DB."""
    return _sqnr_db(sums(outputs, reference))


def _sqnr_db(found: Sums) -> float:
    if found.squared == 0:
        return SQNR_CEILING_DB
    if found.reference == 0:
        return -SQNR_CEILING_DB
    ratio = 10 * float(np.log10(found.reference) - np.log10(found.squared))
    return float(np.clip(ratio, -SQNR_CEILING_DB, SQNR_CEILING_DB))


def _cosine(found: Sums) -> float:
    """Of outputs that are all zero, 1 where the reference is so too, else 0."""
    if found.squared == 0:
        return 1.0
    if found.outputs == 0 or found.reference == 0:
        return 0.0
    return float(np.clip(found.product / (np.sqrt(found.outputs) * np.sqrt(found.reference)), -1.0, 1.0))
