"""Answers that differ: counts, confusion, which samples are shown, and what a person sees of them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from compressor import metrics, png
from compressor.data.spec import DataSpec
from compressor.evidence import answer_figures, shown_samples
from compressor.evidence.answer_figures import Compared
from compressor.report.evidence import AnswersPart, SampleValue
from compressor.values import Array

SPEC = DataSpec(source="x")
PROBABILITIES = np.array(
    [
        [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]],  # 0, 0: right
        [[0.6, 0.4, 0.0], [0.4, 0.6, 0.0]],  # 0, 1: worse
        [[0.2, 0.8, 0.0], [0.7, 0.3, 0.0]],  # 1, 0: better
        [[0.9, 0.1, 0.0], [0.1, 0.1, 0.8]],  # 0, 2: worse, and by far
        [[0.5, 0.3, 0.2], [0.3, 0.5, 0.2]],  # 0, 1: wrong both, the label is 2
    ]
)
REFERENCE, COMPRESSED = PROBABILITIES[:, 0], PROBABILITIES[:, 1]
LABELS = np.array([0, 0, 0, 0, 2])


def part(compared: Compared) -> AnswersPart:
    return answer_figures.part(compared, "tflite", "int8", "litert")


def test_answers_are_counted_and_what_got_worse_is_shown_first() -> None:
    found = part(Compared(COMPRESSED, REFERENCE, LABELS, "accuracy", ("cat", "dog", "cow")))
    assert (found.evaluated, found.disagreeing, found.worse, found.better) == (5, 4, 2, 1)
    assert found.confusion is not None
    assert found.confusion.classes == ["cat", "dog", "cow"]
    assert found.confusion.reference == [[3, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert found.confusion.compressed == [[2, 1, 1], [0, 0, 0], [0, 1, 0]]
    assert [(each.index, each.label, each.reference, each.compressed) for each in found.samples] == [
        (3, "cat", "cat", "cow"),
        (1, "cat", "cat", "dog"),
        (4, "cow", "cat", "dog"),
        (2, "cat", "dog", "cat"),
    ]
    first = found.samples[0]
    assert (first.reference_confidence, first.compressed_confidence) == (0.9, 0.8)


def test_confidences_of_logits_are_softmax() -> None:
    reference, compressed = np.array([[0.0, np.log(3)]]), np.array([[np.log(4), 0.0]])
    (sample,) = part(Compared(compressed, reference, None, "")).samples
    assert (sample.label, sample.reference, sample.compressed) == (None, "1", "0")
    assert (sample.reference_confidence, sample.compressed_confidence) == (0.75, 0.8)


@pytest.mark.parametrize(("reference", "sure"), [([[0.9], [0.2], [0.4]], 0.9), ([[2.0], [-1.0], [-3.0]], 0.8808)])
def test_sides_of_a_threshold(reference: Any, sure: float) -> None:
    compressed = -np.asarray(reference) if reference[0][0] > 1 else 1 - np.asarray(reference)
    found = part(Compared(compressed, np.asarray(reference), np.array([1, 0, 1]), "binary_accuracy", ("ham", "spam")))
    assert (found.evaluated, found.disagreeing, found.worse, found.better) == (3, 3, 2, 1)
    assert found.confusion is not None
    assert (found.confusion.reference, found.confusion.compressed) == ([[1, 0], [1, 1]], [[0, 1], [1, 1]])
    by_index = {each.index: each for each in found.samples}
    assert (by_index[0].label, by_index[0].reference, by_index[0].compressed) == ("spam", "spam", "ham")
    assert (by_index[0].reference_confidence, by_index[0].compressed_confidence) == (sure, sure)


def test_values_show_the_samples_that_differ_most() -> None:
    reference = np.linspace(0, 100, 40).reshape(20, 2)
    compressed = reference.copy()
    compressed[3, 1] += 9
    compressed[7, 0] -= 20
    compressed[8, 0] += 0.5
    found = part(Compared(compressed, reference, reference.round(), "mean_squared_error"))
    assert (found.evaluated, found.disagreeing, found.worse, found.confusion) == (20, 2, None, None)
    assert [each.index for each in found.samples] == [7, 3]
    told = found.samples[0]
    assert (told.label, told.reference, told.compressed) == ("36, 38", "35.8974, 38.4615", "15.8974, 38.4615")


def test_of_many_values_the_one_that_differs_most_is_told() -> None:
    reference = np.arange(20.0).reshape(2, 10)
    compressed = reference + np.eye(2, 10, 4) * 5
    found = part(Compared(compressed, reference, None, "mean_absolute_error"))
    assert [(each.index, each.reference, each.compressed) for each in found.samples] == [
        (0, "4", "9"),
        (1, "15", "20"),
    ]


def test_sequences_are_counts_alone() -> None:
    reference = np.eye(3)[[[0, 1], [2, 0]]]
    compressed = np.eye(3)[[[0, 1], [1, 1]]]
    found = part(Compared(compressed, reference, np.array([[0, 1], [2, 2]]), "accuracy"))
    assert (found.evaluated, found.disagreeing, found.worse, found.better, found.samples) == (4, 2, 1, 0, [])


def test_too_many_classes_have_no_matrix_and_too_many_samples_are_not_shown() -> None:
    reference = np.eye(31)
    found = part(Compared(np.roll(reference, 1, 1), reference, np.arange(31), "accuracy"))
    assert (found.confusion, found.disagreeing, found.worse, len(found.samples)) == (None, 31, 31, 12)
    assert [each.index for each in found.samples] == list(range(12))


def test_a_metric_of_five_has_its_own_right_and_wrong() -> None:
    reference = np.tile(np.linspace(1, 0, 8), (3, 1))
    compressed = reference[:, ::-1]
    found = part(Compared(compressed, reference, np.array([0, 7, 4]), "top_5_accuracy"))
    assert (found.worse, found.better) == (1, 1)


@given(
    arrays(np.float32, (9, 4), elements=st.integers(-3, 3)),
    arrays(np.float32, (9, 4), elements=st.integers(-3, 3)),
    arrays(np.int64, 9, elements=st.integers(0, 3)),
    st.sampled_from(["accuracy", "perplexity", "roc_auc", ""]),
)
def test_counts_agree_with_the_metric(reference: Array, compressed: Array, labels: Array, metric: str) -> None:
    found = part(Compared(compressed, reference, labels, metric))
    assert found.confusion is None or (
        np.sum(found.confusion.reference) == np.sum(found.confusion.compressed) == found.evaluated == 9
    )
    if metric == "accuracy" and found.worse is not None and found.better is not None:
        value = metrics.load(metric).value
        drop = value(labels, reference) - value(labels, compressed)
        assert (found.worse - found.better) / found.evaluated == pytest.approx(drop)


def decoded(address: str) -> Array:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))))


@given(arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3]))))
def test_a_picture_decodes_to_its_pixels(picture: Array) -> None:
    expected = picture[..., 0] if picture.shape[2] == 1 else picture
    np.testing.assert_array_equal(decoded(png.data_address(picture)), expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_slopes_are_told_by_differences_and_decode_to_their_pixels(axis: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 90)
    picture = np.broadcast_to(noise if axis else noise[:, None], (90, 90)).astype(np.uint8)
    picture = (picture + np.arange(90)[:, None] * axis + np.arange(90) * (1 - axis)).astype(np.uint8)[..., None]
    assert len(png.encoded(picture)) < 2_000
    np.testing.assert_array_equal(decoded(png.data_address(picture)), picture[..., 0])


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        *(((4, 4), True), ((32, 32, 3), True), ((61, 40, 1), True), ((3, 32, 32), True)),
        *(((3, 4), False), ((10,), False), ((8, 8, 2), False), ((2, 8, 3), False), ((4, 4, 4, 1), False)),
    ],
)
def test_what_is_a_picture(shape: tuple[int, ...], kind: bool) -> None:
    assert png.pictured(shape) is kind


def test_large_pictures_are_means_of_what_a_pixel_covers() -> None:
    checked = np.indices((192, 96)).sum(0) % 2 * 200.0
    small = png.shrunk(checked)
    assert small.shape == (96, 48, 1)
    assert (small == 100).all()
    assert png.shrunk(np.ones((3, 100, 250), np.uint8)).shape == (38, 96, 3)


def disagreeing(*rows: int) -> AnswersPart:
    samples = [SampleValue(index=row, label=None, reference="0", compressed="1") for row in rows]
    return AnswersPart(
        format="onnx", precision="int8", runtime="r", evaluated=9, disagreeing=len(rows), samples=samples
    )


def saved(folder: Path, **columns: Array) -> Path:
    np.savez(folder / "data.npz", **columns)
    return folder / "data.npz"


def test_bytes_are_shown_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 5, 6, 3), np.uint8)
    (found,) = shown_samples.with_inputs([disagreeing(7, 2)], saved(tmp_path, x_evaluation=pixels), SPEC)
    for sample in found.samples:
        np.testing.assert_array_equal(decoded(sample.image or ""), pixels[sample.index])


def test_real_numbers_are_stretched_over_the_range_that_is_seen(tmp_path: Path) -> None:
    values = np.zeros((9, 4, 4, 1), np.float32)
    values[1], values[2], values[5] = -1.0, 3.0, 99.0
    (found,) = shown_samples.with_inputs([disagreeing(0, 1, 2)], saved(tmp_path, x_evaluation_i=values), SPEC)
    assert [decoded(each.image or "")[0, 0] for each in found.samples] == [64, 0, 255]


def test_pictures_end_where_the_report_would_grow_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(tmp_path, x_evaluation=np.zeros((9, 4, 4), np.float32))
    (one,) = shown_samples.with_inputs([disagreeing(0)], data, SPEC)
    monkeypatch.setattr(shown_samples, "MOST_CHARACTERS", 3 * len(one.samples[0].image or ""))
    parts = shown_samples.with_inputs([disagreeing(0, 1, 2), disagreeing(0, 3)], data, SPEC)
    assert [[each.image is not None for each in part.samples] for part in parts] == [[True, True, False], [True, False]]


def test_texts_are_told_where_the_vocabulary_is_known(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\n[UNK]\nfree\nmoney\n")
    data = saved(tmp_path, x_evaluation=np.array([[2, 3, 0], [3, 9, 2]], np.int32))
    spec = DataSpec(source="x", vocabulary=str(tmp_path / "words.txt"))
    (found,) = shown_samples.with_inputs([disagreeing(0, 1)], data, spec)
    assert [(each.text, each.image) for each in found.samples] == [("free money", None), ("money ? free", None)]
    (plain,) = shown_samples.with_inputs([disagreeing(0)], data, SPEC)
    assert plain.samples[0].text is None
