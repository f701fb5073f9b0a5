"""Which weights stay: the largest of each kernel, or of all kernels together.

Magnitudes of different layers do not compare: one that a normalization follows may have weights of any size. By LAMP
(Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", arXiv:2010.07611) a weight counts as its share
of the squares of all that are as large or larger in its kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from compressor.values import Array
from compressor.weight_pruning.patterns import Pattern
from compressor.weight_pruning.schedules import Schedule

Scope = Literal["layer", "global", "lamp"]

# Of each kernel so much stays whatever one threshold over all of them says: an empty layer answers nothing at all
# (Tanaka et al., arXiv:2006.05467, call it layer collapse).
LEAST_KEPT = 0.01
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Pruning:
    """How the kernels of one model are pruned.

    Attributes:
        finals: the sparsity that each kernel ends with.
        scope: "layer", each kernel by itself; "global", one threshold for all; "lamp", one of LAMP's scores. Of the
            latter two the first of `finals` is that of all together.
    """

    pattern: Pattern
    schedule: Schedule
    finals: tuple[float, ...]
    scope: Scope = "layer"

    def masks(self, kernels: Sequence[Array], step: int) -> list[Array]:
        """Which weights stay after so many optimizer steps: true where they do.

        The same weights and step have the same masks. Weights that are zero fall first, so that masks made anew of
        masked weights are the old ones.
        """
        scores = [self.pattern.scores(kernel) for kernel in kernels]
        if self.scope == "lamp":
            scores = [_adaptive(each) for each in scores]
        shares = [self.schedule.sparsity(step, final) for final in self.finals]
        kept = map(_of_one, scores, shares) if self.scope == "layer" else _of_all(scores, shares[0])
        return [self.pattern.mask(units, kernel.shape) for units, kernel in zip(kept, kernels, strict=True)]


def _of_one(scores: Array, sparsity: float) -> Array:
    return _largest(scores, min(_count(sparsity, scores.size), scores.size - 1))


def _of_all(scores: Sequence[Array], sparsity: float) -> list[Array]:
    guarded = [_guarded(each) for each in scores]
    whole = np.concatenate(guarded)
    kept = _largest(whole, min(_count(sparsity, whole.size), int(np.isfinite(whole).sum())))
    return np.split(kept, np.cumsum([each.size for each in scores])[:-1])


def _adaptive(scores: Array) -> Array:
    """LAMP's: what falls below a weight does not change them, so that masks made anew are the old ones."""
    order = np.argsort(scores, kind="stable")
    squares = np.square(scores[order], dtype=np.float64)
    above = np.cumsum(squares[::-1])[::-1]
    found = np.zeros(scores.size)
    found[order] = np.divide(squares, above, out=np.zeros_like(squares), where=above > 0)
    return found


def _guarded(scores: Array) -> Array:
    """The largest few of a kernel made to stay."""
    return np.where(_largest(scores, scores.size - max(1, ceil(LEAST_KEPT * scores.size))), np.inf, scores)


def _count(sparsity: float, units: int) -> int:
    """How many fall: never less than the share that is promised."""
    return ceil(sparsity * units - _ROUNDING)


def _largest(scores: Array, fallen: int) -> Array:
    """All but the `fallen` smallest; of equal ones the first fall."""
    if fallen < 1:
        return np.ones(scores.size, bool)
    threshold = np.partition(scores, fallen - 1)[fallen - 1]
    kept = np.asarray(scores > threshold)
    equal = np.flatnonzero(scores == threshold)
    kept[equal[fallen - (scores.size - int(kept.sum()) - equal.size) :]] = True
    return kept
