"""Metrics: one way to judge outputs per file, found by file name.

A metric file defines `METRIC`, a `Metric`. The first in `order` that suits labels and outputs is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from compressor import registry
from compressor.values import Array


@dataclass(frozen=True, slots=True)
class Metric:
    """How outputs are judged.

    Attributes:
        order: the lower, the earlier it is tried.
        relative: the drop is a percentage of the reference value, else it is in percentage points.
        higher_is_better: direction of `value`.
        suits: (labels or None, outputs) → whether this metric fits them.
        value: (labels, outputs) → one number.
        same: (outputs, reference outputs) → per answer, whether both say the same.
    """

    summary: str
    order: int
    relative: bool
    higher_is_better: bool
    suits: Callable[[Array | None, Array], bool]
    value: Callable[[Array, Array], float]
    same: Callable[[Array, Array], NDArray[np.bool_]]

    def drop(self, value: float, reference: float) -> float:
        """What was lost against the reference, positive is worse: points, or percent when `relative`."""
        lost = reference - value if self.higher_is_better else value - reference
        if not self.relative:
            return 100.0 * lost
        return 100.0 * lost / abs(reference) if reference else (0.0 if lost == 0 else float(np.sign(lost)) * 100.0)


def names() -> tuple[str, ...]:
    """Names of all metrics, in the order they are tried."""
    return tuple(sorted(registry.names(__name__), key=lambda name: load(name).order))


def load(name: str) -> Metric:
    """The metric of that name."""
    return cast(Metric, registry.load(__name__, name, "METRIC", "metric"))


def choose(labels: Array | None, outputs: Array) -> str:
    """Name of the metric that suits labels and outputs (first axis = samples)."""
    return next(name for name in names() if load(name).suits(labels, outputs))
