"""A kernel as the product of two: singular value decomposition of the matrix that it is.

Eckart and Young (Psychometrika 1, 1936): no other two of that rank come closer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from compressor.values import Array

Form = Literal["channels", "spatial"]


@dataclass(frozen=True, slots=True)
class Factors:
    """What a kernel is made of, strongest first.

    Attributes:
        form: `channels`: few channels are computed by the kernel, all of them from these by a kernel of 1 (Denton et
            al., arXiv:1404.0736); `spatial`: a kernel of one column, then one of one row (Jaderberg, Vedaldi,
            Zisserman, arXiv:1405.3866).
        shape: of the kernel.
        strengths: singular values.
    """

    form: Form
    shape: tuple[int, ...]
    left: Array
    strengths: Array
    right: Array

    def kernels(self, rank: int) -> tuple[Array, Array]:
        """Two kernels of that rank whose product is nearest to the kernel; of the same size, so that both train."""
        roots = np.sqrt(self.strengths[:rank])
        first, second = self.left[:, :rank] * roots, roots[:, None] * self.right[:rank]
        if self.form == "channels":
            between = (1,) * (len(self.shape) - 2)
            first, second = first.reshape(*self.shape[:-1], rank), second.reshape(*between, rank, self.shape[-1])
        else:
            rows, columns, read, made = self.shape
            first = first.reshape(rows, 1, read, rank)
            second = second.reshape(rank, columns, made).transpose(1, 0, 2)[None]
        return first.astype(np.float32), second.astype(np.float32)


def factors(kernel: Array, form: Form) -> Factors:
    """Take a kernel apart: of Dense or a convolution, channels last; `spatial` for kernels of rows and columns."""
    if form == "spatial":
        rows, columns, read, made = kernel.shape
        matrix = kernel.transpose(0, 2, 1, 3).reshape(rows * read, columns * made)
    else:
        matrix = kernel.reshape(-1, kernel.shape[-1])
    left, strengths, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return Factors(form, kernel.shape, left, strengths, right)
