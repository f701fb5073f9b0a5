"""Kernels as products: exact at full rank, nearest below it, and ranks by energy or budget."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compressor.low_rank import amounts
from compressor.low_rank.amounts import Split, Whole
from compressor.low_rank.factors import Factors, factors

VALUES = st.floats(-2, 2, width=16)
DENSE = arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=VALUES)
KERNELS = arrays.arrays(np.float32, arrays.array_shapes(min_dims=4, max_dims=4, max_side=4), elements=VALUES)


def product(first, second, form):
    """The kernel that two layers after one another are."""
    if form == "spatial":
        return np.einsum("hir,wro->hwio", first[:, 0], second[0])
    return first @ second.reshape(second.shape[-2:])


@given(DENSE | KERNELS, st.sampled_from(["channels", "spatial"]))
def test_at_full_rank_the_product_is_the_kernel(kernel, form):
    form = form if kernel.ndim == 4 else "channels"
    found = factors(kernel, form)
    first, second = found.kernels(len(found.strengths))
    assert first.shape[-1] == second.shape[-2] == len(found.strengths)
    assert first.dtype == second.dtype == np.float32
    np.testing.assert_allclose(product(first, second, form), kernel, atol=1e-5)


@given(DENSE | KERNELS, st.sampled_from(["channels", "spatial"]), st.data())
def test_what_is_lost_is_the_energy_of_what_is_left_out(kernel, form, data):
    form = form if kernel.ndim == 4 else "channels"
    found = factors(kernel, form)
    rank = data.draw(st.integers(1, len(found.strengths)))
    error = np.square(product(*found.kernels(rank), form) - kernel).sum()
    assert error == pytest.approx(np.square(found.strengths[rank:]).sum(), abs=1e-3)


def whole(strengths, macs, parameters, each=((10, 1),)):
    splits = [
        Split(Factors("channels", (1, 1), np.zeros(0), np.array(strengths, float), np.zeros(0)), *costs)
        for costs in each
    ]
    return Whole(macs, parameters, tuple(splits))


STRENGTHS = st.lists(st.floats(0.01, 10), min_size=2, max_size=6).map(lambda found: sorted(found, reverse=True))


@given(STRENGTHS, st.floats(0.05, 0.99), st.integers(1, 4))
def test_the_rank_by_energy_is_the_least_that_keeps_it(strengths, energy, multiple):
    cut = amounts.by_energy(whole(strengths, 1000, 100), energy, multiple)
    squares = np.square(strengths)
    assert squares[: cut.rank].sum() >= energy * squares.sum() * (1 - 1e-6)
    assert cut.rank == len(strengths) or cut.rank % multiple == 0
    less = cut.rank - multiple if cut.rank % multiple == 0 else cut.rank // multiple * multiple
    assert less <= 0 or squares[:less].sum() < energy * squares.sum() * (1 + 1e-6)
    assert cut.lost == pytest.approx(1 - squares[: cut.rank].sum() / squares.sum(), abs=1e-9)


def test_of_two_ways_the_cheaper_one_is_taken():
    cut = amounts.by_energy(whole([3, 2, 1], 1000, 100, [(200, 10), (90, 10)]), 0.9)
    assert (cut.rank, cut.macs, cut.parameters, cut.pays) == (2, 820, 80, True)
    assert not amounts.by_energy(whole([3, 2, 1], 150, 100), 0.99, 100).split.macs > 150
    assert not amounts.by_energy(whole([1, 1, 1], 25, 100), 0.99).pays


@given(st.lists(STRENGTHS, min_size=1, max_size=3), st.floats(0.05, 0.9), st.sampled_from(["macs", "parameters"]))
def test_a_budget_is_kept_with_little_more_lost_than_must_be(layers, share, what):
    wholes = [whole(strengths, 65, 7) for strengths in layers]
    saving = share * sum(getattr(each, what) for each in wholes)
    choices = [[None, *amounts._paying(each, 1)] for each in wholes]
    enough = [
        sum(cut.harm for cut in found if cut)
        for found in itertools.product(*choices)
        if sum(getattr(cut, what) for cut in found if cut) >= saving
    ]
    cuts = amounts.within_budget(wholes, what, saving)
    if cuts is None:
        assert not enough
        assert amounts.most(wholes, what) < saving
        return
    assert sum(getattr(cut, what) for cut in cuts.values()) >= saving
    assert all(cut.pays for cut in cuts.values())
    # It can be more than the least harm by no more than the last layer's.
    assert sum(cut.harm for cut in cuts.values()) <= min(enough) + max(cut.harm for cut in cuts.values()) + 1e-9


def test_the_layer_that_loses_least_for_what_it_saves_goes_first():
    flat, steep = whole([1, 1, 1, 1], 40, 7), whole([9, 0.1, 0.1, 0.1], 40, 7)
    cuts = amounts.within_budget([flat, steep], "macs", 15)
    assert list(cuts) == [1]
    assert cuts[1].rank == 2


def test_no_layer_gives_all_it_has_while_others_give_nothing():
    even = [whole([1] * 8, 80, 9) for _ in range(3)]
    cuts = amounts.within_budget(even, "macs", 120)
    assert sorted(cut.rank for cut in cuts.values()) == [4, 4, 4]
