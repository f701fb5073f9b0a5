"""Values on their way into a model: subtract and divide, by number or by channel, and the same again from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import data_sources
from compressor.data import preparation
from compressor.data.fit import fit
from compressor.data.layout import Layout
from compressor.data.npz import NpzFile
from compressor.data.preparation import Preparation
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.measurement import evaluation
from compressor.values import Array, Dataset, Split, TensorSpec

CLASSES = TensorSpec("y", (None, 2), "float32")
PER_CHANNEL = {"subtract": [10.0, 20.0, 30.0], "divide": [2.0, 4.0, 8.0]}
SUBTRACT, DIVIDE = np.float32(PER_CHANNEL["subtract"]), np.float32(PER_CHANNEL["divide"])


def bytes_of(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def prepared(array: Array, dtype: str = "float32", **settings: Any) -> Array:
    preparing = Preparation(DataSpec(source="s", **settings), {"x": dtype})
    preparing.check()
    return preparing(Split({"x": array})).inputs["x"]


def test_one_number_is_for_all_values() -> None:
    found = prepared(bytes_of(4, 2, 3), subtract=127.5, divide=127.5)
    assert found.dtype == np.float32
    assert np.array_equal(found, (bytes_of(4, 2, 3).astype(np.float32) - 127.5) / np.float32(127.5))


def test_numbers_per_channel_are_for_the_last_axis() -> None:
    for shape in ((4, 5, 6, 3), (4, 7, 3), (4, 3), (4, 3, 3)):
        array = bytes_of(*shape)
        assert np.array_equal(prepared(array, **PER_CHANNEL), (array.astype(np.float32) - SUBTRACT) / DIVIDE)


@given(st.integers(1, 5), st.sampled_from([1, 2, 4, 5]))
def test_or_for_the_first_axis_where_only_that_has_as_many(height: int, width: int) -> None:
    array = bytes_of(4, 3, height, width)
    last = prepared(np.moveaxis(array, 1, -1), **PER_CHANNEL)
    assert np.array_equal(prepared(array, **PER_CHANNEL), np.moveaxis(last, -1, 1))


def test_an_axis_in_the_middle_is_no_axis_of_channels() -> None:
    with pytest.raises(BadInput, match=r"(?s)divide holds 3 numbers.*or 8: one per channel.*; or 6, where channels"):
        prepared(bytes_of(4, 6, 3, 8), divide=[1.0, 2.0, 3.0])
    with pytest.raises(BadInput, match=r"or 5: one per channel \(last axis\) of samples of \(5,\)$"):
        prepared(bytes_of(4, 5), divide=[1.0, 2.0, 3.0])


def test_whole_numbers_are_left_as_they_are() -> None:
    preparing = Preparation(DataSpec(source="s", divide=2.0), {"ids": "int32", "x": "float32"})
    preparing.check()
    found = preparing(Split({"ids": bytes_of(4, 2), "x": bytes_of(4, 2)})).inputs
    assert np.array_equal(found["ids"], bytes_of(4, 2))
    assert np.array_equal(found["x"], bytes_of(4, 2) / np.float32(2))
    with pytest.raises(BadInput, match="for inputs of real numbers, and there is none"):
        prepared(bytes_of(4, 2), "int32", divide=2.0)


def test_values_that_leave_the_range_are_refused() -> None:
    with pytest.raises(BadInput, match="out of the range of float16"):
        prepared(bytes_of(4, 2) + 1, "float16", divide=1e-6)


@pytest.mark.parametrize("shape", [(3, 5, 6), (5, 6, 3), (3, 6, 3)])
def test_a_written_file_is_prepared_alike_when_it_is_read_again(shape: tuple[int, ...], tmp_path: Path) -> None:
    tensor = TensorSpec("x", (None, *shape), "float32")
    seen, judged = bytes_of(4, *shape, seed=1), bytes_of(6, *shape, seed=2)
    dataset = Dataset("d", "s", Split({"": seen}), Split({"": judged}, np.arange(6) % 2))
    fitted = fit(dataset, DataSpec(source="s", **PER_CHANNEL), (tensor,), (CLASSES,), tmp_path / "data.npz").dataset
    kept = NpzFile(tmp_path / "data.npz")
    read = Layout("d", kept.columns(), kept.preparation())
    assert kept.headers["x_evaluation"].dtype == np.uint8
    assert np.array_equal(read.part("calibration").whole().inputs[""], fitted.calibration.inputs["x"])
    expected = prepared(judged, **PER_CHANNEL)
    assert np.array_equal(read.part("evaluation").whole().inputs[""], expected)
    assert np.array_equal(next(iter(fitted.evaluation.blocks(6))).inputs["x"], expected)
    assert len(np.unique(expected)) > len(np.unique(judged))


@pytest.mark.parametrize("shape", [(3, 5, 6), (5, 6, 3)])
def test_measuring_prepares_as_a_run_does(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", x=bytes_of(6, *shape))
    spec = DataSpec(source=str(tmp_path / "plain.npz"), **PER_CHANNEL)
    read = evaluation.reader(lambda wanted: data_sources.load("npz").read(spec, wanted), spec, False)
    (block,) = read((TensorSpec("x", (None, *shape), "float32"),)).blocks(6)
    assert np.array_equal(block.inputs["x"], prepared(bytes_of(6, *shape), **PER_CHANNEL))


def test_a_preparation_told_as_text_is_the_same() -> None:
    told = Preparation(DataSpec(source="/somewhere/else", **PER_CHANNEL), {"x": "float32"})
    again = preparation.from_json(told.to_json())
    assert "somewhere" not in told.to_json()
    assert (again.spec.subtract, again.spec.divide) == (PER_CHANNEL["subtract"], PER_CHANNEL["divide"])
    for text in ("[]", "{}", '{"spec": {"divide": 0}, "dtypes": {}}', '{"spec": {}, "dtypes": {"x": "strange"}}', "{"):
        with pytest.raises(ValueError, match=r".+"):
            preparation.from_json(text)
