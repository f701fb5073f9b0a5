"""Metrics: which one is chosen and why, what a drop is, and the values of accuracy and squared error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import metrics
from compressor.errors import BadInput

ACCURACY, BINARY, MSE, MAE = "accuracy", "binary_accuracy", "mean_squared_error", "mean_absolute_error"


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
    name = metrics.choose(labels, outputs).name
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
    assert metrics.choose(labels, np.eye(3)[:2]).name == MSE


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
    assert metrics.load("roc_auc").same(rounded, logits).tolist() == [True, True, True]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.floats(-10, 10))
def test_a_constant_error_is_squared_or_absolute(values: list[float], error: float) -> None:
    labels = np.array([*values, 0.25])
    for shape in ((-1,), (-1, 1)):
        written, outputs = labels.reshape(shape), labels[:, None] + error
        assert told(written, outputs) == (MSE, pytest.approx(error**2, abs=1e-9))
        assert metrics.load(MAE).value(written, outputs) == pytest.approx(abs(error), abs=1e-9)


def test_integers_are_subtracted_without_wrapping_around() -> None:
    low, high = np.full((2, 2), -128, np.int8), np.full((2, 2), 127, np.int8)
    assert metrics.load(MSE).value(high, low) == 255**2
    assert metrics.load(MAE).value(high, low) == 255


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
        (np.arange(7).reshape(1, 7), np.ones((1, 5)), MSE),
    ],
)
def test_the_first_metric_that_suits_is_chosen(labels: Any, outputs: Any, name: str) -> None:
    assert metrics.choose(labels, outputs).name == name


VALUES = np.array([[1.5], [2.0], [4.0]])


@pytest.mark.parametrize("loss", ["mean_absolute_error", "mae", "MAE", "MeanAbsoluteError"])
def test_the_loss_decides_where_the_labels_do_not(loss: str) -> None:
    found = metrics.choose(VALUES, VALUES, loss)
    assert found.name == MAE
    assert found.why.startswith("the model was compiled with the loss m")


@pytest.mark.parametrize("loss", [None, "mse", "MeanSquaredError", "huber", "my_own_loss", ""])
def test_another_loss_leaves_the_squared_error(loss: str | None) -> None:
    assert metrics.choose(VALUES, VALUES, loss).name == MSE


@pytest.mark.parametrize("loss", ["mae", "mse", "binary_crossentropy", "sparse_categorical_crossentropy"])
def test_labels_that_are_classes_go_before_the_loss(loss: str) -> None:
    assert metrics.choose(np.array([0, 1, 1]), np.eye(3), loss).name == ACCURACY
    assert metrics.choose(np.array([0, 1, 1]), VALUES, loss).name == BINARY


def test_a_loss_does_not_force_a_metric_on_labels_that_it_does_not_suit() -> None:
    soft = np.array([[0.5, 0.5], [0.9, 0.1]])
    assert metrics.choose(soft, soft, "categorical_crossentropy").name == MSE


def test_a_choice_says_why() -> None:
    labels, outputs = np.array([0, 1]), np.array([[0.2, 0.8], [0.7, 0.3]])
    assert metrics.choose(labels, outputs).why == metrics.load(ACCURACY).reason
    assert metrics.choose(labels, outputs[:, :1]).why == "the labels are 0 and 1, and the output is a single value"
    assert metrics.named(ACCURACY, labels, outputs).why == "named by the user"


CLASSES, IMAGES = np.arange(8) % 4, np.random.default_rng(0).random((8, 4, 4, 1))
MISFITS: dict[str, tuple[Any, Any]] = {
    "accuracy": (CLASSES, np.ones((8, 1))),
    "binary_accuracy": (CLASSES, np.ones((8, 1))),
    "mean_squared_error": (CLASSES, np.ones((8, 4))),
    "mean_absolute_error": (CLASSES, np.ones((8, 4))),
    "perplexity": (CLASSES + 0.5, np.ones((8, 6))),
    "psnr": (IMAGES, IMAGES[:, :, :2]),
    "r2": (np.ones(8), np.ones((8, 1))),
    "roc_auc": (np.ones(8), np.random.default_rng(0).random((8, 1))),
    "ssim": (np.zeros_like(IMAGES), IMAGES),
    "top_5_accuracy": (CLASSES, np.ones((8, 5))),
}


@pytest.mark.parametrize("name", metrics.names())
def test_a_named_metric_that_does_not_fit_is_refused_with_what_it_takes(name: str) -> None:
    labels, outputs = MISFITS[name]
    with pytest.raises(BadInput, match=f"the metric {name} does not fit") as caught:
        metrics.named(name, labels, outputs)
    assert metrics.load(name).reason in str(caught.value)
    assert str(outputs.shape) in str(caught.value)


@pytest.mark.parametrize("name", metrics.names())
def test_a_named_metric_needs_labels(name: str) -> None:
    with pytest.raises(BadInput, match=f"the metric {name} needs labels"):
        metrics.named(name, None, np.eye(8))


def test_a_name_nobody_knows_is_told_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'accuracy'"):
        metrics.named("acuracy", CLASSES, np.eye(8))


def test_metrics_are_tried_from_the_narrow_to_the_wide_and_the_rest_is_only_named() -> None:
    assert metrics.names()[:3] == (ACCURACY, BINARY, MSE)
    rest = metrics.names()[3:]
    assert rest == (MAE, "perplexity", "psnr", "r2", "roc_auc", "ssim", "top_5_accuracy")
    assert {metrics.load(name).order for name in rest} == {None}


def test_a_drop_of_a_share_is_in_points_and_positive_when_worse() -> None:
    assert metrics.load(ACCURACY).drop(0.95, 0.975) == pytest.approx(2.5)
    assert metrics.load(BINARY).drop(0.99, 0.98) == pytest.approx(-1.0)
    for name in ("roc_auc", "r2", "ssim", "top_5_accuracy"):
        assert metrics.load(name).unit == "points"


def test_a_drop_of_an_error_is_in_percent_of_the_reference_and_positive_when_worse() -> None:
    for name in (MSE, MAE, "perplexity"):
        error = metrics.load(name)
        assert error.unit == "percent"
        assert error.drop(0.22, 0.2) == pytest.approx(10.0)
        assert error.drop(0.1, 0.2) == pytest.approx(-50.0)


def test_a_drop_of_decibels_is_their_difference() -> None:
    assert metrics.load("psnr").drop(29.5, 31.0) == 1.5


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


@pytest.mark.parametrize("name", [ACCURACY, "top_5_accuracy", "perplexity", "roc_auc"])
def test_classifiers_agree_where_the_same_class_is_on_top(name: str) -> None:
    reference = np.eye(7)[[0, 1, 2, 3]]
    outputs = np.eye(7)[[0, 1, 2, 4]] * 0.5
    assert metrics.load(name).same(outputs, reference).tolist() == [True, True, True, False]


@pytest.mark.parametrize("name", [MSE, MAE, "r2", "psnr", "ssim"])
def test_values_agree_within_one_percent_of_the_spread(name: str) -> None:
    reference = np.array([[0.0, 100.0], [50.0, 50.0]])
    outputs = reference + np.array([[1.0, -1.0], [0.0, 1.01]])
    assert metrics.load(name).same(outputs, reference).tolist() == [True, False]
