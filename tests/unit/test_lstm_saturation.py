"""What the limits of TFLite's int8 LSTM change in its answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.tflite_edit.lstm_saturation import LstmWeights, saturation


def weights(kernel: tuple[float, ...], recurrent: tuple[float, ...], bias: tuple[float, ...]) -> LstmWeights:
    """One unit with one input; input gate, forget gate, cell, output gate."""
    return LstmWeights(
        tuple(np.array([[value]]) for value in kernel),
        tuple(np.array([[value]]) for value in recurrent),
        tuple(np.array([value]) for value in bias),
    )


OPEN = (20.0, 20.0, 0.0, 20.0)


@given(st.integers(0, 99), st.integers(1, 12))
def test_within_the_limits_nothing_is_cut_off(seed: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    # |x·w + b| ≤ 2 + 1 and |h·u| < 2; in 9 steps the cell stays below 10.
    small = weights(*(tuple(random.uniform(-limit, limit, 4)) for limit in (2, 2, 1)))
    assert saturation(small, random.uniform(-1, 1, (5, min(steps, 9), 1))) == 0


def test_a_cell_beyond_its_limit_counts_only_where_it_is_looked_at() -> None:
    counting = weights((0, 0, 20, 0), (0, 0, 0, 0), (7, 7, 0, 7))
    up, down = np.ones((1, 14, 1)), -np.ones((1, 14, 1))
    assert saturation(counting, up) < 1e-6  # tanh(10) is as good as tanh(14)
    back = np.concatenate([up, down], 1)
    assert saturation(counting, back) > 0.1  # from 10 it is back at zero four steps earlier than from 14


@pytest.mark.parametrize(("recurrent", "cut"), [(0.0, False), (-12.0, True)])
def test_a_sum_that_the_last_answer_would_have_balanced_is_cut_off(recurrent: float, cut: bool) -> None:
    # The output gate gets +20 from the input and recurrent·h from the last answer: alone it is open either way.
    balanced = weights((0, 0, 5, 20), (0, 0, 0, recurrent), (7, -7, 0, 0))
    found = saturation(balanced, np.ones((2, 6, 1)))
    assert (found > 1 / 256) == cut


def test_it_is_the_root_mean_square_over_samples_steps_and_units() -> None:
    counting = weights((0, 0, 20, 0), (0, 0, 0, 0), (7, 7, 0, 7))
    back = np.concatenate([np.ones((1, 14, 1)), -np.ones((1, 14, 1))], 1)
    zeros = np.zeros_like(back)
    alone, diluted = saturation(counting, back), saturation(counting, np.concatenate([back, zeros, zeros, zeros]))
    assert diluted == pytest.approx(alone / 2)
