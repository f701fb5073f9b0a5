"""A run's `data.npz`: samples as they came, and read again exactly as the model was fed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import compressor
from compressor import data_sources
from compressor.data import columns, npz_writer
from compressor.data.fit import Fitted, fit
from compressor.data.npz import PREPARATION, NpzFile
from compressor.data.spec import DataSpec
from compressor.data_sources import Wanted
from compressor.errors import BadInput
from compressor.values import Dataset, Split, Stream, TensorSpec

IMAGE = TensorSpec("image", (None, 4, 4, 3), "float32")
CLASSES = (TensorSpec("digit", (None, 10), "float32"),)
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), np.uint8)


def fitted(folder: Path, pixels: Any = PIXELS, inputs: Any = (IMAGE,), **settings: Any) -> Fitted:
    data = Dataset("d", "s", Split({"": pixels[:20]}, np.arange(20) % 10), Split({"": pixels[20:]}, np.arange(40) % 10))
    return fit(data, DataSpec(source="s", **settings), inputs, CLASSES, folder / "data.npz")


def evaluated(part: Split | Stream) -> Any:
    blocks = [next(iter(block.inputs.values())) for block in part.blocks(7)]
    return np.concatenate(blocks)


def read_again(path: Path, **settings: Any) -> Dataset:
    return data_sources.find(str(path)).read(DataSpec(source=str(path), **settings), Wanted((), only_evaluation=True))


SETTINGS: dict[str, dict[str, Any]] = {
    "as they came": {},
    "to one": {"divide": 255},
    "to plus and minus one": {"subtract": 127.5, "divide": 127.5},
    "by channel": {"subtract": [123.675, 116.28, 103.53], "divide": [58.395, 57.12, 57.375]},
    "mixed": {"subtract": [1, 2, 3], "divide": 2},
}


@pytest.mark.parametrize("case", SETTINGS)
def test_what_is_read_again_is_what_the_model_was_fed(case: str, tmp_path: Path) -> None:
    found = fitted(tmp_path, **SETTINGS[case]).dataset
    settings = {"subtract": 0.0, "divide": 1.0} | SETTINGS[case]
    wanted = (PIXELS.astype(np.float32) - np.float32(settings["subtract"])) / np.float32(settings["divide"])
    assert wanted.dtype == np.float32
    again = read_again(tmp_path / "data.npz").evaluation
    for part in (found.evaluation, again):
        assert evaluated(part).dtype == np.float32
        assert np.array_equal(evaluated(part), wanted[20:])
    assert np.array_equal(found.calibration.inputs["image"], wanted[:20])


def test_the_file_keeps_samples_as_they_came_and_says_nothing_of_where(tmp_path: Path) -> None:
    fitted(tmp_path, divide=255)
    with np.load(tmp_path / "data.npz", allow_pickle=False) as arrays:
        assert arrays["x_evaluation"].dtype == arrays["x_calibration"].dtype == np.uint8
        assert np.array_equal(arrays["x_evaluation"], PIXELS[20:])
        assert np.array_equal(arrays["x_calibration"], PIXELS[:20])
        assert str(arrays[PREPARATION]) == '{"dtypes": {"": "float32"}, "spec": {"divide": 255.0}}'


def test_a_file_that_needs_no_preparation_has_none(tmp_path: Path) -> None:
    fitted(tmp_path, PIXELS.astype(np.float32))
    assert PREPARATION not in NpzFile(tmp_path / "data.npz").headers


def test_the_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        fitted(tmp_path / folder, divide=255)
    assert (tmp_path / "a" / "data.npz").read_bytes() == (tmp_path / "b" / "data.npz").read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["data.npz"]


def test_a_file_can_be_given_again_and_is_fitted_to_the_same_numbers(tmp_path: Path) -> None:
    once = evaluated(fitted(tmp_path, divide=255).dataset.evaluation)
    spec = DataSpec(source=str(tmp_path / "data.npz"))
    data = data_sources.find(spec.source).read(spec, Wanted((IMAGE,)))
    twice = fit(data, spec, (IMAGE,), CLASSES, tmp_path / "again.npz").dataset.evaluation
    assert np.array_equal(evaluated(twice), once)


def test_a_prepared_file_is_not_prepared_twice(tmp_path: Path) -> None:
    fitted(tmp_path, divide=255)
    with pytest.raises(BadInput, match="leave subtract and divide out"):
        read_again(tmp_path / "data.npz", divide=255)


def test_samples_in_memory_are_not_changed_while_they_are_prepared(tmp_path: Path) -> None:
    pixels = PIXELS.astype(np.float32)
    found = fitted(tmp_path, pixels, divide=255).dataset
    assert np.array_equal(pixels, PIXELS)
    assert np.array_equal(found.calibration.inputs["image"], PIXELS[:20] / np.float32(255))
    assert np.array_equal(evaluated(found.evaluation), PIXELS[20:] / np.float32(255))


def test_only_inputs_of_real_numbers_are_changed(tmp_path: Path) -> None:
    specs = (IMAGE, TensorSpec("tokens", (None, 2), "int32"))
    tokens = np.arange(120).reshape(60, 2)
    parts = [Split({"image": PIXELS[rows], "tokens": tokens[rows]}) for rows in (slice(20), slice(20, None))]
    data = Dataset("d", "s", *parts)
    found = fit(data, DataSpec(source="s", divide=255), specs, CLASSES, tmp_path / "data.npz").dataset
    for part in (found.evaluation, read_again(tmp_path / "data.npz").evaluation):
        (block,) = part.blocks(100)
        assert (block.inputs["image"].max() <= 1, block.inputs["tokens"].max()) == (True, 119)
        assert (block.inputs["image"].dtype, block.inputs["tokens"].dtype) == (np.float32, np.int32)


REFUSED: dict[str, tuple[dict[str, Any], Any, str]] = {
    "two channels": ({"subtract": [1, 2]}, IMAGE, "subtract holds 2 numbers"),
    "five channels": ({"divide": [1, 2, 3, 4, 5]}, IMAGE, "one number, or 3: one per channel"),
    "whole numbers": ({"divide": 255}, TensorSpec("image", (None, 4, 4, 3), "int32"), "inputs of real numbers"),
    "too small": ({"divide": 1e-38}, IMAGE, "out of the range of float32 after subtract and divide"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_preparation_that_cannot_be_is_refused(case: str, tmp_path: Path) -> None:
    settings, spec, told = REFUSED[case]
    with pytest.raises(BadInput, match=told):
        fitted(tmp_path, inputs=(spec,), **settings)


SPOILED = [
    *("", "{", "[]", 5.0, '{"spec": {}}'),
    '{"spec": {}, "dtypes": {}}' + " " * (1 << 20),
    *('{"spec": {"divide": 0}, "dtypes": {}}', '{"spec": {}, "dtypes": {"": "O"}}'),
]


@pytest.mark.parametrize("content", SPOILED, ids=range(len(SPOILED)))
def test_a_spoiled_preparation_is_bad_input(content: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_evaluation=PIXELS, **{PREPARATION: np.array(content)})
    with pytest.raises(BadInput, match="is corrupted"):
        read_again(tmp_path / "a.npz")


def test_a_device_feeds_what_keras_was_fed(tmp_path: Path, onnx_file: Callable[..., Path]) -> None:
    data = Dataset("d", "s", Split({"": PIXELS[:20]}), Split({"": PIXELS[20:]}))
    spec = DataSpec(source="s", subtract=[1, 2, 3], divide=7.0)
    found = fit(data, spec, (IMAGE,), CLASSES, tmp_path / "data.npz").dataset
    path = onnx_file("(float[N,4,4,3] x) => (float[N,4,4,3] y) { y = Identity (x) }")
    compressor.measure(path, tmp_path / "data.npz", results=tmp_path / "y.npz")
    with np.load(tmp_path / "y.npz") as outputs:
        assert np.array_equal(outputs["y"], evaluated(found.evaluation))


ARRAYS = st.sampled_from(["u1", "f4", ">i2", "?", "f8"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6))
)


@given(ARRAYS, st.integers(1, 7), st.booleans())
def test_what_is_written_in_blocks_is_read_by_numpy(
    tmp_path_factory: pytest.TempPathFactory, array: Any, size: int, stored: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.npz"
    arrays = {"x": array, "y": np.arange(len(array)), "z": array[::-1]}
    blocks = ({key: each[at : at + size] for key, each in arrays.items()} for at in range(0, len(array), size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(npz_writer, "_IN_MEMORY", 16)
        patch.setattr(npz_writer, "_DEFLATED_BELOW", 0 if stored else 1 << 30)
        with npz_writer.NpzWriter(path) as archive:
            archive.write_blocks(len(array), blocks)
            archive.write({"c": array})
    with np.load(path) as found:
        for key, wanted in (arrays | {"c": array}).items():
            assert found[key].dtype == wanted.dtype
            assert np.array_equal(found[key], wanted, equal_nan=array.dtype.kind == "f")
    with zipfile.ZipFile(path) as archive:
        kinds = {member.compress_type for member in archive.infolist()}
    assert kinds == {zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED}


CHANGING = {
    "fewer": ([np.ones((2, 2))], "2 of 3 samples"),
    "more": ([np.ones((2, 2)), np.ones((2, 2))], "4 of 3 samples"),
    "none": ([], "is empty"),
    "another shape": ([np.ones((2, 2)), np.ones((1, 3))], "differ from one another"),
    "another dtype": ([np.ones((2, 2)), np.ones((1, 2), int)], "differ from one another"),
}


@pytest.mark.parametrize("case", CHANGING)
def test_samples_that_change_while_they_are_read_are_refused(case: str, tmp_path: Path) -> None:
    blocks, told = CHANGING[case]
    with pytest.raises(BadInput, match=told), npz_writer.NpzWriter(tmp_path / "a.npz") as archive:
        archive.write_blocks(3, iter([{"x": block} for block in blocks]))


def test_odd_samples_of_a_late_block_are_told_by_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BLOCK_BYTES", 10 * 48 * 8)
    pixels = PIXELS.astype(np.float32)
    pixels[37, 0, 0] = np.nan
    with pytest.raises(BadInput, match=r"x_evaluation \(samples 10 to 19\) holds 3 values that are NaN"):
        fitted(tmp_path, pixels)
    assert list(tmp_path.iterdir()) == []
