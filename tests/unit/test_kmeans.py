"""Weights in clusters: nearest centroids, means, zeros, and no worse than other ways to place them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compressor.weight_clustering.kmeans import clustered
from compressor.weight_clustering.rate import Priced, prices

WEIGHTS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=4, max_side=6),
    elements=st.floats(-4, 4, width=16),
)
STARTS = st.sampled_from(["kmeans++", "density", "linear"])


@given(WEIGHTS, st.integers(2, 8), STARTS, st.booleans())
def test_as_many_values_as_asked_for_and_never_more_than_there_are(weights, count, start, keep_zeros):
    found = clustered(weights, count, start, keep_zeros)
    assert found.values.shape == weights.shape
    assert found.values.dtype == np.float32
    assert len(found.centroids) == min(count, len(np.unique(weights)))
    assert len(np.unique(found.assigned)) == len(found.centroids)
    assert np.array_equal(found.values, clustered(weights, count, start, keep_zeros).values)


@given(WEIGHTS, st.integers(2, 8), STARTS)
def test_each_weight_is_by_its_centroid_and_each_centroid_the_mean_of_its_weights(weights, count, start):
    found = clustered(weights, count, start)
    distances = np.abs(weights[..., None].astype(np.float64) - found.centroids)
    np.testing.assert_allclose(np.abs(weights - found.values), distances.min(-1), atol=1e-5)
    for number, centroid in enumerate(found.centroids):
        assert weights[found.assigned == number].mean(dtype=np.float64) == pytest.approx(centroid, abs=1e-5)


@given(WEIGHTS, st.integers(2, 8), STARTS)
def test_kept_zeros_are_zero_and_nothing_else_is(weights, count, start):
    found = clustered(weights, count, start, keep_zeros=True)
    zeros = weights == 0
    assert (found.values[zeros] == 0).all()
    assert len(np.unique(found.values)) <= count
    if zeros.any():
        assert found.zero == 0
        assert np.array_equal(found.assigned == 0, zeros)
    else:
        assert found.zero is None


@pytest.mark.parametrize("start", ["kmeans++", "density", "linear"])
def test_normal_weights_lose_no_more_than_the_best_quantizer(start):
    weights = np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32)
    error = np.square(clustered(weights, 16, start).values - weights).mean()
    # Of the best 16 levels for a normal distribution: Max, IRE Transactions on Information Theory 6, 1960, table I.
    assert error <= 1.02 * 0.009497


def test_far_groups_are_found_whatever_their_sizes():
    groups = [np.full(size, centre, np.float32) for size, centre in ((1, -9.0), (5000, 0.1), (40, 0.2), (3, 7.0))]
    weights = np.concatenate(groups).reshape(2, -1)
    for start, count in itertools.product(("kmeans++", "density", "linear"), (4, 9)):
        assert np.array_equal(clustered(weights, count, start).values, weights)


PRICES = st.sampled_from([1e-3, 0.05, 1.0, 50.0])


@given(WEIGHTS, st.integers(2, 8), STARTS, st.booleans(), PRICES)
def test_with_a_price_on_bits_error_and_bits_together_cost_no_more(weights, count, start, keep_zeros, price):
    plain, paid = (clustered(weights, count, start, keep_zeros, each) for each in (0.0, price))
    costs = [np.square(found.values - weights, dtype=np.float64).sum() + price * found.bits for found in (plain, paid)]
    assert costs[1] <= costs[0] * (1 + 1e-5) + 1e-5
    assert paid.bits <= plain.bits + 1e-9
    assert len(np.unique(paid.assigned)) == len(paid.centroids) <= count
    if paid.zero is not None:
        assert np.array_equal(paid.values == 0, weights == 0)


@given(WEIGHTS, st.integers(2, 8), PRICES)
def test_with_a_price_on_bits_each_weight_is_where_it_costs_least(weights, count, price):
    found = clustered(weights, count, price=price)
    sizes = np.bincount(found.assigned.reshape(-1))
    each = np.square(weights[..., None].astype(np.float64) - found.centroids) - price * np.log2(sizes / weights.size)
    own = np.take_along_axis(each, found.assigned[..., None].astype(int), -1)[..., 0]
    np.testing.assert_allclose(own, each.min(-1), atol=1e-4, rtol=1e-4)


def test_at_three_bits_normal_weights_lose_less_than_at_eight_values():
    """Eight values of a normal distribution take 2.83 bits: with more values at as many bits less is lost."""
    weights = np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32)
    eight = clustered(weights, 8)
    (price,) = prices([Priced(weights, lambda some, price: clustered(some, 32, price=price))], eight.bits / 90_000)
    paid = clustered(weights, 32, price=price)
    assert paid.bits == pytest.approx(eight.bits, rel=0.02)
    errors = [np.square(found.values - weights).mean() for found in (eight, paid)]
    assert errors[1] < 0.95 * errors[0]


@given(st.floats(0.5, 4.5))
def test_kernels_take_together_as_many_bits_as_they_may(bits):
    random = np.random.default_rng(0)
    kernels = [random.normal(size=size).astype(np.float32) * scale for size, scale in (((64, 64), 1), ((9, 16), 0.1))]
    priced = [Priced(each, lambda some, price: clustered(some, 16, price=price)) for each in kernels]
    found = [each.clustered(each.weights, price) for each, price in zip(priced, prices(priced, bits), strict=True)]
    taken = [each.bits / each.assigned.size for each in found]
    together = sum(each.bits for each in found) / sum(kernel.size for kernel in kernels)
    assert together <= bits + 0.02
    # Bits are saved where there are many weights to save them on.
    assert taken[1] > taken[0] - 0.1
    if bits > 4:
        assert [len(each.centroids) for each in found] == [16, 16]
