"""Metrics: values known by construction, for every shape of labels that fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import metrics

ACCURACY, BINARY, MSE = "accuracy", "binary_accuracy", "mean_squared_error"


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, Any, float]:
    """Outputs, the true classes, and the share of them on top."""
    count, classes = draw(st.integers(1, 40)), draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, classes, count)
    right = rng.random(count) < 0.7
    top = np.where(right, labels, (labels + 1) % classes)
    outputs = rng.random((count, classes)).astype(np.float32)
    outputs[np.arange(count), top] = 2.0
    return outputs, labels, float(right.mean())


def told(labels: Any, outputs: Any) -> tuple[str, float]:
    name = metrics.choose(labels, outputs)
    return name, metrics.load(name).value(labels, outputs)


@given(answers())
def test_accuracy_is_the_same_however_the_classes_are_written(case: tuple[Any, Any, float]) -> None:
    outputs, labels, share = case
    one_hot = np.eye(outputs.shape[1], dtype=np.float32)[labels]
    for written in (labels, labels[:, None], labels.astype(np.float32), labels.astype(np.uint8), one_hot):
        assert told(written, outputs) == (ACCURACY, pytest.approx(share))


@pytest.mark.parametrize("one_hot", [False, True])
def test_accuracy_of_a_segmentation_counts_every_pixel(one_hot: bool) -> None:
    classes = np.random.default_rng(1).integers(0, 3, (2, 4, 5))
    answered = classes.copy()
    answered[0, 0, :4] = (answered[0, 0, :4] + 1) % 3
    outputs = np.eye(3)[answered]
    labels = np.eye(3)[classes] if one_hot else classes
    assert told(labels, outputs) == (ACCURACY, 36 / 40)
    if not one_hot:
        assert told(labels[..., None], outputs) == (ACCURACY, 36 / 40)


@pytest.mark.parametrize(
    "labels",
    [np.array([0, 3]), np.array([-1, 0]), np.array([0.5, 1]), np.array([[0.5, 0.5, 0], [1, 0, 0]]), np.zeros((2, 3))],
    ids=["class too high", "negative", "between classes", "soft", "no class at all"],
)
def test_labels_that_are_no_classes_are_not_judged_as_classes(labels: Any) -> None:
    assert metrics.choose(labels, np.eye(3)[:2]) == MSE


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("scale", ["probabilities", "logits"])
def test_binary_accuracy_cuts_where_the_outputs_are_cut(shape: tuple[int, ...], scale: str) -> None:
    probabilities = np.array([0.1, 0.4, 0.6, 0.9])
    outputs = probabilities if scale == "probabilities" else np.log(probabilities / (1 - probabilities))
    labels = np.array([0, 1, 1, 1])
    assert told(labels.reshape(shape), outputs.reshape(4, 1)) == (BINARY, 0.75)
    assert told(labels.astype(bool), outputs.reshape(4, 1)) == (BINARY, 0.75)


def test_both_sides_of_a_binary_comparison_are_cut_where_the_reference_is() -> None:
    logits, rounded = np.array([[-2.0], [0.2], [3.0]]), np.array([[0.0], [0.2], [1.0]])
    assert metrics.load(BINARY).same(rounded, logits).tolist() == [True, True, True]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.floats(-10, 10))
def test_a_constant_error_is_squared(values: list[float], error: float) -> None:
    labels = np.array([*values, 0.25])
    for shape in ((-1,), (-1, 1)):
        name, value = told(labels.reshape(shape), labels[:, None] + error)
        assert (name, value) == (MSE, pytest.approx(error**2, abs=1e-9))


def test_integers_are_squared_without_wrapping_around() -> None:
    assert metrics.load(MSE).value(np.full((2, 2), 127, np.int8), np.full((2, 2), -128, np.int8)) == 255**2


@pytest.mark.parametrize(
    ("labels", "outputs", "name"),
    [
        (np.array([0, 1]), np.array([[0.2, 0.8], [0.7, 0.3]]), ACCURACY),
        (np.array([0, 1]), np.array([[0.2], [0.8]]), BINARY),
        (np.array([0, 2]), np.array([[0.2], [0.8]]), MSE),
        (np.array([[1.5, 2.0]]), np.array([[1.0, 2.0]]), MSE),
        (None, np.array([[0.2, 0.8], [0.7, 0.3]]), ACCURACY),
        (None, np.array([[2.0, 8.0], [7.0, 3.0]]), MSE),
        (None, np.array([[0.2], [0.8]]), MSE),
    ],
)
def test_the_first_metric_that_suits_is_chosen(labels: Any, outputs: Any, name: str) -> None:
    assert metrics.choose(labels, outputs) == name


def test_metrics_are_tried_from_the_narrow_to_the_wide() -> None:
    assert metrics.names() == (ACCURACY, BINARY, MSE)


def test_a_drop_of_accuracy_is_in_points_and_positive_when_worse() -> None:
    assert metrics.load(ACCURACY).drop(0.95, 0.975) == pytest.approx(2.5)
    assert metrics.load(BINARY).drop(0.99, 0.98) == pytest.approx(-1.0)


def test_a_drop_of_an_error_is_in_percent_of_the_reference_and_positive_when_worse() -> None:
    error = metrics.load(MSE)
    assert error.drop(0.22, 0.2) == pytest.approx(10.0)
    assert error.drop(0.1, 0.2) == pytest.approx(-50.0)


@pytest.mark.parametrize(("value", "drop"), [(0.0, 0.0), (0.3, 100.0)])
def test_a_drop_from_no_error_at_all_is_finite(value: float, drop: float) -> None:
    assert metrics.load(MSE).drop(value, 0.0) == drop


@given(st.floats(0, 1), st.floats(0.001, 1))
def test_no_change_is_no_drop_and_the_sign_is_the_direction(value: float, reference: float) -> None:
    for name in metrics.names():
        metric = metrics.load(name)
        assert metric.drop(reference, reference) == 0.0
        worse = value < reference if metric.higher_is_better else value > reference
        assert (metric.drop(value, reference) > 0) == worse


@pytest.mark.parametrize("name", metrics.names())
def test_outputs_agree_with_themselves_one_answer_each(name: str) -> None:
    outputs = np.random.default_rng(0).random((7, 1 if name == BINARY else 3))
    assert metrics.load(name).same(outputs, outputs.copy()).tolist() == [True] * 7
