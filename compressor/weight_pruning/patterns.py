"""Which weights of a kernel fall together: single ones, two of each four, or blocks of four.

Kernels are as Keras keeps them, the last axis the outputs and the one before the inputs that are summed over.

* "2:4": of each four neighbours along the inputs two are zero, for each output and place of the kernel. So TensorRT
  takes it (`compressor.lint.tensorrt.sparsity`), and so Mishra et al. prune it (arXiv:2104.08378).
* "1x4": one output, four inputs. The block of TFLite's own sparse FULLY_CONNECTED
  (`SparseMatrixBatchVectorMultiplyAccumulate1x4` in tensorflow/lite/kernels/internal), whose rows are outputs.
* "4x1": four outputs, one input. The block of XNNPACK's sparse 1x1 convolutions, which looks at four neighbouring
  output channels for each input channel (google/XNNPACK, src/operators/convolution-nchw.c).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from compressor.values import Array

Structure = Literal["none", "2:4", "1x4", "4x1"]

GROUP, KEPT = 4, 2
INPUTS, OUTPUTS = -2, -1


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way for weights to fall together; what falls at once is a unit.

    Attributes:
        grouped_along: the axis that four neighbours stand along, None for weights that fall one by one.
        blocks: all four are one unit; else each weight is, and half of the group stays.
    """

    grouped_along: int | None = None
    blocks: bool = False

    def scores(self, kernel: Array) -> Array:
        """What is lost with each unit, as a flat array: its norm, infinite for what never falls."""
        sizes = np.abs(kernel)
        if self.grouped_along is None:
            return sizes.ravel()
        groups = _groups(sizes, self.grouped_along)
        if self.blocks:
            return np.asarray(np.sqrt(np.square(groups).sum(-1)).ravel())
        # A stable order: which of two equal weights stays is the same every time.
        ranks = np.argsort(np.argsort(groups, axis=-1, kind="stable"), axis=-1, kind="stable")
        return np.where(ranks < GROUP - KEPT, groups, np.inf).ravel()

    def mask(self, kept: Array, shape: tuple[int, ...]) -> Array:
        """Which weights of a kernel of that shape stay, by which of its units do."""
        if self.grouped_along is None:
            return kept.reshape(shape)
        whole = np.repeat(kept, GROUP) if self.blocks else kept
        moved = [*shape]
        moved.append(moved.pop(self.grouped_along))
        return np.moveaxis(whole.reshape(moved), -1, self.grouped_along)


PATTERNS: dict[Structure, Pattern] = {
    "none": Pattern(),
    "2:4": Pattern(INPUTS),
    "1x4": Pattern(INPUTS, blocks=True),
    "4x1": Pattern(OUTPUTS, blocks=True),
}


def _groups(values: Array, axis: int) -> Array:
    return np.moveaxis(values, axis, -1).reshape(-1, GROUP)
