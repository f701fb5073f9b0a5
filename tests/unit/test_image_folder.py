"""Folders of images: who is in which set and class, what becomes of the pixels, and refusals that name the file."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from compressor import data_sources
from compressor.data import pictures
from compressor.data.spec import DataSpec
from compressor.data_sources import Wanted
from compressor.errors import BadInput, MissingTool
from compressor.values import Dataset, TensorSpec

SOURCE = data_sources.load("image_folder")
RGB = TensorSpec("image", (None, 6, 8, 3), "float32")
GRAY = TensorSpec("image", (None, 6, 8, 1), "float32")
FREE = TensorSpec("image", (None, None, None, 3), "float32")


def save(
    path: Path, value: int | tuple[int, ...] | np.ndarray[Any, Any] = 0, mode: str = "RGB", **options: Any
) -> Path:
    """An image of one colour, 8 wide and 6 high, or of an array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, np.ndarray):
        image = Image.fromarray(value)
    else:
        image = Image.new(
            mode, (8, 6), (value,) * len(Image.new(mode, (1, 1)).getbands()) if isinstance(value, int) else value
        )
    image.save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of ten images; the red channel of each is its own number, cats below 100."""
    for number in range(10):
        save(tmp_path / "photos" / "cat" / f"{number}.png", (number, 0, 0))
        save(tmp_path / "photos" / "dog" / f"{number}.png", (100 + number, 0, 0))
    return tmp_path / "photos"


def read(source: Path, tensor: TensorSpec = RGB, wanted: dict[str, Any] | None = None, **spec: Any) -> Dataset:
    return SOURCE.read(DataSpec(source=str(source), **spec), Wanted((tensor,), **(wanted or {})))


def refusal(source: Path, tensor: TensorSpec = RGB, wanted: dict[str, Any] | None = None, **spec: Any) -> str:
    with pytest.raises(BadInput) as caught:
        for _ in read(source, tensor, wanted, **spec).evaluation.blocks(1):
            pass
    return str(caught.value)


def whole(split: Any, name: str = "image", block: int = 3) -> Any:
    return np.concatenate([each.inputs[name] for each in split.blocks(block)])


def labels(split: Any) -> Any:
    return np.concatenate([each.labels for each in split.blocks(3)])


def reds(split: Any) -> list[int]:
    return [int(each) for each in whole(split)[:, 0, 0, 0]]


def test_classes_are_the_sorted_folders_and_each_image_is_in_one_set(photos: Path) -> None:
    data = read(photos, wanted={"trains": True})
    assert data.train is not None
    assert (data.name, data.classes, data.split_here) == ("photos", ("cat", "dog"), True)
    assert sorted(reds(data.train) + reds(data.evaluation)) == [*range(10), *range(100, 110)]
    assert set(reds(data.calibration)) == set(reds(data.train))
    for split in (data.train, data.evaluation, data.calibration):
        assert labels(split).tolist() == [int(red >= 100) for red in reds(split)]
        assert whole(split).dtype == np.uint8
    assert sorted(labels(data.evaluation).tolist()) == [0] * 3 + [1] * 3


def test_the_split_depends_on_the_content_of_files_alone(photos: Path, tmp_path: Path) -> None:
    before = sorted(reds(read(photos).evaluation))
    (photos / "cat" / "0.png").rename(photos / "cat" / "zebra.png")
    (photos / "dog" / "3.png").rename(photos / "dog" / "a.png")
    after = read(photos.rename(tmp_path / "elsewhere"))
    assert sorted(reds(after.evaluation)) == before


def test_copies_of_one_file_stay_in_one_set(photos: Path) -> None:
    for number in range(10):
        (photos / "cat" / f"copy{number}.png").write_bytes((photos / "cat" / f"{number}.png").read_bytes())
    data = read(photos)
    assert not set(reds(data.evaluation)) & set(reds(data.calibration))
    assert sorted(reds(data.evaluation) + reds(data.calibration)) == sorted([*range(10), *range(10), *range(100, 110)])


def test_training_images_are_not_read_when_nobody_trains(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    decode = pictures.decode
    monkeypatch.setattr(pictures, "decode", lambda path, form: opened.append(path) or decode(path, form))
    monkeypatch.setattr("compressor.data_sources.image_folder.MAX_CALIBRATION", 4)
    data = read(photos)
    assert data.train is None
    assert len(opened) == data.calibration.count == 4
    assert sorted(labels(data.calibration).tolist()) == [0, 0, 1, 1]


def test_training_images_are_not_sorted_by_class(photos: Path) -> None:
    train = read(photos, wanted={"trains": True}).train
    assert train is not None
    assert labels(train).tolist() != sorted(labels(train).tolist())
    assert reds(train) == reds(read(photos, wanted={"trains": True}).train)


def test_only_evaluation_takes_everything_and_reads_no_file_twice(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compressor.data_sources.image_folder.sha256", lambda path: pytest.fail("hashed"))
    data = read(photos, wanted={"only_evaluation": True})
    assert reds(data.evaluation) == [*range(10), *range(100, 110)]
    assert (data.calibration.count, data.split_here) == (1, False)


def test_memory_does_not_grow_with_the_number_of_evaluation_images(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for number in range(60):
        save(tmp_path / "p" / "a" / f"{number}.bmp", noise)
    tensor = TensorSpec("x", (None, 256, 256, 3), "float32")
    data = read(tmp_path / "p", tensor, {"only_evaluation": True})
    one = 256 * 256 * 3
    tracemalloc.start()
    count = sum(block.count for block in data.evaluation.blocks(2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60
    assert peak < 12 * one


SETS = {
    "train": {"train": range(5), "test": range(5, 8)},
    "calibration": {"Train": range(5), "calibration": range(8, 10), "validation": range(5, 8)},
    "validation alone": {"train": range(5), "val": range(5, 8)},
    "test beside validation": {"train": range(5), "validation": range(8, 10), "test": range(5, 8)},
}


@pytest.mark.parametrize("case", SETS)
def test_folders_named_like_sets_are_sets(tmp_path: Path, case: str) -> None:
    for name, numbers in SETS[case].items():
        for number in numbers:
            save(tmp_path / name / ("dog" if number % 2 else "cat") / f"{number}.png", (number, 0, 0))
    data = read(tmp_path, wanted={"trains": True})
    assert data.train is not None
    assert sorted(reds(data.train)) == [*range(5)]
    assert sorted(reds(data.evaluation)) == [5, 6, 7]
    assert sorted(reds(data.calibration)) == ([8, 9] if case == "calibration" else [*range(5)])
    assert labels(data.evaluation).tolist() == [red % 2 for red in reds(data.evaluation)]
    assert not data.split_here
    assert ("folders left alone: validation" in data.notes) == (case == "test beside validation")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("bus", "train"):
        for number in range(4):
            save(tmp_path / name / f"{number}.png", (number, len(name), 0))
    assert read(tmp_path).classes == ("bus", "train")


def test_calibration_never_takes_evaluation_images(tmp_path: Path) -> None:
    save(tmp_path / "test" / "cat" / "0.png", 1)
    assert "calibration needs other images than evaluation" in refusal(tmp_path)
    save(tmp_path / "test" / "cat" / "1.png", 1)
    alone = read(tmp_path, wanted={"only_evaluation": True})
    assert (alone.evaluation.count, alone.calibration.count) == (2, 1)
    save(tmp_path / "val" / "cat" / "0.png", 2)
    assert reds(read(tmp_path).calibration) == [2]


def test_a_set_that_is_needed_and_not_there_is_told(tmp_path: Path) -> None:
    save(tmp_path / "calibration" / "cat" / "0.png", 1)
    assert "there is no evaluation folder" in refusal(tmp_path)
    save(tmp_path / "test" / "cat" / "0.png", 2)
    told = refusal(tmp_path, wanted={"trains": True})
    assert "there is no train folder, and the recipe trains" in told
    assert "received: calibration, test" in told
    save(tmp_path / "Test" / "cat" / "0.png", 2)
    assert "two folders for one set" in refusal(tmp_path)


def test_images_without_class_folders_have_no_labels(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"{number}.png", (number, 0, 0))
    data = read(tmp_path)
    assert data.calibration.labels is None
    assert all(block.labels is None for block in data.evaluation.blocks(2))
    assert sorted(reds(data.calibration) + reds(data.evaluation)) == [*range(6)]
    assert "in no class folders" in refusal(tmp_path, wanted={"trains": True})


def test_classes_in_the_spec_order_the_numbers(photos: Path) -> None:
    data = read(photos, classes=["dog", "bird", "cat"])
    assert labels(data.evaluation).tolist() == [0 if red >= 100 else 2 for red in reds(data.evaluation)]
    assert data.classes == ("dog", "bird", "cat")
    assert f"1 classes have a number and no images in {photos}: bird" in data.notes
    told = refusal(photos, classes=["dog", "bird"])
    assert "none of the 2 classes\n  expected: one of dog, bird\n  received: cat" in told
    assert "one class twice" in refusal(photos, classes=["dog", "dog", "cat"])


def test_folders_that_are_numbers_are_told_when_their_order_surprises(tmp_path: Path) -> None:
    for number in range(11):
        save(tmp_path / str(number) / "a.png", number)
    assert any("'10' is class 2" in note for note in read(tmp_path).notes)
    assert not any("is class 2" in note for note in read(tmp_path, classes=[str(each) for each in range(11)]).notes)


def test_other_files_and_links_that_leave_are_passed_over(photos: Path, tmp_path: Path) -> None:
    outside = save(tmp_path / "outside" / "a.png", 200)
    (photos / "cat" / "out.png").symlink_to(outside)
    (photos / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (photos / "cat" / "in.png").symlink_to(photos / "dog" / "9.png")
    (photos / "lynx").symlink_to(outside.parent)
    (photos / "cat" / "round").symlink_to(photos)
    (photos / "cat" / ".hidden.png").write_text("")
    (photos / ".git").mkdir()
    (photos / "__MACOSX").mkdir()
    (photos / "cat" / "notes.txt").write_text("x")
    (photos / "README").write_text("x")
    save(photos / "cat" / "deeper" / "a.png", 50)
    data = read(photos, wanted={"only_evaluation": True})
    assert sorted(reds(data.evaluation)) == [*range(10), 50, *range(100, 110), 109]
    assert data.classes == ("cat", "dog")
    assert "2 files that are no images were passed over" in data.notes
    assert any(note.startswith("4 links to folders or out of the folder were not followed") for note in data.notes)


def test_images_beside_class_folders_are_of_no_class(photos: Path) -> None:
    save(photos / "cover.jpg")
    assert "beside its folders, and they are of no class" in refusal(photos)
    assert "received: cover.jpg" in refusal(photos)


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there are no images in" in refusal(tmp_path / "empty")
    assert "there is no folder" in refusal(tmp_path / "nowhere")
    save(tmp_path / "one" / "a" / "a.png")
    assert "the data cannot be split" in refusal(tmp_path / "one")


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "bmp", "gif", "webp", "tif", "tiff"])
def test_every_kind_of_image_is_read(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", (250, 130, 10))
    decoded = pictures.decoded([path], pictures.Form(6, 8, 3))
    assert decoded.shape == (1, 6, 8, 3)
    # JPEG and WebP keep colours about.
    np.testing.assert_allclose(decoded[0, 3, 3], [250, 130, 10], atol=4)


def one(path: Path, channels: Any = 3, **how: Any) -> Any:
    return pictures.decode(path, pictures.Form(how.pop("height", 6), how.pop("width", 8), channels, **how))


def test_of_16_bits_the_upper_8_stay(tmp_path: Path) -> None:
    values = np.array([[0, 255, 256, 0x1234, 0x8000, 0xFFFF, 1, 2]] * 6, np.uint16)
    for suffix in ("png", "tif"):
        gray = one(save(tmp_path / f"a.{suffix}", values), 1)
        assert gray[0, :, 0].tolist() == [0, 0, 1, 0x12, 0x80, 0xFF, 0, 0]
    assert one(tmp_path / "a.png")[0, 3].tolist() == [0x12] * 3


def test_colours_become_gray_and_gray_becomes_colour(tmp_path: Path) -> None:
    # ITU-R 601: 0.299 red + 0.587 green + 0.114 blue.
    assert one(save(tmp_path / "a.png", (200, 100, 50)), 1)[0, 0, 0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert one(save(tmp_path / "b.png", 77, "L"))[0, 0].tolist() == [77, 77, 77]
    assert one(save(tmp_path / "c.png", 1, "1"), 1)[0, 0, 0] == 255


def test_an_alpha_channel_is_left_out(tmp_path: Path) -> None:
    assert one(save(tmp_path / "a.png", (9, 8, 7, 0), "RGBA"))[0, 0].tolist() == [9, 8, 7]
    assert one(save(tmp_path / "b.png", (77, 0), "LA"), 1)[0, 0].tolist() == [77]
    palette = Image.new("P", (8, 6), 1)
    palette.putpalette([0, 0, 0, 30, 20, 10])
    palette.save(tmp_path / "c.png", transparency=1)
    assert one(tmp_path / "c.png")[0, 0].tolist() == [30, 20, 10]


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 6), value) for value in (40, 80, 120)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert one(tmp_path / "a.gif", 1)[0, 0, 0] == 40


UPRIGHT = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
STORED = {1: UPRIGHT, 3: UPRIGHT[::-1, ::-1], 6: np.rot90(UPRIGHT), 8: np.rot90(UPRIGHT, -1), 2: UPRIGHT[:, ::-1]}


@pytest.mark.parametrize("orientation", STORED)
def test_cameras_that_were_turned_leave_upright_images(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", np.ascontiguousarray(STORED[orientation]), exif=exif)
    assert one(path, 1)[..., 0].tolist() == UPRIGHT.tolist()


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from(["stretch", "crop", "pad"]),
    st.sampled_from(["bilinear", "nearest", "bicubic", "area"]),
)
def test_an_image_of_one_colour_keeps_it_whatever_its_size(
    width: int, height: int, to_width: int, to_height: int, resize: Any, method: Any
) -> None:
    form = pictures.Form(to_height, to_width, 1, resize, method)
    array = np.asarray(pictures._resized(Image.new("L", (width, height), 200), form))
    assert array.shape == (to_height, to_width)
    assert set(np.unique(array)) <= ({0, 200} if resize == "pad" else {200})
    filled = array == 200
    if resize == "pad":
        # A whole rectangle that touches two opposite borders, of about the image's own proportions.
        assert filled.any(0).all() or filled.any(1).all()
        rows, columns = filled.any(1).sum(), filled.any(0).sum()
        assert rows * columns == filled.sum()
        assert abs(columns * height - rows * width) <= max(width, height)


def test_cropping_takes_the_middle_and_padding_keeps_all(tmp_path: Path) -> None:
    wide = np.repeat(np.array([[10, 10, 200, 200, 200, 200, 30, 30]], np.uint8), 4, 0)
    path = save(tmp_path / "a.png", wide)
    assert set(np.unique(one(path, 1, height=4, width=4, resize="crop"))) == {200}
    padded = one(path, 1, height=4, width=4, resize="pad", interpolation="nearest")[..., 0]
    assert padded.tolist() == [[0] * 4, [10, 200, 200, 30], [10, 200, 200, 30], [0] * 4]
    tall = save(tmp_path / "b.png", np.ascontiguousarray(wide.T))
    assert (
        one(tall, 1, height=4, width=4, resize="pad", interpolation="nearest")[..., 0].tolist()
        == np.transpose(padded).tolist()
    )
    assert set(np.unique(one(tall, 1, height=4, width=4, resize="crop"))) == {200}
    stretched = one(path, 1, height=4, width=4, interpolation="area")[..., 0]
    assert stretched.tolist() == [[10, 200, 200, 30]] * 4


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500), st.integers(1, 500))
def test_what_is_cut_out_is_the_largest_middle(width: int, height: int, to_width: int, to_height: int) -> None:
    left, top, right, bottom = pictures._middle((width, height), (to_width, to_height))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (right - left == width) or (bottom - top == height)
    assert abs(left - (width - right)) <= 1
    assert abs(top - (height - bottom)) <= 1
    if right - left > 1 and bottom - top > 1:
        assert abs((right - left) * to_height - (bottom - top) * to_width) <= max(to_width, to_height)


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    path = save(tmp_path / "a.png", pixels)
    for resize in ("stretch", "crop", "pad"):
        assert np.array_equal(one(path, resize=resize), pixels)


def spoil_nothing(path: Path) -> None:
    path.write_bytes(b"")


def spoil_text(path: Path) -> None:
    path.write_text("this is no image")


def spoil_cut(path: Path) -> None:
    data = save(path, np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def spoil_bits(path: Path) -> None:
    data = bytearray(save(path, np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)).read_bytes())
    data[60:90] = b"\xff" * 30
    path.write_bytes(data)


def spoil_bomb(path: Path) -> None:
    Image.new("1", (10_000, 9_000)).save(path)


def spoil_huge_bomb(path: Path) -> None:
    Image.new("1", (20_000, 9_000)).save(path)


def spoil_svg(path: Path) -> None:
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')


def spoil_another_kind(path: Path) -> None:
    Image.new("RGB", (8, 6)).save(path, format="PPM")


SPOIL: dict[str, tuple[Callable[[Path], None], str]] = {
    name.removeprefix("spoil_"): (
        function,
        "too large to be decoded safely" if "bomb" in name else "cannot be read as an image",
    )
    for name, function in list(globals().items())
    if name.startswith("spoil_")
}


@pytest.mark.parametrize("case", SPOIL)
@pytest.mark.filterwarnings("error")
def test_a_spoiled_image_is_refused_by_name(photos: Path, case: str) -> None:
    spoil, message = SPOIL[case]
    spoil(photos / "cat" / "3.png")
    told = refusal(photos, wanted={"only_evaluation": True})
    assert message in told
    assert str(photos / "cat" / "3.png") in told


def test_pixels_without_a_range_are_refused(tmp_path: Path) -> None:
    for name, array in (("a.tif", np.ones((6, 8), np.float32)), ("b.tif", np.full((6, 8), 70_000, np.int32))):
        with pytest.raises(BadInput, match="no range of their own"):
            one(save(tmp_path / name, array), 1)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    folder = tmp_path_factory.mktemp("kinds")
    return [save(folder / f"a.{suffix}", pixels) for suffix in ("png", "jpg", "bmp", "gif", "webp", "tif")]


@given(
    st.integers(0, 5), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5), st.integers(1, 9999)
)
def test_a_changed_file_is_an_image_or_bad_input(kinds: list[Path], kind: int, changes: Any, length: int) -> None:
    data = bytearray(kinds[kind].read_bytes()[:length])
    for place, value in changes:
        data[place % len(data)] = value
    path = kinds[kind].with_name("changed")
    path.write_bytes(data)
    with suppress(BadInput):
        assert pictures.decoded([path], pictures.Form(4, 5, 3)).shape == (1, 4, 5, 3)


INPUTS = {
    "free size": (FREE, {}, "takes images of any size"),
    "another size": (RGB, {"size": (8, 6)}, "expected: height 6, width 8\n  received: height 8, width 6"),
    "no size": (FREE, {"size": (0, 6)}, "size has no pixels"),
    "two channels": (TensorSpec("x", (None, 6, 8, 2), "float32"), {}, "1 channel (grayscale) or 3 (rgb)"),
    "two channels first": (TensorSpec("x", (None, 2, 6, 8), "float32"), {}, "in the last axis or before height and"),
    "channels first of free size": (TensorSpec("x", (None, 3, None, None), "float32"), {}, "takes images of any size"),
    "channels first of another size": (
        TensorSpec("x", (None, 3, 6, 8), "float32"),
        {"size": (8, 6)},
        "expected: height 6, width 8",
    ),
    "colour for gray channels first": (
        TensorSpec("x", (None, 1, 6, 8), "float32"),
        {"color": "rgb"},
        "expected: color: rgb",
    ),
    "colour for gray": (GRAY, {"color": "rgb"}, "expected: color: rgb"),
    "free channels": (TensorSpec("x", (None, 6, 8, None), "float32"), {}, "takes any number of channels"),
    "a vector": (TensorSpec("x", (None, 6), "float32"), {}, "takes no images"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_an_input_that_images_cannot_fill_is_told(photos: Path, case: str) -> None:
    tensor, spec, message = INPUTS[case]
    assert message in refusal(photos, tensor, **spec)


def test_several_inputs_are_sent_to_npz_or_a_function(photos: Path) -> None:
    with pytest.raises(
        BadInput, match=r"the model has 2\n.*image: \(N, 6, 8, 3\).*\n.*\.npz.*package\.module:function"
    ):
        SOURCE.read(DataSpec(source=str(photos)), Wanted((RGB, GRAY)))


def test_size_and_color_fill_what_the_model_leaves_open(photos: Path) -> None:
    assert whole(read(photos, FREE, size=(4, 5)).evaluation).shape[1:] == (4, 5, 3)
    free = TensorSpec("image", (None, None, 5, None), "float32")
    assert whole(read(photos, free, size=(4, 5), color="grayscale").evaluation).shape[1:] == (4, 5, 1)
    assert whole(read(photos, GRAY).evaluation).shape[1:] == (6, 8, 1)
    assert whole(read(photos, TensorSpec("image", (None, 6, 8), "float32")).evaluation).shape[1:] == (6, 8)


@pytest.mark.parametrize(
    ("shape", "settings", "like"),
    [
        ((None, 3, 6, 8), {}, RGB),
        ((None, 1, 6, 8), {}, GRAY),
        ((None, 3, None, None), {"size": (6, 8)}, RGB),
        ((1, 3, 6, None), {"size": (6, 8), "color": "rgb"}, RGB),
    ],
)
def test_channels_come_first_where_the_model_has_them_there(
    photos: Path, shape: Any, settings: dict[str, Any], like: TensorSpec
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    save(photos / "cat" / "pixels.png", pixels)
    first = read(photos, TensorSpec("image", shape, "float32"), {"trains": True}, **settings)
    last = read(photos, like, {"trains": True})
    for ours, theirs in (
        (first.calibration, last.calibration),
        (first.evaluation, last.evaluation),
        (first.train, last.train),
    ):
        assert np.array_equal(whole(ours), np.moveaxis(whole(theirs), -1, 1))
        assert labels(ours).tolist() == labels(theirs).tolist()
    assert whole(first.train).flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("shape", [(None, 3, 6, 3), (None, 3, 6, 1), (None, 1, 8, 3)])
def test_channels_come_last_where_they_can(photos: Path, shape: Any) -> None:
    found = whole(read(photos, TensorSpec("image", shape, "float32")).evaluation)
    assert found.shape[1:] == shape[1:]
    assert found.any()
    assert np.ptp(found, axis=(1, 2)).max() == 0


def test_a_look_finds_what_can_be_seen_without_reading(photos: Path, tmp_path: Path) -> None:
    for path in photos.rglob("*.png"):
        path.write_bytes(b"not read")
    SOURCE.look(DataSpec(source=str(photos)), True, False)
    cases = [
        (DataSpec(source=str(tmp_path / "nowhere")), False, "there is no folder"),
        (DataSpec(source=str(photos / "cat")), True, "in no class folders"),
        (DataSpec(source=str(photos), classes=["cat"]), False, "received: dog"),
        (DataSpec(source=str(photos), vocabulary="v.txt"), False, "'vocabulary' means nothing for a folder of images"),
    ]
    for spec, trains, message in cases:
        with pytest.raises(BadInput, match=message):
            SOURCE.look(spec, trains, False)


def test_pillow_is_asked_for_when_it_is_not_there(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingTool, match="pip install pillow"):
        SOURCE.look(DataSpec(source=str(photos)), False, False)
    with pytest.raises(MissingTool, match="pip install pillow"):
        read(photos)


def test_a_folder_is_claimed_by_its_look(tmp_path: Path) -> None:
    assert SOURCE.claims("photos/")
    assert SOURCE.claims(str(tmp_path))
    assert not SOURCE.claims("photos.csv")
