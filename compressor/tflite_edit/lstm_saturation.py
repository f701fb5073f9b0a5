"""How much of a fused LSTM the limits of TFLite's integer kernel cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# lite/kernels/lstm_eval.cc: what inputs and what the last answer add to a gate are int16 with 12 fractional bits; the
# converter clips the cell.
GATE_LIMIT = 8.0
CELL_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class LstmWeights:
    """Kernels (units, inputs), recurrent kernels (units, units) and biases (units,) of the gates.

    Each is a tuple for the input gate, the forget gate, the cell and the output gate.
    """

    kernels: tuple[Values, ...]
    recurrent: tuple[Values, ...]
    biases: tuple[Values, ...]


def saturation(weights: LstmWeights, inputs: Values) -> float:
    """Root mean square of what the limits change in the answers, which lie within ±1.

    Args:
        inputs: sequences (N, T, inputs), each from a fresh state.
    """
    free = _answers(weights, inputs, np.inf, np.inf)
    cut = _answers(weights, inputs, GATE_LIMIT, CELL_LIMIT)
    return float(np.sqrt(np.mean(np.square(free - cut))))


def _answers(weights: LstmWeights, inputs: Values, gate_limit: float, cell_limit: float) -> Values:
    units = len(weights.biases[0])
    answer = cell = np.zeros((len(inputs), units))
    answers = []
    for step in range(inputs.shape[1]):
        gates = []
        for kernel, recurrent, bias in zip(weights.kernels, weights.recurrent, weights.biases, strict=True):
            ours = np.clip(inputs[:, step] @ kernel.T + bias, -gate_limit, gate_limit)
            gates.append(np.clip(ours + answer @ recurrent.T, -gate_limit, gate_limit))
        taken, kept, new, given = _sigmoid(gates[0]), _sigmoid(gates[1]), np.tanh(gates[2]), _sigmoid(gates[3])
        cell = np.clip(kept * cell + taken * new, -cell_limit, cell_limit)
        answer = given * np.tanh(cell)
        answers.append(answer)
    return np.stack(answers, 1)


def _sigmoid(values: Values) -> Values:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))
