"""Parity of two sets of outputs: facts that hold for any numbers, and numbers known by construction."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compressor import answers
from compressor.data import mapped
from compressor.errors import BadInput
from compressor.measurement.parity import SQNR_CEILING_DB, compare, differences, sqnr_db
from compressor.measurement.sums import sums

SHAPES = hnp.array_shapes(min_dims=2, max_dims=3, max_side=5)
FLOATS = st.floats(-1e6, 1e6, width=32)


def floats(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float32, shape, elements=FLOATS)


PAIRS = SHAPES.flatmap(lambda shape: st.tuples(floats(shape), floats(shape)))


@given(st.integers(-20, 20), st.integers(1, 16), SHAPES)
def test_noise_of_a_known_size_gives_the_known_ratio(level: int, bits: int, shape: tuple[int, ...]) -> None:
    reference = np.full(shape, 2.0**level)
    noise = reference * 2.0**-bits * np.where(np.arange(reference.size).reshape(shape) % 2, 1, -1)
    assert sqnr_db(reference + noise, reference) == pytest.approx(20 * bits * math.log10(2), abs=1e-9)


def test_rounding_a_uniform_signal_to_eight_bits_costs_six_decibels_per_bit() -> None:
    signal = np.random.default_rng(0).uniform(-1, 1, 200_000)
    step = 2 / 256
    assert sqnr_db(np.round(signal / step) * step, signal) == pytest.approx(6.02 * 8, abs=0.1)


@given(PAIRS, st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**20]))
def test_the_ratio_does_not_depend_on_the_unit(pair: tuple[Any, Any], factor: float) -> None:
    outputs, reference = pair
    scaled = sqnr_db(outputs.astype(float) * factor, reference.astype(float) * factor)
    assert scaled == pytest.approx(sqnr_db(outputs, reference), abs=1e-6)


@given(SHAPES.flatmap(floats))
def test_equal_outputs_reach_the_ceiling(values: Any) -> None:
    found = compare({"y": values}, {"y": values.copy()}, "mean_squared_error")
    assert (found.agreement, found.max_abs_error, found.sqnr_db) == (1.0, 0.0, SQNR_CEILING_DB)


@given(PAIRS)
def test_every_number_is_finite_and_in_its_range(pair: tuple[Any, Any]) -> None:
    found = compare({"y": pair[0]}, {"y": pair[1]}, "mean_squared_error")
    assert 0 <= found.agreement <= 1
    assert found.max_abs_error == np.abs(pair[0].astype(float) - pair[1].astype(float)).max()
    assert -SQNR_CEILING_DB <= found.sqnr_db <= SQNR_CEILING_DB


@given(PAIRS, st.sampled_from(["accuracy", "binary_accuracy"]))
def test_error_and_agreement_of_classes_do_not_depend_on_the_order(pair: tuple[Any, Any], metric: str) -> None:
    if metric == "binary_accuracy":
        # Probabilities: then both are cut at the same threshold.
        pair = tuple(np.abs(np.tanh(values.reshape(len(values), -1)[:, :1])) for values in pair)
    ours, theirs = compare({"y": pair[0]}, {"y": pair[1]}, metric), compare({"y": pair[1]}, {"y": pair[0]}, metric)
    assert (ours.agreement, ours.max_abs_error) == (theirs.agreement, theirs.max_abs_error)


def test_silence_answered_with_noise_is_the_floor() -> None:
    assert sqnr_db(np.ones(4), np.zeros(4)) == -SQNR_CEILING_DB
    assert sqnr_db(np.zeros(4), np.zeros(4)) == SQNR_CEILING_DB
    assert sqnr_db(np.zeros(4), np.ones(4)) == 0.0


def test_integers_are_subtracted_without_wrapping_around() -> None:
    low, high = np.full((2, 2), -128, np.int8), np.full((2, 2), 127, np.int8)
    assert compare({"y": low}, {"y": high}, "mean_squared_error").max_abs_error == 255.0
    assert compare({"y": high.view(np.uint8)}, {"y": low.view(np.uint8)}, "accuracy").max_abs_error == 1.0


def test_float32_differences_keep_their_digits() -> None:
    large = np.full((1, 2), 16_777_216, np.float32)
    assert compare({"y": large}, {"y": large.astype(float) + 1}, "mean_squared_error").max_abs_error == 1.0


def test_agreement_counts_equal_answers() -> None:
    reference = np.eye(4)
    outputs = reference[[0, 1, 2, 0]]
    assert compare({"y": outputs}, {"y": reference}, "accuracy").agreement == 0.75


def test_agreement_of_numbers_means_within_one_percent_of_the_spread() -> None:
    reference = np.array([[0.0], [100.0], [50.0], [50.0]])
    outputs = reference + np.array([[0.0], [1.0], [-1.0], [1.001]])
    assert compare({"y": outputs}, {"y": reference}, "mean_squared_error").agreement == 0.75


def test_outputs_are_joined_by_name_whatever_their_order() -> None:
    a, b = np.ones((3, 2)), np.zeros((3, 5))
    assert compare({"b": b, "a": a}, {"a": a, "b": b}, "mean_squared_error").max_abs_error == 0.0


def test_outputs_of_other_names_are_joined_by_position() -> None:
    a, b = np.ones((3, 2)), np.zeros((3, 5))
    assert compare({"p": a, "q": b}, {"a": a, "b": b}, "mean_squared_error").max_abs_error == 0.0


def test_the_worst_output_counts_and_the_first_one_answers() -> None:
    good, bad = np.eye(3), np.eye(3)[::-1] * 2
    found = compare({"a": good, "b": bad}, {"a": good, "b": good}, "accuracy")
    assert (found.agreement, found.max_abs_error) == (1.0, 2.0)
    assert found.sqnr_db == sqnr_db(bad, good)


@pytest.mark.parametrize(
    "outputs",
    [{"y": np.ones((3, 4))}, {"y": np.ones((4, 3))}, {"y": np.ones((3, 3)), "z": np.ones(3)}, {}],
)
def test_what_cannot_be_compared_is_refused_with_both_shapes(outputs: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"(?s)cannot be compared.*\(3, 3\)"):
        compare(outputs, {"y": np.ones((3, 3))}, "accuracy")


def test_without_labels_the_outputs_say_what_an_answer_is() -> None:
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9]])
    found = compare({"y": probabilities + np.array([-0.05, 0.05])}, {"y": probabilities}, "")
    assert found.agreement == 1.0
    regression = np.array([[6.0, 4.0], [1.0, 9.0]])
    assert compare({"y": regression + 0.5}, {"y": regression}, "").agreement == 0.0


@given(PAIRS)
def test_mean_error_and_cosine_are_numpys_own_and_hang_on_no_order(pair: tuple[Any, Any]) -> None:
    ours, theirs = (values.astype(float) for values in pair)
    found = compare({"y": pair[0]}, {"y": pair[1]}, "mean_squared_error")
    assert found.mean_abs_error == pytest.approx(np.abs(ours - theirs).mean(), rel=1e-12)
    sizes = np.linalg.norm(ours) * np.linalg.norm(theirs)
    expected = 1.0 if np.array_equal(ours, theirs) else (ours * theirs).sum() / sizes if sizes else 0.0
    assert found.cosine == pytest.approx(expected, abs=1e-9)
    assert found.cosine == compare({"y": pair[1]}, {"y": pair[0]}, "mean_squared_error").cosine


def test_of_several_outputs_the_worst_is_told() -> None:
    reference = {"a": np.ones((4, 2)), "b": np.ones((4, 100))}
    found = compare({"a": np.ones((4, 2)) * 1.5, "b": -np.ones((4, 100))}, reference, "mean_squared_error")
    assert (found.max_abs_error, found.mean_abs_error, found.cosine) == (2.0, 2.0, -1.0)
    assert (found.values, found.differing) == (408, 408)


@pytest.mark.parametrize(
    ("scales", "steps"), [({"y": 0.25}, 3), ({"y": 0.25, "z": 0.5}, 3), ({}, None), ({"z": 0.5}, None)]
)
def test_differences_are_told_in_steps_where_every_output_has_them(scales: dict[str, float], steps: int | None) -> None:
    reference = np.zeros((3, 2), np.float32)
    outputs = reference.copy()
    outputs[1, 0] = -0.75
    assert differences({"y": outputs}, {"y": reference}).max_lsb(scales) == steps


def test_sums_are_the_same_in_blocks_and_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(1000, 7)).astype(np.float32), rng.normal(size=(1000, 7)).astype(np.float32)
    whole = sums(ours, theirs)
    monkeypatch.setattr("compressor.data.columns.BLOCK_BYTES", 8 * 7 * 64)
    parts = sums(ours, theirs)
    assert (parts.values, parts.largest, parts.reach) == (whole.values, whole.largest, whole.reach)
    assert parts.squared == pytest.approx(whole.squared, rel=1e-12)
    close = answers.same_values(ours, theirs)
    monkeypatch.undo()
    assert np.array_equal(close, answers.same_values(ours, theirs))


def test_large_outputs_are_compared_in_little_memory(tmp_path: Path) -> None:
    shape = (4000, 4000)
    for name in ("ours", "theirs"):
        np.savez(tmp_path / f"{name}.npz", y=np.zeros(shape, np.float32))
    tracemalloc.start()
    try:
        ours, theirs = (mapped.arrays(tmp_path / f"{name}.npz") for name in ("ours", "theirs"))
        assert compare(ours, theirs, "mean_squared_error").agreement == 1.0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Each file has 64 MB; float64 copies of both and their difference would take 384.
    assert peak < 250e6


@given(st.lists(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)), max_size=3))
def test_a_mapped_file_holds_what_was_written(tmp_path_factory: pytest.TempPathFactory, arrays: list[Any]) -> None:
    path = tmp_path_factory.mktemp("npz") / "arrays.npz"
    written = {f"a{place}": array for place, array in enumerate(arrays)}
    written["by_column"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for save in (np.savez, np.savez_compressed):
        save(path, **written)
        found = mapped.arrays(path)
        assert found.keys() == written.keys()
        assert all(np.array_equal(found[name], written[name], equal_nan=True) for name in written)
