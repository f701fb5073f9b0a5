"""Masks of kernels: how many weights fall, which, and in what pattern."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compressor.weight_pruning.choice import matches
from compressor.weight_pruning.masks import LEAST_KEPT, Pruning
from compressor.weight_pruning.patterns import PATTERNS, Structure
from compressor.weight_pruning.schedules import Schedule

ENDED = Schedule("constant", 0.0, 1, 3.0, 1)
BLOCKS: dict[Structure, tuple[int, int]] = {"1x4": (4, 1), "4x1": (1, 4)}

SHARES = st.floats(0.01, 0.99)
# Few different values: equal ones are where counts go wrong.
KERNELS = arrays.arrays(
    np.float32,
    st.tuples(st.sampled_from([1, 3]), st.sampled_from([4, 8, 12]), st.sampled_from([4, 8])),
    elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0]),
)


def mask_of(kernel: np.ndarray, sparsity: float, structure: Structure = "none") -> np.ndarray:
    (mask,) = Pruning(PATTERNS[structure], ENDED, (sparsity,)).masks([kernel], 1)
    assert mask.shape == kernel.shape
    assert mask.dtype == bool
    return mask


@given(KERNELS, SHARES)
def test_as_many_weights_fall_as_promised_and_none_is_larger_than_one_that_stays(kernel, sparsity):
    mask = mask_of(kernel, sparsity)
    assert np.count_nonzero(~mask) == min(ceil(sparsity * kernel.size - 1e-9), kernel.size - 1)
    assert np.abs(kernel[~mask]).max(initial=0) <= np.abs(kernel[mask]).min()


@given(KERNELS, SHARES, st.sampled_from(["none", "1x4", "4x1"]))
def test_masks_made_anew_of_masked_weights_are_the_old_ones(kernel, sparsity, structure):
    kernel = np.where(kernel == 0, np.float32(0.125), kernel)
    mask = mask_of(kernel, sparsity, structure)
    np.testing.assert_array_equal(mask_of(kernel * mask, sparsity, structure), mask)


@given(KERNELS)
def test_two_of_each_four_inputs_fall_the_smaller_ones(kernel):
    mask = mask_of(kernel, 0.5, "2:4")
    places, inputs, outputs = kernel.shape
    for place in range(places):
        for output in range(outputs):
            for first in range(0, inputs, 4):
                kept = mask[place, first : first + 4, output]
                sizes = np.abs(kernel[place, first : first + 4, output])
                assert kept.sum() == 2
                assert sizes[~kept].max() <= sizes[kept].min()


@given(KERNELS, st.floats(0.01, 0.49))
def test_on_the_way_to_two_of_four_no_group_loses_more_than_two(kernel, sparsity):
    mask = mask_of(kernel, sparsity, "2:4")
    fallen = (~mask).reshape(kernel.shape[0], -1, 4, kernel.shape[2]).sum(2)
    assert fallen.max() <= 2
    assert fallen.sum() == ceil(sparsity * kernel.size - 1e-9)


@given(KERNELS, SHARES, st.sampled_from(["1x4", "4x1"]))
def test_blocks_fall_whole_the_weakest_first(kernel, sparsity, structure):
    mask = mask_of(kernel, sparsity, structure)
    along_inputs, along_outputs = BLOCKS[structure]
    places, inputs, outputs = kernel.shape
    shape = (places, inputs // along_inputs, along_inputs, outputs // along_outputs, along_outputs)
    kept = mask.reshape(shape).mean((2, 4))
    assert set(np.unique(kept)) <= {0.0, 1.0}
    blocks = kept.size
    assert (kept == 0).sum() == min(ceil(sparsity * blocks - 1e-9), blocks - 1)
    norms = np.square(kernel.astype(np.float64)).reshape(shape).sum((2, 4))
    assert norms[kept == 0].max(initial=0) <= norms[kept == 1].min() + 1e-6


def test_a_block_of_one_output_stands_along_the_inputs():
    kernel = np.ones((8, 4), np.float32)
    kernel[4:, 2] = 0.1
    np.testing.assert_array_equal(np.argwhere(~mask_of(kernel, 0.1, "1x4")), [[4, 2], [5, 2], [6, 2], [7, 2]])


def test_a_block_of_four_outputs_stands_along_the_outputs():
    kernel = np.ones((4, 8), np.float32)
    kernel[2, 4:] = 0.1
    np.testing.assert_array_equal(np.argwhere(~mask_of(kernel, 0.1, "4x1")), [[2, 4], [2, 5], [2, 6], [2, 7]])


@given(st.lists(KERNELS, min_size=2, max_size=4), SHARES, st.sampled_from(["none", "1x4"]))
def test_one_threshold_over_all_kernels_leaves_something_of_each(kernels, sparsity, structure):
    # One kernel is so small that a plain threshold would empty it.
    kernels = [kernels[0] * np.float32(1e-6), *kernels[1:]]
    finals = (sparsity,) * len(kernels)
    masks = Pruning(PATTERNS[structure], ENDED, finals, scope="global").masks(kernels, 1)
    units = [mask.size // (1 if structure == "none" else 4) for mask in masks]
    guarded = sum(max(1, ceil(LEAST_KEPT * count)) for count in units)
    fallen = sum(np.count_nonzero(~mask) for mask in masks) // (1 if structure == "none" else 4)
    assert fallen == min(ceil(sparsity * sum(units) - 1e-9), sum(units) - guarded)
    assert all(mask.any() for mask in masks)


def test_one_threshold_takes_more_from_the_smaller_kernel():
    random = np.random.default_rng(0)
    small, large = random.normal(size=(40, 40)), 3 * random.normal(size=(40, 40))
    masks = Pruning(PATTERNS["none"], ENDED, (0.5, 0.5), scope="global").masks([small, large], 1)
    together = np.abs(np.concatenate([small[masks[0]], large[masks[1]]])).min()
    assert np.abs(np.concatenate([small[~masks[0]], large[~masks[1]]])).max() <= together
    assert masks[0].mean() < 0.35 < 0.65 < masks[1].mean()


@given(st.lists(KERNELS, min_size=2, max_size=4), SHARES, st.integers(-6, 6))
def test_adaptive_masks_heed_no_scale_of_a_kernel_and_are_the_same_made_anew(kernels, sparsity, power):
    pruning = Pruning(PATTERNS["none"], ENDED, (sparsity,) * len(kernels), scope="lamp")
    masks = pruning.masks(kernels, 1)
    scaled = pruning.masks([kernels[0] * np.float32(4.0**power), *kernels[1:]], 1)
    again = pruning.masks([kernel * mask for kernel, mask in zip(kernels, masks, strict=True)], 1)
    for first, *others in zip(masks, scaled, again, strict=True):
        assert all(np.array_equal(first, other) for other in others)


def test_adaptive_scores_are_shares_of_the_squares_that_are_as_large_or_larger():
    """Kernels of (3, 2, 1) and (4, 1): scores 9/9, 4/13, 1/14 and 16/16, 1/17."""
    kernels = [np.array([[3.0, -2.0, 1.0]]), np.array([[1.0, 4.0]])]
    fallen = []
    for count in range(1, 4):
        pruning = Pruning(PATTERNS["none"], ENDED, (count / 5,) * 2, scope="lamp")
        fallen.append([(~mask).sum() for mask in pruning.masks(kernels, 1)])
    assert fallen == [[0, 1], [1, 1], [2, 1]]


def test_each_kernel_has_its_own_share():
    kernel = np.random.default_rng(0).normal(size=(10, 10))
    masks = Pruning(PATTERNS["none"], ENDED, (0.2, 0.7)).masks([kernel, kernel], 1)
    assert [np.count_nonzero(~mask) for mask in masks] == [20, 70]


@given(st.integers(1, 500), st.integers(1, 50), st.floats(0.1, 5), st.floats(0, 0.5), st.floats(0.5, 0.95))
def test_sparsity_rises_to_the_end_of_the_ramp_and_stays(ends, frequency, power, initial, final):
    schedule = Schedule("polynomial", initial, ends, power, frequency)
    values = [schedule.sparsity(step, final) for step in range(ends + 10)]
    assert values[0] == pytest.approx(initial)
    assert all(before <= after + 1e-12 for before, after in pairwise(values))
    assert values[ends:] == [final] * 10


@given(st.integers(1, 200), st.integers(1, 50), st.integers(0, 400))
def test_the_last_renewal_is_one_that_training_without_a_stop_made(ends, frequency, step):
    schedule = Schedule("polynomial", 0.0, ends, 3.0, frequency)
    renewals = [each for each in range(step + 1) if schedule.renews(each)]
    assert schedule.last_renewal(step) == renewals[-1]
    assert schedule.renews(ends)


def test_a_polynomial_of_power_one_is_half_way_in_the_middle():
    assert Schedule("polynomial", 0.2, 100, 1.0, 10).sparsity(50, 0.8) == pytest.approx(0.5)


def test_a_constant_schedule_is_there_from_the_start():
    assert Schedule("constant", 0.0, 100, 3.0, 10).sparsity(0, 0.8) == 0.8


@pytest.mark.parametrize(
    ("path", "pattern", "meant"),
    [
        ("conv_1", "conv_*", True),
        ("conv_1", "dense", False),
        ("backbone/conv_1", "backbone", True),
        ("backbone/conv_1", "conv_*", True),
        ("backbone/conv_1", "backbone/conv_?", True),
        ("backbone/conv_1", "back", False),
        ("a/b/conv", "a/b", True),
        ("a/b/conv", "b", False),
        ("conv", "*", True),
    ],
)
def test_a_pattern_is_meant_for_a_name_a_path_or_a_model_around(path, pattern, meant):
    assert matches(path, pattern) is meant
