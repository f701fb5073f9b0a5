"""A data set fitted to a model: renamed and cast where that loses nothing, refused where it cannot belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.data.fit import fit
from compressor.errors import BadInput
from compressor.values import Dataset, Split, TensorSpec

IMAGE = TensorSpec("image", (None, 2, 3), "float32")
TOKENS = TensorSpec("tokens", (None, None), "int32")
CLASSES = TensorSpec("digit", (None, 10), "float32")
FLOW = TensorSpec("flow", (None, 1), "float32")


def images(count: int = 4, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((count, 2, 3))


def dataset(evaluation: Any = None, labels: Any = None, calibration: Any = None, **other: Any) -> Dataset:
    evaluation = images() if evaluation is None else evaluation
    calibration = images(seed=1) if calibration is None else calibration
    return Dataset("d", "s", Split({"": calibration}), Split({"": evaluation}, labels), **other)


def fitted(data: Dataset, spec: TensorSpec = IMAGE, output: TensorSpec = CLASSES) -> Any:
    return fit(data, (spec,), (output,))[0].evaluation.inputs[spec.name]


def refusal(data: Dataset, spec: TensorSpec = IMAGE, output: TensorSpec = CLASSES) -> str:
    with pytest.raises(BadInput) as caught:
        fit(data, (spec,), (output,))
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float64", "float16", "float32", "uint8", "int64", "bool"])
def test_the_only_input_takes_the_models_name_and_dtype(dtype: str) -> None:
    values = (images() * 9).astype(dtype)
    found = fitted(dataset(values, calibration=values[::-1]))
    assert found.dtype == np.float32
    assert found.tolist() == values.astype(np.float32).tolist()


def test_inputs_come_in_the_models_order() -> None:
    a, b = TensorSpec("a", (None, 2, 3), "float32"), TensorSpec("b", (None, 2, 3), "float32")
    one = Split({"b": images(), "a": images(seed=1)})
    found = fit(Dataset("d", "s", one, one), (a, b), (CLASSES,))[0]
    assert list(found.calibration.inputs) == ["a", "b"]


def test_an_input_may_be_named_as_the_author_or_as_the_files_name_it() -> None:
    spec = TensorSpec("my_image_0", (None, 2, 3), "float32")
    one = Split({"my/image:0": images()})
    assert list(fit(Dataset("d", "s", one, one), (spec,), (CLASSES,))[0].calibration.inputs) == ["my_image_0"]


def test_inputs_of_other_names_are_refused_with_both_lists() -> None:
    one = Split({"left": images(), "right": images()})
    told = refusal(Dataset("d", "s", one, one))
    assert "expected: x_calibration_image" in told
    assert "received: x_calibration_left, x_calibration_right" in told


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 3, 2), (4, 2, 3, 1)])
def test_samples_of_another_shape_are_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    told = refusal(dataset(np.ones(shape)))
    assert "x_evaluation does not fit the input 'image'" in told
    assert "expected: samples of shape (2, 3)" in told
    assert f"received: {shape}" in told


@pytest.mark.parametrize("length", [1, 7])
def test_a_free_dimension_takes_any_size(length: int) -> None:
    tokens = np.arange(4 * length).reshape(4, length)
    assert fitted(dataset(tokens, calibration=tokens + 1), TOKENS).shape == (4, length)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted(bad: float) -> None:
    values = images()
    values[1, 0, :2] = bad
    assert "x_evaluation holds 2 values that are NaN or infinite" in refusal(dataset(values))


@pytest.mark.parametrize("values", [np.full((4, 2, 3), "a"), np.full((4, 2, 3), 1j), np.zeros((4, 2, 3), "M8[s]")])
def test_what_is_not_numeric_is_refused(values: Any) -> None:
    assert "x_evaluation is not numeric" in refusal(dataset(values))


def test_values_beyond_the_models_floats_are_refused() -> None:
    assert "out of the range of float32" in refusal(dataset(images() * 1e39, calibration=images() * 1e39))


@given(st.sampled_from(["int8", "uint8", "int16", "int32"]), st.integers(-(2**33), 2**33), st.booleans())
def test_an_integer_input_takes_exactly_what_it_can_hold(dtype: str, value: int, as_float: bool) -> None:
    values = np.full((2, 1), value, np.float64 if as_float else np.int64)
    spec, info = TensorSpec("tokens", (None, 1), dtype), np.iinfo(dtype)
    if info.min <= value <= info.max:
        found = fitted(dataset(values, calibration=values), spec)
        assert (found.dtype, found[0, 0]) == (np.dtype(dtype), value)
    else:
        assert f"whole numbers in the range of {dtype}" in refusal(dataset(values, calibration=values), spec)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(0.5, "int32"), (2.0**63, "int64"), (-(2.0**64), "int64"), (2.0**64, "uint64"), (np.uint64(2**63), "int64")],
)
def test_an_integer_input_takes_nothing_that_would_change(value: Any, dtype: str) -> None:
    values = np.full((2, 1), value)
    told = refusal(dataset(values, calibration=values), TensorSpec("tokens", (None, 1), dtype))
    assert f"whole numbers in the range of {dtype}" in told


FITTING = {
    "class numbers": np.array([0, 9, 3, 3]),
    "one-hot": np.eye(10)[:4],
    "fewer than the model has": np.zeros(4, np.uint8),
}


@pytest.mark.parametrize("case", FITTING)
def test_labels_of_the_model_are_kept_as_they_are(case: str) -> None:
    found = fit(dataset(labels=FITTING[case]), (IMAGE,), (CLASSES,))[0].evaluation.labels
    assert found is not None
    assert found.tolist() == FITTING[case].tolist()


def test_class_numbers_in_a_column_become_a_row() -> None:
    found = fit(dataset(labels=np.array([[0], [9], [3], [3]])), (IMAGE,), (CLASSES,))[0].evaluation.labels
    assert found is not None
    assert found.tolist() == [0, 9, 3, 3]


@pytest.mark.parametrize("labels", [np.zeros((4, 3)), np.zeros((4, 10, 2)), np.array([0.5, 1.5, 2.5, 3.5])])
def test_labels_of_another_kind_than_the_output_are_refused(labels: Any) -> None:
    with pytest.raises(BadInput, match=r"y_\w+ (does not fit the output|holds class numbers)"):
        fit(dataset(labels=labels), (IMAGE,), (CLASSES,))


UNFIT = {
    "too high": (np.array([0, 10, 3, 3]), "received: 0 to 10"),
    "negative": (np.array([-1, 0, 3, 3]), "received: -1 to 3"),
    "too high in a column": (np.array([[0], [10], [3], [3]]), "received: 0 to 10"),
    "NaN": (np.array([0, np.nan, 3, 3]), "NaN or infinite"),
    "words": (np.array(["a", "b", "c", "d"]), "not numeric"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_labels_that_the_model_cannot_have_are_refused(case: str) -> None:
    labels, told = UNFIT[case]
    assert told in refusal(dataset(labels=labels))


def test_any_finite_number_is_a_label_of_a_regression() -> None:
    assert fit(dataset(labels=np.array([-5, 12, 3, 3])), (IMAGE,), (FLOW,))[0].evaluation.labels is not None


def test_pixels_of_one_label_each_are_checked_too() -> None:
    mask = TensorSpec("mask", (None, 2, 2, 3), "float32")
    labels = np.zeros((4, 2, 2), np.int64)
    labels[0, 0, 0] = 3
    assert "expected: 0 to 2" in refusal(dataset(labels=labels), output=mask)


@pytest.mark.parametrize("factor", [255.0, 1 / 255])
@pytest.mark.parametrize("name", ["calibration", "train"])
def test_sets_of_different_scale_are_refused(name: str, factor: float) -> None:
    data = dataset(train=Split({"": images(seed=2)}, np.zeros(4, int)))
    wrong = {name: Split({"": images(seed=3) * factor}, np.zeros(4, int))}
    told = refusal(
        Dataset("d", "s", **{"calibration": data.calibration, "train": data.train} | wrong, evaluation=data.evaluation)
    )
    assert f"the {name} and evaluation sets are scaled differently" in told


@pytest.mark.parametrize("factor", [1.0, 2.0, 0.2])
def test_sets_of_nearly_the_same_scale_are_taken(factor: float) -> None:
    fit(dataset(calibration=images(seed=3) * factor), (IMAGE,), (CLASSES,))


@given(st.integers(0, 6), st.integers(1, 6))
def test_samples_in_both_sets_are_counted_in_a_warning(shared: int, own: int) -> None:
    both = images(shared + own)
    data = dataset(both, calibration=np.concatenate([both[:shared], images(own, seed=9)]))
    warnings = fit(data, (IMAGE,), (CLASSES,))[1]
    if shared:
        assert warnings[0].startswith(f"{shared} samples are in the calibration and in the evaluation set")
    else:
        assert warnings == ()


def test_a_data_set_that_fits_is_left_as_it_is() -> None:
    once = fit(dataset(labels=np.arange(4), train=Split({"": images(seed=2)}, np.arange(4))), (IMAGE,), (CLASSES,))[0]
    twice = fit(once, (IMAGE,), (CLASSES,))[0]
    assert (twice.name, twice.source) == ("d", "s")
    assert twice.train is not None
    assert once.train is not None
    assert twice.train.inputs["image"] is once.train.inputs["image"]
    assert twice.evaluation.labels is once.evaluation.labels
