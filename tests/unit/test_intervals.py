"""Intervals of drop and agreement, by what each metric makes of single samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compressor import intervals, metrics
from compressor.metrics import Metric
from compressor.statistics import Bounds, paired_shares
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
    found = intervals.of_agreement("accuracy", 2 * PROBABLE, PROBABLE)
    assert (found.low, found.high) == (pytest.approx(300 / (300 + 1.959964**2)), 1.0)
    drop = intervals.of_drop(metrics.load("accuracy"), CLASSES, 2 * PROBABLE, PROBABLE).bounds
    assert drop is not None
    assert drop.high == pytest.approx(100 * 1.959964**2 / (300 + 1.959964**2))
    assert drop.low == pytest.approx(-drop.high)


@pytest.mark.parametrize("case", CASES)
def test_outputs_that_are_the_same_to_the_bit_leave_no_doubt(case: str) -> None:
    metric, (labels, outputs) = metrics.load(case.split()[0]), CASES[case]
    assert intervals.of_drop(metric, labels, outputs.copy(), outputs).bounds == Bounds(0.0, 0.0)
    assert intervals.of_agreement(case.split()[0], outputs.copy(), outputs) == Bounds(1.0, 1.0)


def test_outputs_that_are_answers_already_say_no_more_than_answers_do() -> None:
    answered = np.eye(6)[CLASSES]
    found = intervals.of_drop(metrics.load("accuracy"), CLASSES, answered, answered).bounds
    assert found is not None
    assert found.high > 1
    assert intervals.of_agreement("accuracy", answered, answered).low < 0.99


def lossy(positions: Any) -> tuple[Any, Any]:
    """20 sequences of 100 positions, all right, and the same with so many positions of the first ones lost."""
    right = np.tile([0.75, 0.25], (20, 100, 1))
    outputs = 1.1 * right
    for sample, lost in enumerate(positions):
        outputs[sample, :lost] = [0.25, 0.75]
    return right, outputs


@pytest.mark.parametrize("sample_by_sample", [True, False])
def test_the_more_is_lost_the_less_of_a_sequence_is_sure(sample_by_sample: bool) -> None:
    metric, labels = metrics.load("accuracy"), np.zeros((20, 100), np.int64)
    highs, lows = [], []
    for lost in range(12):
        right, outputs = lossy([1] * lost if sample_by_sample else [lost])
        found = intervals.of_drop(metric, labels, outputs, right)
        assert found.bounds is not None
        drop = lost / 20
        assert found.bounds.low <= drop <= found.bounds.high
        highs.append(found.bounds.high)
        lows.append(intervals.of_agreement("accuracy", outputs, right).low)
    assert highs[0] == pytest.approx(1.959964**2 / (20 + 1.959964**2))
    assert lows[0] == pytest.approx(1 - highs[0] / 100)
    assert highs == sorted(highs)
    assert lows == sorted(lows, reverse=True)


def test_one_sequence_that_is_lost_whole_may_be_one_of_many() -> None:
    right, outputs = lossy([100])
    found = intervals.of_drop(metrics.load("accuracy"), np.zeros((20, 100), np.int64), outputs, right)
    single = paired_shares.interval(Pairs(1, 0, 20))
    assert (found.bounds, found.by) == (Bounds(100 * single.low, 100 * single.high), "McNemar's pairs")


def test_images_without_error_are_no_right_answers() -> None:
    found = intervals.of_drop(metrics.load("ssim"), IMAGES, IMAGES, IMAGES)
    assert (found.bounds, found.pairs, found.by) == (Bounds(0.0, 0.0), None, "bootstrap")


@pytest.mark.parametrize("case", ["mean_squared_error", "r2", "ssim"])
def test_few_samples_have_no_interval_of_a_mean(case: str) -> None:
    metric, (labels, outputs) = metrics.load(case), CASES[case]
    for samples, known in ((0, False), (1, False), (4, False), (5, True)):
        some = slice(0, samples)
        changed = outputs[some] + RNG.normal(0, 0.1, outputs[some].shape)
        found = intervals.of_drop(metric, labels[some], changed, outputs[some])
        assert (found.samples, found.bounds is not None) == (samples, known)


def test_a_value_that_is_no_number_has_no_interval() -> None:
    labels, outputs = CASES["mean_squared_error"]
    broken = outputs.copy()
    broken[3] = np.nan
    assert intervals.of_drop(metrics.load("mean_squared_error"), labels, broken, outputs).bounds is None


def test_no_samples_agree_in_any_share() -> None:
    assert intervals.of_agreement("accuracy", PROBABLE[:0], PROBABLE[:0]) == Bounds(0.0, 1.0)


def counted(own: bool) -> tuple[Metric, list[int]]:
    """A metric that is no mean, and how often it was asked."""
    asked: list[int] = []

    def value(labels: Any, outputs: Any) -> float:
        asked.append(len(outputs))
        return float(np.median(np.abs(outputs - labels)))

    return replace(metrics.load("r2"), value=value, own=own), asked


def test_how_often_samples_are_drawn_is_told_by_counts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, outputs = CASES["r2"]
    for own, draws in ((True, 100), (False, 1000)):
        metric, asked = counted(own)
        assert intervals.of_drop(metric, labels, outputs + 0.1, outputs).bounds is not None
        assert len(asked) == 2 * draws
    monkeypatch.setattr(intervals, "_READ_AT_MOST", 100 * 2 * outputs.size - 1)
    metric, asked = counted(False)
    assert (intervals.of_drop(metric, labels, outputs + 0.1, outputs).bounds, asked) == (None, [])


def test_draws_of_one_class_alone_are_no_failure() -> None:
    labels = np.zeros(60, np.int64)
    labels[:5] = 1
    outputs = labels[:, None] + RNG.normal(size=(60, 1))
    found = intervals.of_drop(metrics.load("roc_auc"), labels, outputs + RNG.normal(0, 0.3, (60, 1)), outputs)
    assert found.bounds is not None
