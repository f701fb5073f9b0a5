"""The scales that inputs usually come in, and how to get from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor.values import Array

_Float = NDArray[np.float64]

# keras.applications.imagenet_utils.preprocess_input: mode "torch" for 0..1, mode "caffe" for 0..255 and BGR.
_TORCH_MEAN, _TORCH_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68])
_BYTES = "scaled to 0 to 255"
# Resizing by cubic curves overshoots a little.
_SLACK = 0.1


@dataclass(frozen=True, slots=True)
class Scaling:
    """Values become (value - subtract) / divide, after the channels are turned round when `turned`.

    Attributes:
        told: what then becomes of them, after "when they are".
    """

    told: str
    subtract: _Float
    divide: _Float
    turned: bool = False

    def apply(self, values: Array) -> Array:
        """The values in this scale, in their own dtype."""
        ordered = values[..., ::-1] if self.turned else values
        return ((ordered.astype(np.float64) - self.subtract) / self.divide).astype(values.dtype)

    def after(self, subtract: float | Sequence[float], divide: float | Sequence[float]) -> Scaling:
        """This scaling of values that became (value - subtract) / divide before, in one."""
        first, factor, then, last = np.broadcast_arrays(subtract, divide, self.subtract, self.divide)
        if self.turned:
            first, factor = first[::-1], factor[::-1]
        return Scaling(self.told, _short(first + factor * then), _short(factor * last), self.turned)

    @property
    def options(self) -> str:
        """How the command line is told."""
        keys = {"subtract": (self.subtract, 0), "divide": (self.divide, 1)}
        given = [
            f"--preprocess {_written(key, value)}"
            for key, (value, none) in keys.items()
            if np.any(np.abs(value - none) > 1e-5)
        ]
        wanted = f"give {' '.join(given)}" if given else "leave out subtract and divide"
        return f"store the channels as blue, green, red, and {wanted}" if self.turned else wanted


def others(values: Array) -> tuple[Scaling, ...]:
    """The usual scalings of these values (samples first, channels last), but for the one that they have."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return ()
    color = values.ndim > 2 and values.shape[-1] == 3
    lowest, width = _seen_in(low, high, color)
    made = [
        _scaling("scaled to 0 to 1", lowest, width, 0.0, 1.0),
        _scaling("scaled to -1 to 1", lowest, width, 0.5, 0.5),
        _scaling(_BYTES, lowest, width, 0.0, 1 / 255),
    ]
    if color:
        mean = _CAFFE_MEAN / 255
        made.append(_scaling("standardized as images of ImageNet", lowest, width, _TORCH_MEAN, _TORCH_STD))
        made.append(_scaling("centred as images of ImageNet in BGR", lowest[::-1], width[::-1], mean, 1 / 255, True))
    return tuple(each for each in made if each.turned or not _keeps(each))


def to_bytes(values: Array) -> Scaling:
    """From the range that these values seem to be drawn from to 0..255."""
    lowest, width = _seen_in(float(values.min()), float(values.max()), color=False)
    return _scaling(_BYTES, lowest, width, 0.0, 1 / 255)


def _seen_in(low: float, high: float, color: bool) -> tuple[_Float, _Float]:
    """Lowest value and width of the range that values from `low` to `high` seem to be drawn from, by channel."""
    if color and -2.2 <= low < -1 - _SLACK and 1 + _SLACK < high <= 2.7:
        return -_TORCH_MEAN / _TORCH_STD, 1 / _TORCH_STD
    channels = np.ones(3 if color else 1)
    if low >= -_SLACK and high <= 1 + _SLACK and high > 0.1:
        return 0 * channels, channels
    if low >= -1 - _SLACK and high <= 1 + _SLACK and low < -_SLACK:
        return -channels, 2 * channels
    if low >= -255 * _SLACK and 128 < high <= 255 * (1 + _SLACK):
        return 0 * channels, 255 * channels
    return low * channels, (high - low) * channels


def _scaling(
    told: str, lowest: _Float, width: _Float, subtract: float | _Float, divide: float | _Float, turned: bool = False
) -> Scaling:
    """First to 0..1, then on: (value - lowest) / width becomes (that - subtract) / divide."""
    total, factor = _short(lowest + width * subtract), _short(width * divide)
    if not np.any(total) and np.ptp(factor) == 0 and not turned:
        factor_told = f"{float(factor[0]):.6g}" if factor[0] >= 1 else f"{1 / float(factor[0]):.6g}"
        told = f"{'divided' if factor[0] >= 1 else 'multiplied'} by {factor_told}"
    return Scaling(told, total, factor, turned)


def _short(values: _Float) -> _Float:
    """Six digits, as they are told: what was tried is what the user is given."""
    return np.array([float(f"{value:.6g}") if abs(value) > 1e-12 else 0.0 for value in values])


def _keeps(scaling: Scaling) -> bool:
    return bool(np.allclose(scaling.subtract, 0, atol=1e-6) and np.allclose(scaling.divide, 1, atol=1e-6))


def _written(key: str, values: _Float) -> str:
    numbers = [f"{value:g}" for value in values]
    return f"{key}={numbers[0]}" if len(set(numbers)) == 1 else f"'{key}=[{','.join(numbers)}]'"
