"""Intervals of drop and agreement, by what each metric makes of single samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compressor import intervals, metrics
from compressor.statistics import paired_shares
from compressor.statistics.paired_shares import Pairs

RNG = np.random.default_rng(5)


def softmax(values: Any) -> Any:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


CLASSES = RNG.integers(0, 6, 300)
PROBABLE = softmax(RNG.normal(size=(300, 6)) + 3 * np.eye(6)[CLASSES])
IMAGES = RNG.uniform(size=(40, 12, 12, 1))
SEQUENCE = RNG.integers(0, 6, (50, 4))
LIKELY = softmax(RNG.normal(size=(50, 4, 6)) + 2 * np.eye(6)[SEQUENCE])

CASES: dict[str, tuple[Any, Any]] = {
    "accuracy": (CLASSES, PROBABLE),
    "accuracy of sequences": (SEQUENCE, LIKELY),
    "top_5_accuracy": (CLASSES, PROBABLE),
    "binary_accuracy": (CLASSES % 2, PROBABLE[:, :1]),
    "perplexity": (SEQUENCE, LIKELY),
    "mean_squared_error": (RNG.normal(size=(200, 3)), RNG.normal(size=(200, 3))),
    "mean_absolute_error": (RNG.normal(size=(200, 3)), RNG.normal(size=(200, 3))),
    "psnr": (IMAGES, IMAGES + RNG.normal(0, 0.05, IMAGES.shape)),
    "ssim": (IMAGES, IMAGES + RNG.normal(0, 0.05, IMAGES.shape)),
    "r2": (CLASSES[:, None] + 0.0, CLASSES[:, None] + RNG.normal(size=(300, 1))),
    "roc_auc": (CLASSES % 2, (CLASSES % 2)[:, None] + RNG.normal(size=(300, 1))),
}


@pytest.mark.parametrize("case", CASES)
def test_the_value_follows_of_the_scores_mean(case: str) -> None:
    metric, (labels, outputs) = metrics.load(case.split()[0]), CASES[case]
    if metric.scores is None:
        assert case in ("r2", "roc_auc")
        return
    scores = metric.scores(labels, outputs)
    assert scores.shape == (len(outputs),)
    assert float(metric.of_mean(scores.mean())) == pytest.approx(metric.value(labels, outputs), rel=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_interval_encloses_the_drop(case: str) -> None:
    metric, (labels, outputs) = metrics.load(case.split()[0]), CASES[case]
    changed = outputs + RNG.normal(0, 0.2, outputs.shape)
    found = intervals.of_drop(metric, labels, changed, outputs)
    drop = metric.drop(metric.value(labels, changed), metric.value(labels, outputs))
    assert found.bounds is not None
    assert found.bounds.low <= drop <= found.bounds.high
    assert found.bounds.low < found.bounds.high
    single = case in ("accuracy", "top_5_accuracy", "binary_accuracy")
    assert (found.by, found.samples) == ("McNemar's pairs" if single else "bootstrap", len(outputs))


def test_one_answer_a_sample_makes_pairs() -> None:
    labels = np.zeros(40, np.int64)
    right, wrong = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    reference = np.array([right] * 30 + [wrong] * 10)
    outputs = np.array([wrong] * 3 + [right] * 28 + [wrong] * 9)
    found = intervals.of_drop(metrics.load("accuracy"), labels, outputs, reference)
    assert found.pairs == Pairs(worse=3, better=1, samples=40)
    expected = paired_shares.interval(Pairs(3, 1, 40))
    assert found.bounds is not None
    assert (found.bounds.low, found.bounds.high) == (100 * expected.low, 100 * expected.high)


def test_positions_of_one_sequence_belong_together() -> None:
    # All positions of a sequence change at once: 200 positions tell no more than the 20 sequences.
    labels = np.zeros((20, 10), np.int64)
    right = np.tile([1.0, 0.0], (20, 10, 1))
    outputs = right.copy()
    outputs[:4, :9] = [0.0, 1.0]
    metric = metrics.load("accuracy")
    found = intervals.of_drop(metric, labels, outputs, right).bounds
    assert found is not None
    single = paired_shares.interval(Pairs(36, 0, 200))
    assert found.high - found.low > 2 * 100 * (single.high - single.low)
    agreement = intervals.of_agreement("accuracy", outputs, right)
    assert agreement.low <= 1 - 36 / 200 <= agreement.high
    assert agreement.high - agreement.low > 2 * (single.high - single.low)


def test_equal_answers_leave_the_doubt_that_few_samples_leave() -> None:
    found = intervals.of_agreement("accuracy", PROBABLE, PROBABLE)
    assert (found.low, found.high) == (pytest.approx(300 / (300 + 1.959964**2)), 1.0)
    drop = intervals.of_drop(metrics.load("accuracy"), SEQUENCE, LIKELY, LIKELY)
    assert drop.bounds is not None
    assert drop.bounds.high == pytest.approx(100 * 1.959964**2 / (50 + 1.959964**2))


def test_a_metric_that_takes_too_long_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "_LONGEST_S", 0.0)
    labels, outputs = CASES["roc_auc"]
    found = intervals.of_drop(metrics.load("roc_auc"), labels, outputs + 0.1, outputs)
    assert (found.bounds, found.samples) == (None, 300)


def test_draws_of_one_class_alone_are_no_failure() -> None:
    labels = np.zeros(60, np.int64)
    labels[:5] = 1
    outputs = labels[:, None] + RNG.normal(size=(60, 1))
    found = intervals.of_drop(metrics.load("roc_auc"), labels, outputs + RNG.normal(0, 0.3, (60, 1)), outputs)
    assert found.bounds is not None
