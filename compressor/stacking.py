"""Answers of single samples, one row each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array


def stacked(name: str, answers: Sequence[Array]) -> Array:
    """One output's answers to single samples under one another; a file may leave out the first axis, of size 1.

    Raises:
        BadInput: answers of several shapes.
    """
    try:
        return np.concatenate([each if each.ndim and each.shape[0] == 1 else each[None] for each in answers])
    except ValueError:
        shapes = sorted({str(each.shape) for each in answers})
        raise BadInput(
            f"'{name}' has another shape for some samples than for others", expected=shapes[0], received=shapes[-1]
        ) from None
