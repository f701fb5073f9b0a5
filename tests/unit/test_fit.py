"""A data set fitted to a model: renamed and cast where that loses nothing, refused where it cannot belong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.data import columns
from compressor.data.fit import Fitted
from compressor.data.fit import fit as fit_into
from compressor.data.layout import Layout
from compressor.data.npz import NpzFile
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import Dataset, Split, Stream, TensorSpec

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


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("fit"))
        yield Path.cwd()


def fit(data: Dataset, inputs: Any, outputs: Any, **settings: Any) -> Fitted:
    return fit_into(data, DataSpec(source="s", **settings), inputs, outputs, Path("data.npz"))


def whole(part: Split | Stream, size: int = 256) -> Split:
    blocks = list(part.blocks(size))
    labels = [block.labels for block in blocks if block.labels is not None]
    inputs = {name: np.concatenate([block.inputs[name] for block in blocks]) for name in blocks[0].inputs}
    return Split(inputs, np.concatenate(labels) if labels else None)


def fitted(data: Dataset, spec: TensorSpec = IMAGE, output: TensorSpec = CLASSES, **settings: Any) -> Any:
    return whole(fit(data, (spec,), (output,), **settings).dataset.evaluation).inputs[spec.name]


def refusal(data: Dataset, spec: TensorSpec = IMAGE, output: TensorSpec = CLASSES, **settings: Any) -> str:
    with pytest.raises(BadInput) as caught:
        fit(data, (spec,), (output,), **settings)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float64", "float16", "float32", "uint8", "int64", "bool"])
def test_the_only_input_takes_the_models_name_and_dtype(dtype: str) -> None:
    values = (images() * 9 > 4) if dtype == "bool" else (images() * 9).astype(dtype)
    found = fitted(dataset(values, calibration=(images(seed=1) * 9).astype(dtype)))
    assert found.dtype == np.float32
    assert found.tolist() == values.astype(np.float32).tolist()


def test_inputs_come_in_the_models_order() -> None:
    a, b = TensorSpec("a", (None, 2, 3), "float32"), TensorSpec("b", (None, 2, 3), "float32")
    one, other = (Split({"b": images(seed=seed), "a": images(seed=seed + 1)}) for seed in (0, 2))
    found = fit(Dataset("d", "s", one, other), (a, b), (CLASSES,)).dataset
    assert list(whole(found.evaluation).inputs) == ["a", "b"]
    assert list(found.calibration.inputs) == ["a", "b"]


def test_an_input_may_be_named_as_the_author_or_as_the_files_name_it() -> None:
    spec = TensorSpec("my_image_0", (None, 2, 3), "float32")
    one, other = (Split({"my/image:0": images(seed=seed)}) for seed in (0, 1))
    assert list(fit(Dataset("d", "s", one, other), (spec,), (CLASSES,)).dataset.calibration.inputs) == ["my_image_0"]


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
    assert f"received: {shape[1:]}" in told


@pytest.mark.parametrize("length", [1, 7])
def test_a_free_dimension_takes_any_size(length: int) -> None:
    tokens = np.arange(4 * length).reshape(4, length)
    assert fitted(dataset(tokens, calibration=tokens + 100), TOKENS).shape == (4, length)


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
        found = fitted(dataset(values, calibration=np.array([[0], [1]])), spec, overlap="drop")
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
    found = whole(fit(dataset(labels=FITTING[case]), (IMAGE,), (CLASSES,)).dataset.evaluation).labels
    assert found is not None
    assert found.tolist() == FITTING[case].tolist()


def test_class_numbers_in_a_column_become_a_row() -> None:
    data = dataset(labels=np.array([[0], [9], [3], [3]]))
    found = whole(fit(data, (IMAGE,), (CLASSES,)).dataset.evaluation).labels
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
    found = fit(dataset(labels=np.array([-5, 12, 3, 3])), (IMAGE,), (FLOW,)).dataset.evaluation
    assert whole(found).labels is not None


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


def shared_with(count: int, own: int, **other: Any) -> Dataset:
    """A data set whose first `count` evaluation samples calibrate too, besides `own` others."""
    both = images(count + 3)
    return dataset(both, calibration=np.concatenate([both[:count], images(own, seed=9)]), **other)


@given(st.integers(1, 6), st.integers(1, 6))
def test_samples_in_both_sets_are_counted_and_refused_with_the_ways_out(count: int, own: int) -> None:
    told = refusal(shared_with(count, own))
    assert told.startswith(f"the calibration and the evaluation set share {count} sample")
    assert "--preprocess overlap=drop" in told


@given(st.integers(0, 6), st.integers(1, 6), st.booleans())
def test_shared_samples_leave_the_calibration_set_where_that_is_wanted(count: int, own: int, split_here: bool) -> None:
    data = shared_with(count, own, split_here=split_here)
    found = fit(data, (IMAGE,), (CLASSES,), overlap="refuse" if split_here else "drop").dataset
    assert found.calibration.inputs["image"].tolist() == images(own, seed=9).astype(np.float32).tolist()
    assert found.evaluation.count == count + 3
    assert len(found.notes) == (count > 0)
    assert all(note.startswith(f"{count} sample") for note in found.notes)
    kept = Layout("s", NpzFile(Path("data.npz")).columns()).part("calibration")
    assert kept.count == own


def test_shared_samples_are_found_whatever_numbers_they_are_stored_as() -> None:
    values = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    assert "share 4 samples" in refusal(dataset(values, calibration=np.append(values, values[:1] + 9, 0) * 1.0))


@pytest.mark.parametrize("settings", [{"overlap": "drop"}, {}])
def test_nothing_left_to_calibrate_on_is_refused(settings: Any) -> None:
    data = dataset(images(), calibration=images()[1:], split_here=not settings)
    assert "nothing is left to calibrate on" in refusal(data, **settings)


def test_refused_data_leaves_no_file(tmp_path: Path) -> None:
    for data in (shared_with(1, 1), dataset(np.full((4, 2, 3), np.nan))):
        with pytest.raises(BadInput):
            fit_into(data, DataSpec(source="s"), (IMAGE,), (CLASSES,), tmp_path / "data.npz")
    assert list(tmp_path.iterdir()) == []


def test_training_samples_that_evaluate_are_told_and_kept() -> None:
    train = np.concatenate([images()[:3], images(seed=5)])
    found = fit(dataset(train=Split({"": train}, np.zeros(7, int))), (IMAGE,), (CLASSES,))
    assert found.warnings[0].startswith("the training and the evaluation set share 3 samples")
    assert found.dataset.train is not None
    assert found.dataset.train.count == 7


def test_data_in_memory_that_fits_is_not_copied() -> None:
    train = images(seed=2).astype(np.float32)
    found = fit(dataset(train=Split({"": train}, np.arange(4))), (IMAGE,), (CLASSES,)).dataset
    assert (found.name, found.source) == ("d", "s")
    assert found.train is not None
    assert found.train.inputs["image"] is train


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two samples at a time."""
    monkeypatch.setattr(columns, "BLOCK_BYTES", 2 * 6 * 8)


@pytest.mark.usefixtures("small_blocks")
def test_shared_samples_of_all_blocks_count() -> None:
    both = images(12)
    data = dataset(both, calibration=np.concatenate([both[[0, 5, 11]], images(2, seed=9)]))
    assert "share 3 samples" in refusal(data)
    assert fit(data, (IMAGE,), (CLASSES,), overlap="drop").dataset.calibration.count == 2


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("large", [0, 3])
def test_the_scale_is_that_of_all_blocks(large: int) -> None:
    values = images(8)
    values[2 * large : 2 * large + 2] *= 255
    told = refusal(dataset(values))
    assert "the calibration and evaluation sets are scaled differently" in told
    assert f"evaluation from {values.min():g} to {values.max():g}" in told
