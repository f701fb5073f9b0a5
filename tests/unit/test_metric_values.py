"""Values of the metrics that have to be named, against cases worked out by hand or by the definition itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import pixel_range
from compressor.errors import BadInput
from compressor.metrics import load

SEEDS = st.integers(0, 2**32 - 1)


def value(name: str, labels: Any, outputs: Any) -> float:
    return load(name).value(np.asarray(labels), np.asarray(outputs))


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@given(SEEDS, st.integers(6, 12), st.sampled_from([(5,), (3, 4)]))
def test_top_5_is_what_sorting_says_for_samples_and_sequences(seed: int, classes: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    # Few distinct values: ties everywhere.
    outputs = rng.integers(0, 4, (*shape, classes)).astype(np.float32)
    labels = rng.integers(0, classes, shape)
    five = np.argsort(-outputs, axis=-1, kind="stable")[..., :5]
    expected = (five == labels[..., None]).any(-1).mean()
    assert value("top_5_accuracy", labels, outputs) == expected
    assert value("top_5_accuracy", np.eye(classes)[labels], outputs) == expected
    assert value("top_5_accuracy", labels, outputs) >= value("accuracy", labels, outputs)


def test_what_explains_all_half_and_nothing_in_r2() -> None:
    labels = np.array([1.0, 2.0, 3.0, 4.0])
    assert value("r2", labels, labels[:, None]) == 1.0
    assert value("r2", labels, np.full((4, 1), 2.5)) == 0.0
    assert value("r2", labels, [[1.5], [1.5], [3.5], [3.5]]) == pytest.approx(1 - 1 / 5)
    assert value("r2", labels, labels[::-1, None]) == pytest.approx(1 - 20 / 5)


def test_r2_is_the_mean_over_output_values_but_for_those_that_never_change() -> None:
    labels = np.array([[1.0, 10.0, 7.0], [2.0, 20.0, 7.0]])
    outputs = np.array([[1.0, 15.0, 8.0], [2.0, 15.0, 8.0]])
    assert value("r2", labels, outputs) == pytest.approx((1.0 + 0.0) / 2)
    with pytest.raises(BadInput, match="r2 is not defined"):
        value("r2", labels[:, 2:], outputs[:, 2:])


def area_by_pairs(positive: Any, scores: Any) -> float:
    """The share of pairs in which the positive scores higher, ties as half."""
    ahead = scores[positive][:, None] - scores[~positive][None, :]
    return float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


@given(SEEDS, st.integers(2, 6))
def test_roc_auc_is_the_share_of_pairs_in_order(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, 30)])
    scores = rng.integers(0, levels, 32) / levels
    expected = area_by_pairs(labels == 1, scores)
    for outputs in (scores, scores[:, None], np.stack([1 - scores, scores], -1)):
        assert value("roc_auc", labels, outputs) == pytest.approx(expected)
    assert value("roc_auc", np.eye(2)[labels], np.stack([-scores, scores], -1)) == pytest.approx(expected)
    assert value("roc_auc", 1 - labels, scores) == pytest.approx(1 - expected)


def test_roc_auc_by_hand() -> None:
    # Pairs (positive, negative): .35 > .1, .35 < .4, .8 > .1, .8 > .4.
    assert value("roc_auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75


def test_roc_auc_of_several_classes_is_the_mean_of_each_against_the_rest() -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    probabilities = softmax(logits)
    # Class 3 never occurs: there is nothing to say about it.
    expected = np.mean([area_by_pairs(labels == each, probabilities[:, each]) for each in range(3)])
    assert value("roc_auc", labels, probabilities) == pytest.approx(expected)
    assert value("roc_auc", labels, logits) == pytest.approx(expected)
    assert value("roc_auc", labels.reshape(6, 10), probabilities.reshape(6, 10, 4)) == pytest.approx(expected)


@pytest.mark.parametrize("outputs", [np.random.default_rng(0).random((5, 1)), softmax(np.eye(5))], ids=["one", "more"])
def test_roc_auc_of_a_single_class_is_refused(outputs: Any) -> None:
    with pytest.raises(BadInput, match="all of one class"):
        value("roc_auc", np.ones(5, int), outputs)


@given(SEEDS, st.sampled_from([(7,), (3, 5)]))
def test_perplexity_is_the_same_of_logits_and_probabilities_and_of_labels_however_written(
    seed: int, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(*shape, 4)) * 2, rng.integers(0, 4, shape)
    likelihood = np.take_along_axis(softmax(logits), labels[..., None], -1)
    expected = pytest.approx(np.exp(-np.log(likelihood).mean()))
    assert value("perplexity", labels, logits) == expected
    assert value("perplexity", labels, softmax(logits)) == expected
    assert value("perplexity", np.eye(4)[labels], softmax(logits)) == expected


@pytest.mark.parametrize("classes", [2, 50])
def test_perplexity_of_not_knowing_is_the_number_of_classes(classes: int) -> None:
    labels = np.arange(100) % classes
    assert value("perplexity", labels, np.full((100, classes), 1 / classes)) == pytest.approx(classes)
    assert value("perplexity", labels, np.zeros((100, classes))) == pytest.approx(classes)


def test_perplexity_counts_every_sample_once() -> None:
    outputs = np.concatenate([np.full((64, 2), 0.5), np.tile([0.25, 0.75], (65, 1))])
    expected = np.exp((64 * np.log(2) + 65 * np.log(4)) / 129)
    assert value("perplexity", np.zeros(129, int), outputs) == pytest.approx(expected)


def test_a_probability_of_zero_counts_as_the_smallest_step_of_float32() -> None:
    outputs = np.array([[0.0, 0.99609375]], np.float32)
    assert value("perplexity", [0], outputs) == pytest.approx(2**23)
    assert value("perplexity", [1], outputs) == pytest.approx(1 / 0.99609375)


def test_probabilities_rounded_to_int8_are_not_taken_for_logits() -> None:
    rng = np.random.default_rng(0)
    probabilities = softmax(rng.normal(size=(200, 100)))
    rounded = np.clip(np.round(probabilities * 256), 0, 255) / 256
    assert np.abs(rounded.sum(-1) - 1).max() > 0.02
    labels = probabilities.argmax(-1)
    assert value("perplexity", labels, rounded) == pytest.approx(value("perplexity", labels, probabilities), rel=0.02)


def test_psnr_by_hand_and_as_the_mean_over_images() -> None:
    labels = np.tile(np.linspace(0, 1, 16).reshape(4, 4, 1), (2, 1, 1, 1))
    errors = np.array([0.1, 0.001]).reshape(2, 1, 1, 1)
    assert value("psnr", labels, labels + errors) == pytest.approx((20 + 60) / 2)
    assert value("psnr", labels[..., 0], labels + errors) == pytest.approx(40)
    assert value("psnr", labels * 255, (labels + errors) * 255) == pytest.approx(40)
    assert value("psnr", labels * 2 - 1, (labels + errors) * 2 - 1) == pytest.approx(40)


def test_psnr_of_no_error_is_finite() -> None:
    labels = np.linspace(0, 1, 32).reshape(2, 4, 4, 1)
    assert value("psnr", labels, labels) == pytest.approx(100)


@pytest.mark.parametrize(
    ("low", "high", "peak"),
    [(0, 1, 1), (0.1, 0.8, 1), (-1, 1, 2), (-0.9, 0.7, 2), (0, 255, 255), (3, 250, 255), (0, 16, 16), (-3, 2, 5)],
)
def test_the_peak_is_the_usual_range_where_the_labels_fill_it(low: float, high: float, peak: float) -> None:
    assert pixel_range.peak(np.array([low, high])) == pytest.approx(peak)
    assert pixel_range.peak(np.array([low, low])) == 0


def ssim_by_definition(x: Any, y: Any, side: int, peak: float) -> float:
    """Mean over all windows inside two images of (height, width), straight from the paper's equation 13."""
    place = np.arange(side) - side // 2
    weights = np.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    found = []
    for row in range(x.shape[0] - side + 1):
        for column in range(x.shape[1] - side + 1):
            ours, theirs = (image[row : row + side, column : column + side] for image in (x, y))
            mean_x, mean_y = (weights * ours).sum(), (weights * theirs).sum()
            spread_x, spread_y = (weights * (ours - mean_x) ** 2).sum(), (weights * (theirs - mean_y) ** 2).sum()
            together = (weights * (ours - mean_x) * (theirs - mean_y)).sum()
            c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
            above = (2 * mean_x * mean_y + c1) * (2 * together + c2)
            found.append(above / ((mean_x**2 + mean_y**2 + c1) * (spread_x + spread_y + c2)))
    return float(np.mean(found))


@pytest.mark.parametrize(("size", "side"), [((13, 15), 11), ((11, 11), 11), ((8, 20), 7), ((3, 3), 3), ((2, 9), 1)])
def test_ssim_is_what_the_definition_says(size: tuple[int, int], side: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.random((3, *size, 2))
    outputs = labels + rng.normal(0, 0.1, labels.shape)
    pairs = [(outputs[n, ..., c], labels[n, ..., c]) for n in range(3) for c in range(2)]
    expected = np.mean([ssim_by_definition(x, y, side, 1.0) for x, y in pairs])
    assert value("ssim", labels, outputs) == pytest.approx(expected, abs=1e-12)


def test_ssim_of_flat_images_by_hand() -> None:
    labels = np.stack([np.zeros((12, 12)), np.ones((12, 12))])
    outputs = np.full((2, 12, 12), 0.5)
    # Nothing varies: what is left is (2xy + c) / (x² + y² + c) with c = 0.0001.
    expected = (0.0001 / 0.2501 + 1.0001 / 1.2501) / 2
    assert value("ssim", labels, outputs) == pytest.approx(expected)
    assert value("ssim", labels, labels) == pytest.approx(1.0)


def test_ssim_counts_every_image_once() -> None:
    labels = np.random.default_rng(0).random((18, 12, 12, 1))
    outputs = labels.copy()
    outputs[17] = 1 - outputs[17]
    alone = ssim_by_definition(outputs[17, ..., 0], labels[17, ..., 0], 11, 1.0)
    assert value("ssim", labels, outputs) == pytest.approx((17 + alone) / 18)
