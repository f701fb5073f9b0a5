"""Weights in clusters: nearest centroids, means, zeros, and no worse than other ways to place them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compressor.weight_clustering.kmeans import clustered

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
