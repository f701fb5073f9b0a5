"""Data sets in `.npz` files: read whole or in blocks, the same numbers or bad input, never other numbers."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compressor.data import npz
from compressor.data.columns import Part
from compressor.data.layout import Layout
from compressor.errors import BadInput

DTYPES = st.sampled_from(["f4", "f8", "f2", "i1", "u1", "i8", "?", ">f4", "<u2"])
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, max_side=9)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npz")


def part(path: Path, name: str = "evaluation") -> Part:
    return Layout(str(path), npz.NpzFile(path).columns()).part(name)


def streamed(path: Path, block: int = 256) -> tuple[Any, Any]:
    blocks = list(part(path).blocks(block))
    values = np.concatenate([each.inputs[""] for each in blocks]).astype(blocks[0].inputs[""].dtype)
    return values, [each.labels for each in blocks]


@given(ARRAYS, st.integers(1, 12), st.booleans(), st.booleans())
@settings(max_examples=150)
def test_blocks_put_together_are_the_array(
    folder: Path, array: Any, block: int, by_column: bool, compressed: bool
) -> None:
    stored = np.asfortranarray(array) if by_column else array
    save = np.savez_compressed if compressed else np.savez
    save(folder / "a.npz", x_evaluation=stored, y_evaluation=np.arange(len(array)))
    found, labels = streamed(folder / "a.npz", block)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")
    assert [len(each) for each in labels[:-1]] == [block] * (len(labels) - 1)
    assert np.concatenate(labels).tolist() == list(range(len(array)))


@given(ARRAYS, st.booleans())
def test_a_whole_split_is_the_array(folder: Path, array: Any, labelled: bool) -> None:
    labels = {"y_evaluation": np.arange(len(array))} if labelled else {}
    np.savez(folder / "a.npz", x_evaluation=array, **labels)
    split = part(folder / "a.npz").whole()
    assert split.count == len(array)
    assert split.inputs[""].tobytes() == array.tobytes()
    assert (split.labels is not None) == labelled


def test_several_inputs_come_by_name_side_by_side(tmp_path: Path) -> None:
    left, right = np.arange(10).reshape(5, 2), np.arange(5.0)
    np.savez(tmp_path / "a.npz", x_evaluation_left=left, x_evaluation_right=right, y_evaluation=np.arange(5))
    blocks = list(part(tmp_path / "a.npz").blocks(3))
    assert [sorted(block.inputs) for block in blocks] == [["left", "right"]] * 2
    assert blocks[1].inputs["left"].tolist() == left[3:].tolist()
    assert blocks[1].labels is not None
    assert blocks[1].labels.tolist() == [3, 4]


@given(st.lists(st.integers(0, 19), unique=True), st.integers(1, 9), st.booleans())
def test_picked_samples_are_those_that_were_asked_for(
    folder: Path, rows: list[int], row_bytes: int, by_column: bool
) -> None:
    values = np.random.default_rng(0).integers(0, 255, (20, row_bytes), np.uint8)
    np.savez(folder / "a.npz", x_evaluation=np.asfortranarray(values) if by_column else values)
    found = part(folder / "a.npz").pick(np.array(sorted(rows), int)).inputs[""]
    assert np.array_equal(found, values[sorted(rows)])


ONE = np.ones((4, 2))
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such split": ({"x_train": ONE}, "has no x_evaluation"),
    "nothing at all": ({}, "no arrays"),
    "uneven": ({"x_evaluation": ONE, "y_evaluation": np.ones(3)}, "differ in length"),
    "uneven inputs": ({"x_evaluation_a": ONE, "x_evaluation_b": np.ones(5)}, "x_evaluation_b: 5"),
    "a single number": ({"x_evaluation": 5}, "a single number"),
    "empty": ({"x_evaluation": np.ones((0, 2)), "y_evaluation": np.ones(0)}, "is empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_split_that_cannot_be_used_is_refused(case: str, tmp_path: Path) -> None:
    arrays, told = REFUSED[case]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(BadInput, match=told):
        part(tmp_path / "a.npz")


def test_python_objects_are_refused_without_unpickling_them(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    class Spy:
        def __reduce__(self) -> Any:
            return (Path.touch, (marker,))

    np.savez(tmp_path / "a.npz", x_evaluation=np.array([Spy()], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="the array x_evaluation holds Python objects"):
        npz.NpzFile(tmp_path / "a.npz")
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"x" * 500, b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
def test_what_is_no_npz_is_bad_input(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as"):
        npz.NpzFile(tmp_path / "a.npz")


@pytest.mark.parametrize("path", ["absent.npz", "."])
def test_what_is_no_file_is_bad_input(path: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no data file"):
        npz.NpzFile(tmp_path / path)


@pytest.fixture(scope="module", params=[np.savez, np.savez_compressed], ids=["stored", "deflated"])
def sound(request: pytest.FixtureRequest, folder: Path) -> Iterator[bytes]:
    """The bytes of a sound file: 1 100 samples of 4 numbers, no labels."""
    request.param(folder / "sound.npz", x_evaluation=VALUES)
    return (folder / "sound.npz").read_bytes()


VALUES = np.random.default_rng(0).normal(size=(1100, 4)).astype(np.float32)


def check_spoiled(path: Path, content: bytes) -> None:
    """The stored numbers come out, or BadInput; both when streamed and when read at once."""
    path.write_bytes(content)
    for read in (lambda: streamed(path)[0], lambda: part(path).whole().inputs[""]):
        try:
            found = read()
        except BadInput:
            continue
        assert found.dtype == VALUES.dtype
        assert np.array_equal(found, VALUES)


# Half of the places in the headers, where a byte means most.
PLACES = st.integers(0, 200) | st.integers(0, 100_000)


@given(PLACES)
@settings(max_examples=150)
def test_a_file_cut_off_anywhere_is_bad_input(folder: Path, sound: bytes, place: int) -> None:
    (folder / "cut.npz").write_bytes(sound[: place % len(sound)])
    with pytest.raises(BadInput):
        part(folder / "cut.npz")


@given(PLACES, st.integers(1, 255))
@settings(max_examples=300)
def test_a_file_with_a_spoiled_byte_never_yields_other_numbers(
    folder: Path, sound: bytes, place: int, flip: int
) -> None:
    place %= len(sound)
    check_spoiled(folder / "b.npz", sound[:place] + bytes([sound[place] ^ flip]) + sound[place + 1 :])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<f4", b"<f2"),
        (b"<f4", b"<i4"),
        (b"<f4", b">f4"),
        (b"(1100, 4)", b"(1100, 1)"),
        (b"(1100, 4)", b"(1000, 4)"),
        (b"False", b"(alse"),
        (b"False", b"True "),
    ],
)
def test_a_spoiled_header_is_noticed(old: bytes, new: bytes, folder: Path) -> None:
    np.savez(folder / "sound.npz", x_evaluation=VALUES)
    content = (folder / "sound.npz").read_bytes()
    assert content.count(old) == 1
    check_spoiled(folder / "b.npz", content.replace(old, new))


def npy(header: str) -> bytes:
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "shape", ["(-5, 4)", "(999999999999, 4)", "(5, -4)", "(-5, -4)", "(5, 99999999999999)", "(True, 4)", "(5.0, 4)"]
)
def test_a_header_that_tells_impossible_sizes_is_bad_input(shape: str, folder: Path) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    with zipfile.ZipFile(folder / "c.npz", "w") as archive:
        archive.writestr("x_evaluation.npy", npy(header) + b"\0" * 80)
    with pytest.raises(BadInput):
        streamed(folder / "c.npz")
    with pytest.raises(BadInput):
        part(folder / "c.npz").whole()


def test_a_header_of_a_newer_version_is_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, VALUES, version=(3, 0))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x_evaluation.npy", buffer.getvalue())
    assert np.array_equal(streamed(tmp_path / "a.npz")[0], VALUES)


def peak_of_streaming(path: Path, samples: int) -> int:
    np.savez(path, x_evaluation=np.zeros((samples, 512), np.float32), y_evaluation=np.zeros(samples))
    tracemalloc.start()
    for _ in part(path).blocks(256):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_of_streaming_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    few, many = peak_of_streaming(tmp_path / "a.npz", 1024), peak_of_streaming(tmp_path / "b.npz", 16384)
    assert many < 1.2 * few
    assert many < 16384 * 512 * 4 / 10
