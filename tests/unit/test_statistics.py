"""Intervals: published examples, and how often they hold what they promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.statistics import bootstrap, paired_shares, quantile, share
from compressor.statistics.paired_shares import Pairs


def test_the_normal_quantiles_are_those_of_every_table() -> None:
    assert quantile() == pytest.approx(1.959964, abs=1e-6)
    assert quantile(0.999) == pytest.approx(3.290527, abs=1e-6)


def test_tangos_interval_of_a_published_example() -> None:
    # Airway hyper-responsiveness before and after stem cell transplantation, 21 children, 1 and 7 changed: Fagerland,
    # Lydersen, Laake: Recommended tests and confidence intervals for paired binomial proportions, Statistics in
    # Medicine 33, 2014.
    found = paired_shares.interval(Pairs(worse=1, better=7, samples=21))
    assert (found.low, found.high) == (pytest.approx(-0.517, abs=5e-4), pytest.approx(-0.026, abs=5e-4))
    assert paired_shares.p_value(Pairs(1, 7, 21)) == pytest.approx(0.0703, abs=5e-5)
    assert paired_shares.p_of_gain(Pairs(1, 7, 21)) == pytest.approx(9 / 256)


def test_wilsons_interval_of_a_published_example() -> None:
    # Newcombe: Two-sided confidence intervals for the single proportion, Statistics in Medicine 17, 1998: 15 of 148.
    found = share.interval(15 / 148, 148)
    assert (found.low, found.high) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))
    assert share.interval(0.0, 10).low == 0.0
    assert share.interval(1.0, 10).high == 1.0


def test_where_nothing_differs_the_number_of_samples_alone_limits_the_drop() -> None:
    found = paired_shares.interval(Pairs(0, 0, 500))
    square = quantile() ** 2
    assert found.high == pytest.approx(square / (500 + square))
    assert found.low == pytest.approx(-found.high)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(80, 5000))
def test_exchanging_worse_and_better_mirrors_the_interval(worse: int, better: int, samples: int) -> None:
    one, other = (paired_shares.interval(Pairs(*pair, samples)) for pair in ((worse, better), (better, worse)))
    assert (one.low, one.high) == (pytest.approx(-other.high, abs=1e-9), pytest.approx(-other.low, abs=1e-9))
    assert -1 <= one.low <= (worse - better) / samples <= one.high <= 1


def covered(samples: int, worse: float, better: float) -> float:
    """The exact probability that the interval encloses the true drop."""
    held = 0.0
    for first in range(samples + 1):
        for second in range(samples + 1 - first):
            rest = samples - first - second
            logs = math.lgamma(samples + 1) - sum(math.lgamma(each + 1) for each in (first, second, rest))
            logs += first * math.log(worse) + second * math.log(better) + rest * math.log(1 - worse - better)
            if logs < -30:
                continue
            found = paired_shares.interval(Pairs(first, second, samples))
            held += math.exp(logs) * (found.low <= worse - better <= found.high)
    return held


@pytest.mark.parametrize("samples", [20, 40])
@pytest.mark.parametrize(("worse", "better"), [(0.01, 0.01), (0.05, 0.01), (0.1, 0.1), (0.2, 0.05), (0.3, 0.3)])
def test_tangos_interval_covers_the_truth_with_few_samples_too(samples: int, worse: float, better: float) -> None:
    assert covered(samples, worse, better) > 0.93


def test_the_exact_test_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for worse, better in ((0, 0), (3, 3), (0, 9), (30, 12), (400, 350)):
        if worse + better:
            expected = stats.binomtest(worse, worse + better).pvalue
            assert paired_shares.p_value(Pairs(worse, better, 1000)) == pytest.approx(expected)
    expected = stats.binomtest(30, 42, alternative="greater").pvalue
    assert paired_shares.p_of_gain(Pairs(12, 30, 1000)) == pytest.approx(expected)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(100, 3000), st.floats(-0.02, 0.05))
def test_so_many_samples_decide_and_fewer_do_not(worse: int, better: int, samples: int, limit: float) -> None:
    pairs = Pairs(worse, better, samples)
    needed = paired_shares.samples_to_decide(pairs, limit)
    if needed is None:
        assert pairs.drop == pytest.approx(limit)
        return
    for times, decided in ((1.02, True), (0.98, False)):
        more = needed * times / samples
        found = paired_shares.interval(Pairs(worse * more, better * more, samples * more))
        if abs(pairs.drop - limit) > 1e-4:
            assert (found.high <= limit or found.low > limit) is decided


@given(st.floats(0.5, 1), st.integers(50, 5000), st.floats(0.5, 0.999))
def test_so_many_samples_decide_an_agreement(part: float, samples: int, limit: float) -> None:
    bounds = share.interval(part, samples)
    needed = share.samples_to_decide(part, bounds, samples, limit)
    if needed is not None and abs(part - limit) > 1e-4:
        later = share.interval(part, needed)
        assert (later.low if part > limit else later.high) == pytest.approx(limit, abs=1e-6)


def test_a_value_on_the_limit_is_never_decided() -> None:
    assert paired_shares.samples_to_decide(Pairs(5, 0, 1000), 0.005) is None
    assert share.samples_to_decide(0.98, share.interval(0.98, 500), 500, 0.98) is None


def lost(means: Any) -> Any:
    return means[..., 0] - means[..., 1]


def test_the_bootstrap_covers_the_mean_of_skewed_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_MOST", 1000)
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        theirs = rng.exponential(size=100)
        found = bootstrap.of_means(np.stack([theirs + rng.exponential(0.1, 100), theirs], 1), lost)
        held += found.low <= 0.1 <= found.high
    # 95 % of 200 are 190, with a standard deviation of 3.
    assert 178 <= held <= 199


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval_and_the_same_each_time() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(2000, 2))
    half = quantile() * float((scores[:, 0] - scores[:, 1]).std()) / math.sqrt(2000)
    found, told = bootstrap.of_means(scores, lost), float(lost(scores.mean(0)))
    assert (found.high - told, told - found.low) == (pytest.approx(half, rel=0.06), pytest.approx(half, rel=0.06))
    assert bootstrap.of_means(scores, lost) == found


def test_scores_that_never_differ_leave_no_doubt() -> None:
    same = np.random.default_rng(2).normal(size=(50, 1)).repeat(2, axis=1)
    found = bootstrap.of_means(same, lost)
    assert (found.low, found.high) == (0.0, 0.0)


def test_draws_without_a_number_are_left_out_until_they_are_too_many() -> None:
    values = np.arange(100.0)

    def mean(rows: Any, allowed: float) -> float | None:
        drawn = float(values[rows].mean())
        return drawn if drawn < allowed else None

    assert bootstrap.of_rows(100, lambda rows: mean(rows, 49.5), 200) is None
    found = bootstrap.of_rows(100, lambda rows: mean(rows, 1000.0), 1000)
    assert found is not None
    # The standard error of the mean of 0 … 99 is 2.89.
    assert (found.low, found.high) == (pytest.approx(49.5 - 5.66, abs=0.6), pytest.approx(49.5 + 5.66, abs=0.6))
