"""Image files as arrays of bytes: decoded by Pillow, turned upright, brought to one size and number of channels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from compressor.data.spec import DataSpec
from compressor.errors import BadInput, MissingTool
from compressor.values import Array, TensorSpec

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# From here on Pillow itself warns of a decompression bomb: https://pillow.readthedocs.io/en/stable/reference/Image.html
MOST_PIXELS = 89_478_485
_CHANNELS = (1, 3)
_FILTERS = {"nearest": 0, "bilinear": 2, "bicubic": 3, "area": 4}


@dataclass(frozen=True, slots=True)
class Form:
    """What every image becomes: (height, width, channels), or (channels, height, width), and how."""

    height: int
    width: int
    channels: Literal[1, 3]
    resize: Literal["stretch", "crop", "pad"] = "stretch"
    interpolation: Literal["bilinear", "nearest", "bicubic", "area"] = "bilinear"
    channels_first: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image."""
        size = (self.height, self.width)
        return (self.channels, *size) if self.channels_first else (*size, self.channels)


def form(spec: DataSpec, wanted: TensorSpec) -> Form:
    """The form of images for a model's input: (N, height, width, channels), or (N, height, width) in gray.

    As in models from PyTorch, (N, channels, height, width) where 1 or 3 stands before the size and not behind it.

    Raises:
        BadInput: the input takes no images, or leaves a size open that the spec does not tell.
    """
    shape = wanted.shape[1:]
    if len(shape) not in (2, 3):
        raise BadInput(
            f"the input '{wanted.name}' takes no images",
            expected="an input of shape (N, height, width, channels) or (N, channels, height, width)",
            received=str(wanted),
        )
    first = len(shape) == 3 and shape[0] in _CHANNELS and shape[2] not in _CHANNELS
    size, own = (shape[1:], shape[0]) if first else (shape[:2], shape[2] if len(shape) == 3 else 1)
    height, width = _size(spec, wanted, *size)
    return Form(height, width, _channels(spec, wanted, own), spec.resize, spec.interpolation, first)


def _size(spec: DataSpec, wanted: TensorSpec, height: int | None, width: int | None) -> tuple[int, int]:
    if spec.size is None:
        if height is None or width is None:
            raise BadInput(
                f"the input '{wanted.name}' takes images of any size: which one is not said",
                received=str(wanted),
                fix="give the height and width that the model was trained on, e.g. size: [224, 224]",
            )
        return height, width
    if min(spec.size) < 1:
        raise BadInput("size has no pixels", expected="height and width", received=f"{list(spec.size)}")
    if height not in (None, spec.size[0]) or width not in (None, spec.size[1]):
        raise BadInput(
            f"size does not fit the input '{wanted.name}'",
            expected=f"height {height or 'any'}, width {width or 'any'}",
            received=f"height {spec.size[0]}, width {spec.size[1]}",
            fix="leave size away: images get the model's own",
        )
    return spec.size


def _channels(spec: DataSpec, wanted: TensorSpec, own: int | None) -> Literal[1, 3]:
    asked: Literal[1, 3] | None = {"rgb": 3, "grayscale": 1, "model": None}[spec.color]
    if own is None and asked is None:
        raise BadInput(
            f"the input '{wanted.name}' takes any number of channels: which one is not said",
            received=str(wanted),
            fix="give color: rgb or color: grayscale",
        )
    if own not in (None, *_CHANNELS) or (None not in (own, asked) and own != asked):
        raise BadInput(
            f"images do not fit the channels of the input '{wanted.name}'",
            expected="1 channel (grayscale) or 3 (rgb), in the last axis or before height and width"
            if asked is None
            else f"color: {spec.color}",
            received=str(wanted),
            fix=None if own in _CHANNELS else "write an .npz, or a function that makes the arrays",
        )
    return asked or own  # type: ignore[return-value]


def decoded(paths: Sequence[Path], wanted: Form) -> Array:
    """Images as uint8 of shape (N, *shape of the form), in the order of the paths.

    Raises:
        BadInput: a file that is no image, is cut off, is of a kind that cannot be 8 bits, or is a decompression bomb.
    """
    from PIL import Image

    array = np.empty((len(paths), *wanted.shape), np.uint8)

    def fill(row: int) -> None:
        pixels = decode(paths[row], wanted)
        array[row] = np.moveaxis(pixels, -1, 0) if wanted.channels_first else pixels

    # Filters of warnings belong to the whole process: set here once, they hold for the threads.
    with warnings.catch_warnings(), ThreadPoolExecutor(threads()) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        for _ in pool.map(fill, range(len(paths))):
            pass
    return array


def threads() -> int:
    """Decoding threads: Pillow and hashing let go of the interpreter while they work."""
    return min(8, len(os.sched_getaffinity(0)))


def decode(path: Path, wanted: Form) -> Array:
    """One image as uint8 of shape (height, width, channels), wherever the form has its channels."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=_FORMATS) as image:
            _check_pixels(path, image.width * image.height)
            upright = ImageOps.exif_transpose(image)
            pixels = np.asarray(_resized(_eight_bits(upright, wanted.channels), wanted), np.uint8)
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise _bomb(path, "more than twice as many") from None
    # A spoiled file makes decoders fail in every way there is.
    except Exception as error:
        reason = " ".join(str(error).replace(str(path), "the file").split())[:200]
        raise BadInput(
            f"{path} cannot be read as an image: {reason or type(error).__name__}",
            expected=", ".join(_FORMATS),
            fix="mend the file, or take it out",
        ) from None
    return pixels.reshape(wanted.height, wanted.width, wanted.channels)


def _check_pixels(path: Path, count: int) -> None:
    if count > MOST_PIXELS:
        raise _bomb(path, str(count))


def _bomb(path: Path, pixels: str) -> BadInput:
    return BadInput(
        f"{path} is too large to be decoded safely", expected=f"at most {MOST_PIXELS} pixels", received=pixels
    )


def _eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """Gray or RGB. As in tf.io.decode_png, an alpha channel is left out, and of 16 bits the upper 8 stay."""
    from PIL import Image

    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError("pixels of 32 bits, which have no range of their own")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers, which have no range of their own")
    return image.convert("L" if channels == 1 else "RGB")


def _resized(image: Image.Image, wanted: Form) -> Image.Image:
    from PIL import Image

    size, method = (wanted.width, wanted.height), Image.Resampling(_FILTERS[wanted.interpolation])
    if wanted.resize == "crop":
        return image.resize(size, method, box=_middle(image.size, size))
    if wanted.resize == "stretch":
        return image.resize(size, method)
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas: Any = Image.new(image.mode, size)
    canvas.paste(image.resize(inner, method), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return canvas  # type: ignore[no-any-return]


def _middle(given: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest box of the wanted proportions in the middle, as keras.utils.image_dataset_from_directory cuts it."""
    width = min(given[0], max(1, given[1] * wanted[0] // wanted[1]))
    height = min(given[1], max(1, given[0] * wanted[1] // wanted[0]))
    left, top = (given[0] - width) // 2, (given[1] - height) // 2
    return left, top, left + width, top + height


def check_pillow() -> None:
    """Raise `MissingTool` when Pillow is not installed."""
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError:
        raise MissingTool(
            "images need the package pillow, which is not installed here", fix="pip install pillow"
        ) from None
