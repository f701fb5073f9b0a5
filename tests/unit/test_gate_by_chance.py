"""The gate in simulated repetitions: it does not fail equal files by chance, and it catches a true drop."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from compressor.limits import Limits, Policy
from compressor.report.gate import judge
from compressor.report.schema import Row, Verdict
from compressor.statistics import paired_shares, share
from compressor.statistics.paired_shares import Pairs

MakeRow = Callable[..., Row]
REPETITIONS = 200


def answered(row: MakeRow, rng: Any, samples: int, differing: float, drop: float, **changes: Any) -> Row:
    """A row as it is measured on samples, `differing` of which change for the worse or the better."""
    chances = ((differing + drop) / 2, (differing - drop) / 2, 1 - differing)
    worse, better, _ = (int(each) for each in rng.multinomial(samples, chances))
    found, agreement = paired_shares.interval(Pairs(worse, better, samples)), 1 - (worse + better) / samples
    agreeing = share.interval(agreement, samples)
    return row(
        drop=100 * (worse - better) / samples,
        drop_interval={"low": 100 * found.low, "high": 100 * found.high},
        outcomes={"samples": samples, "worse": worse, "better": better},
        agreement=agreement,
        agreement_interval={"low": agreeing.low, "high": agreeing.high},
        **changes,
    )


def timed(rng: Any, rounds: int = 30, spread: float = 0.05) -> dict[str, Any]:
    """A/A: the ratio of a file to itself, run turn about, by the logarithms of the rounds' ratios."""

    def interval() -> tuple[float, float, float]:
        logs = rng.normal(0, spread, rounds)
        half = 1.96 * float(logs.std(ddof=1)) / math.sqrt(rounds)
        return tuple(math.exp(float(logs.mean()) + each) for each in (-half, 0.0, half))  # type: ignore[return-value]

    low, ratio, high = interval()
    noise = max(abs(each - 1) for each in interval())
    return {"ratio": ratio, "interval": {"low": low, "high": high}, "noise": noise, "rounds": rounds, "threads": 1}


def verdicts(row: MakeRow, samples: int, differing: float, drop: float, limit: float, **told: Any) -> list[Verdict]:
    rng = np.random.default_rng(2024)
    limits = Limits(max_accuracy_drop=limit, max_latency_ratio=1.0)
    baseline = row(stage="float32", precision="float32", drop=0.0)
    return [
        judge(
            [baseline, answered(row, rng, samples, differing, drop, latency_ratio=timed(rng))],
            limits,
            **told,
        )
        for _ in range(REPETITIONS)
    ]


@pytest.mark.parametrize("samples", [500, 2_000, 10_000])
@pytest.mark.parametrize("differing", [0.01, 0.03])
@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_equally_good_files_fail_by_chance_in_one_of_twenty_runs_at_most(
    row: MakeRow, samples: int, differing: float, limit: float
) -> None:
    failed = sum(not each.passed for each in verdicts(row, samples, differing, 0.0, limit))
    assert failed <= 0.05 * REPETITIONS


def power(samples: int, differing: float, drop: float, limit: float) -> float:
    """How likely the whole interval lies above the limit, drop and limit in points, by the normal approximation."""
    error = 100 * math.sqrt((differing - (drop / 100) ** 2) / samples)
    return NormalDist().cdf((drop - limit) / error - 1.96)


# On 10 000 samples 95 % is not to be had at a limit of 0.5 where 2 % of the answers differ or more: power is 94 % at
# 2 %, 82 % at 3 %. There the gate says undecided instead, and never passed; see the last test.
CAUGHT = [(0.015, 0.5), (0.015, 0.25), (0.02, 0.4), (0.02, 0.0), (0.03, 0.25), (0.03, 0.0)]


@pytest.mark.parametrize(("differing", "limit"), CAUGHT)
def test_a_true_drop_of_one_point_is_caught_on_ten_thousand_samples(
    row: MakeRow, differing: float, limit: float
) -> None:
    assert power(10_000, differing, 1.0, limit) > 0.97
    caught = sum(not each.passed for each in verdicts(row, 10_000, differing, 0.01, limit))
    assert caught >= 0.95 * REPETITIONS


@pytest.mark.parametrize("differing", [0.015, 0.02, 0.03])
@pytest.mark.parametrize("limit", [0.0, 0.25, 0.5])
def test_a_true_drop_of_one_point_never_passes_where_undecided_fails(
    row: MakeRow, differing: float, limit: float
) -> None:
    found = verdicts(row, 10_000, differing, 0.01, limit, policy=Policy(undecided="fail"))
    drops = [any(each.limit == "max_accuracy_drop" for each in verdict.violations) for verdict in found]
    assert all(drops)


@pytest.mark.parametrize("differing", [0.02, 0.03])
def test_where_power_is_lacking_the_share_that_is_caught_is_the_one_that_theory_tells(
    row: MakeRow, differing: float
) -> None:
    expected = power(10_000, differing, 1.0, 0.5)
    assert expected < 0.95
    caught = sum(not each.passed for each in verdicts(row, 10_000, differing, 0.01, 0.5)) / REPETITIONS
    assert caught == pytest.approx(expected, abs=3.5 * math.sqrt(expected * (1 - expected) / REPETITIONS))
