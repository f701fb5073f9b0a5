"""The error that an operator's number formats explain.

Rounding to a step is noise of mean square step²/12 (Bennett 1948, Widrow 1956), independent of the value. An operator
that sums up K products passes on K·mean(w²)·noise of its input and K·mean(x²)·noise of its weights, and rounds its own
answer; one without weights passes the noise of its inputs on as it is, if its slope is at most about 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from compressor.diagnosis.opened import Key, Node
from compressor.diagnosis.sums import Sums

# What their answers do with noise hangs on all of their inputs: no rule of thumb holds.
_UNKNOWN = (
    *("MUL", "DIV", "POW", "EXP", "RSQRT", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "BATCH_MATMUL", "WHILE"),
    *("UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "LOG", "SUM", "L2_NORMALIZATION"),
    *("Mul", "Div", "Pow", "Exp", "Sqrt", "Reciprocal", "LSTM", "GRU", "RNN", "Log", "ReduceSum", "Einsum"),
    *("LayerNormalization", "InstanceNormalization", "CumSum", "CUMSUM", "GELU", "Gelu", "ARG_MAX", "ArgMax"),
)
_HALF = 2.0**-11
_FLOAT = 1e-5


def expected(node: Node, sums: Mapping[Key, Sums]) -> float | None:
    """The root mean square of the error that is in order; None where no rule tells."""
    if node.op in _UNKNOWN:
        return None
    weights = [each for each in node.constants if each.stored.ndim > 1 and each.stored.dtype.kind in "fi"]
    inputs = [sums[key] for key in node.inputs if key in sums]
    if not weights and len(inputs) < len(node.inputs):
        return None
    noise = _own(node, sums[node.key])
    if not weights:
        return math.sqrt(noise + sum(_step_noise(each) for each in inputs))
    if len(weights) > 1 or len(inputs) != 1:
        return None
    (kernel,), (given,) = weights, inputs
    power = given.whole.signal / max(given.whole.count, 1)
    read = _step_noise(given)
    if given.range is None and kernel.bits == 8:
        # Hybrid kernels round what they read to int8, by the largest magnitude of each sample.
        read = (given.peak / 127) ** 2 / 12
    spread = float(np.mean(np.square(kernel.values)))
    return math.sqrt(noise + kernel.taps * (spread * read + power * kernel.noise))


def _own(node: Node, own: Sums) -> float:
    power = own.whole.signal / max(own.whole.count, 1)
    half = node.bits == 16 and node.grid is None
    return _step_noise(own) + power * ((4 * _HALF) ** 2 if half else _FLOAT**2)


def _step_noise(sums: Sums) -> float:
    return 0.0 if sums.range is None else sums.range.grid.scale**2 / 12
