"""The three sets of a source that is not split yet, as row numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.data.split import evaluation_rows
from compressor.values import Array

Rows = NDArray[np.intp]
_SEED = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """Row numbers of each set, and what was decided, in a sentence; `train` is None when nobody trains."""

    calibration: Rows
    evaluation: Rows
    train: Rows | None = None
    note: str = ""


def divided(
    count: int,
    hashes: Callable[[], Sequence[bytes]],
    labels: Array | None,
    share: float,
    *,
    trains: bool,
    only_evaluation: bool,
    calibrate_on: int,
) -> Parts:
    """The rows of each set: `share` of every class to evaluate on, chosen by content, and the rest to train on.

    Args:
        hashes: of the content of each row; called only when rows have to be told apart.
        labels: class numbers are kept in proportion; values (floats) are not looked at.
        calibrate_on: calibration rows at most, spread over the training rows.

    Raises:
        BadInput: fewer than two different samples.
    """
    everything = np.arange(count)
    if only_evaluation:
        return Parts(everything[:1], everything, note=f"all {count} samples evaluate")
    classes = labels if labels is not None and labels.dtype.kind in "iu" else None
    chosen = evaluation_rows(hashes(), classes, share)
    rest = everything[~chosen]
    calibration = spread(rest, calibrate_on)
    told = (
        f"{count - len(rest)} of {count} samples evaluate, {len(calibration)} of the other {len(rest)} calibrate"
        + (", all of them train" if trains else "")
        + ": split by content hash"
    )
    return Parts(calibration, everything[chosen], shuffled(rest) if trains else None, told)


def spread(rows: Rows, most: int) -> Rows:
    """At most that many of the rows, evenly over all of them: files are often sorted by class."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.intp))]


def shuffled(rows: NDArray[Any]) -> NDArray[Any]:
    """The same rows in an order that depends on their number alone: what is sorted by class trains badly."""
    return rows[np.random.default_rng(_SEED).permutation(len(rows))]
