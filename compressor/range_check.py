"""Are the inputs scaled as in training? A model that is fed another range answers nonsense without an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compressor import answers, metrics, usual_scalings
from compressor.errors import CompressorError
from compressor.usual_scalings import Scaling
from compressor.values import Array, Split

if TYPE_CHECKING:
    import tf_keras

_MOST_SAMPLES, _BATCH = 256, 16
# Variances of fewer samples say little.
_LEAST_SAMPLES = 8
# Other images of the same kind stay far within both; 0..255 in place of 0..1 is far outside of one.
_MEAN_OFF, _VARIANCE_RATIO = 4.0, 30.0
# Variances start at 1 and move by a hundredth per batch: soon after, all channels are about equal and not yet small.
_ABOUT_EQUAL, _NOT_YET_SMALL = 0.1, 0.2
# Of a channel's median variance.
_DEAD = 1e-3
# A Rescaling by less than this expects whole bytes; samples below this range are none.
_SMALL_SCALE, _SMALL_RANGE = 1 / 100, 1.5
_BETTER, _ABOVE_CONSTANT = 0.2, 0.1
# Scales that are as good as the best one, but for luck.
_ALIKE = 0.05
_TOPS = {"accuracy": 1, "binary_accuracy": 1, "top_5_accuracy": 5}

_Float = NDArray[np.float64]
# What the user has to say for a scaling to come about.
_Back = Callable[[Scaling], str]


def warnings(
    model: tf_keras.Model,
    samples: Split,
    metric: str | None,
    subtract: float | Sequence[float] = 0.0,
    divide: float | Sequence[float] = 1.0,
) -> tuple[str, ...]:
    """What speaks for a wrong scale of the inputs, in sentences for the report; nothing when all looks well.

    Two things are looked at: the statistics that the first normalizing layer brings against those of the samples, and,
    where the model is mostly wrong, whether another usual scale of the same samples makes it right.

    Args:
        model: takes whole samples; inputs of whole numbers (token ids) are never looked at.
        samples: fitted to the model, mixed as the evaluation set is; 256 of them are used.
        metric: of the run; the second look is taken for accuracies.
        subtract, divide: what was done to the samples already, see `DataSpec`; the way back takes it into account.
    """
    if samples.count > _MOST_SAMPLES:
        samples = samples.rows(np.linspace(0, samples.count - 1, _MOST_SAMPLES).astype(int))
    floats = [name for name, array in samples.inputs.items() if array.dtype.kind == "f"]
    if not floats:
        return ()

    def back(scaling: Scaling) -> str:
        return scaling.after(subtract, divide).options

    found = [_statistics_warning(model, samples, floats, back)]
    if len(floats) == 1 and samples.labels is not None and metric in _TOPS:
        found.append(_accuracy_warning(model, samples, floats[0], metric, back))
    return tuple(filter(None, found))


@dataclass(slots=True)
class _Normalizer:
    """The first layer that normalizes what it sees, and moments of what it saw, by channel."""

    layer: Any
    count: int = 0
    total: _Float | float = 0.0
    squares: _Float | float = 0.0

    def see(self, values: Array) -> None:
        """Add a batch."""
        kept = _kept_axes(self.layer, values.ndim)
        others = tuple(axis for axis in range(values.ndim) if axis not in kept)
        values = values.astype(np.float64)
        self.total = self.total + values.sum(others).reshape(-1)
        self.squares = self.squares + np.square(values).sum(others).reshape(-1)
        self.count += values.size // max(1, int(np.prod([values.shape[axis] for axis in kept])))

    @property
    def seen(self) -> tuple[_Float, _Float]:
        """Mean and variance by channel."""
        mean = np.asarray(self.total) / self.count
        return mean, np.maximum(np.asarray(self.squares) / self.count - mean**2, 0)

    @property
    def expected(self) -> tuple[_Float, _Float]:
        """The layer's own mean and variance by channel."""
        return _expected(self.layer)


@dataclass(frozen=True, slots=True)
class _ScaledTwice:
    """A Rescaling to about 1, and the name of the input that is about 1 already."""

    layer: Any
    name: str


class _Enough(BaseException):
    """Ends a model's run once the layer has seen its input; no handler of Keras's takes it for an error."""


def _statistics_warning(model: tf_keras.Model, samples: Split, floats: list[str], back: _Back) -> str | None:
    try:
        found = _first_seen(model, samples)
    except Exception:
        # A model that cannot be run step by step goes without this look: a hint is not worth a failure.
        return None
    if isinstance(found, _ScaledTwice):
        given = samples.inputs[found.name]
        return (
            f"the model's own Rescaling '{found.layer.name}' multiplies by {float(np.max(found.layer.scale)):.3g} what "
            f"ranges {_range_of(given)} already: {back(usual_scalings.to_bytes(given))}"
        )
    if found is None or samples.count < _LEAST_SAMPLES:
        return None
    return _compared(found, " and ".join(_range_of(samples.inputs[name]) for name in floats))


def _compared(normalizer: _Normalizer, told: str) -> str | None:
    (mean, variance), (own_mean, own_variance) = normalizer.seen, normalizer.expected
    epsilon = float(getattr(normalizer.layer, "epsilon", 1e-7))
    off = float(np.median(np.abs(mean - own_mean) / np.sqrt(own_variance + epsilon)))
    # Channels that are dead in both do not count as different.
    dead = _DEAD * float(np.median(own_variance)) + np.finfo(np.float32).tiny
    ratios = (variance + dead) / (own_variance + dead)
    wide, narrow = float(np.mean(ratios > _VARIANCE_RATIO)), float(np.mean(ratios < 1 / _VARIANCE_RATIO))
    if _hardly_trained(own_variance):
        narrow = 0.0
    if off <= _MEAN_OFF and max(wide, narrow) <= 0.5:
        return None
    own, seen = (float(np.median(np.sqrt(values))) for values in (own_variance, variance))
    return (
        f"the first {type(normalizer.layer).__name__} '{normalizer.layer.name}' expects a standard deviation of "
        f"{own:.3g} and sees one of {seen:.3g}, with means {off:.3g} of its standard deviations off (medians of "
        f"{len(ratios)} channel{'s' * (len(ratios) > 1)}); the inputs range {told}: they do not seem to be scaled as "
        "in training"
    )


def _hardly_trained(variance: _Float) -> bool:
    least, middle, most = np.quantile(variance, (0.25, 0.5, 0.75))
    about_equal = len(variance) > 1 and most - least < _ABOUT_EQUAL * middle
    return bool(about_equal and _NOT_YET_SMALL < middle <= 1)


def _first_seen(model: tf_keras.Model, samples: Split) -> _Normalizer | _ScaledTwice | None:
    """The first trained normalizer with what it saw, or a Rescaling of an input that needs none."""
    from tf_keras import layers

    kinds = (layers.BatchNormalization, layers.Normalization, layers.Rescaling)
    watched = [each for each in model.submodules if isinstance(each, kinds)]
    found: _Normalizer | _ScaledTwice | None = None
    batch = samples

    def look(layer: Any, values: Array) -> None:
        nonlocal found
        if isinstance(layer, layers.Rescaling):
            # Only what comes from the user can be changed by the user.
            names = [name for name, array in batch.inputs.items() if _is_input(values, array)]
            if found is None and names and _scales_twice(layer, samples.inputs[names[0]]):
                found = _ScaledTwice(layer, names[0])
                raise _Enough
            return
        if found is None and _is_trained(layer):
            found = _Normalizer(layer)
        if isinstance(found, _Normalizer) and layer is found.layer:
            found.see(values)
            raise _Enough

    with _watching(watched, look):
        for batch in samples.blocks(_BATCH):
            with suppress(_Enough):
                model(_fed(batch), training=False)
            if not isinstance(found, _Normalizer):
                break
    return found


@contextmanager
def _watching(watched: list[Any], look: Any) -> Iterator[None]:
    """Every watched layer shows its input before it is called."""

    def shown(layer: Any, call: Any) -> Any:
        def wrapped(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            look(layer, np.asarray(inputs))
            return call(inputs, *args, **kwargs)

        return wrapped

    for layer in watched:
        # Past Keras's own bookkeeping of attributes, which this is none of.
        object.__setattr__(layer, "call", shown(layer, layer.call))
    try:
        yield
    finally:
        for layer in watched:
            object.__delattr__(layer, "call")


def _scales_twice(layer: Any, values: Array) -> bool:
    return bool(np.max(np.abs(layer.scale)) <= _SMALL_SCALE and 0 < np.abs(values).max() <= _SMALL_RANGE)


def _is_input(values: Array, given: Array) -> bool:
    return values.shape == given.shape and bool(np.array_equal(values, given.astype(values.dtype)))


def _is_trained(layer: Any) -> bool:
    mean, variance = _expected(layer)
    return not getattr(layer, "invert", False) and not (np.all(mean == 0) and np.all(variance == 1))


def _expected(layer: Any) -> tuple[_Float, _Float]:
    of_batch = hasattr(layer, "moving_mean")
    mean, variance = (layer.moving_mean, layer.moving_variance) if of_batch else (layer.mean, layer.variance)
    return np.asarray(mean, np.float64).reshape(-1), np.asarray(variance, np.float64).reshape(-1)


def _kept_axes(layer: Any, rank: int) -> tuple[int, ...]:
    axes = layer.axis if layer.axis is not None else ()
    return tuple(int(axis) % rank for axis in (axes if isinstance(axes, (list, tuple)) else (axes,)))


def _accuracy_warning(model: tf_keras.Model, samples: Split, name: str, metric: str, back: _Back) -> str | None:
    """Another scale of the same samples that makes the model right by more than chance can explain."""
    assert samples.labels is not None
    given = samples.inputs[name]
    try:
        share, constant = _right(model, samples, metric)
        if share >= max(0.5, min(constant + _ABOVE_CONSTANT, 1 - _BETTER)):
            return None
        tried = [
            (_right(model, Split(samples.inputs | {name: scaling.apply(given)}, samples.labels), metric)[0], scaling)
            for scaling in usual_scalings.others(given)
        ]
    except (ValueError, CompressorError):
        # Labels that do not fit are told elsewhere.
        return None
    if not tried:
        return None
    best = max(value for value, _ in tried)
    # Three standard errors of the difference of two shares of so many samples.
    chance = 3 * float(np.sqrt(0.5 / samples.count))
    if best - share <= max(_BETTER, chance) or best <= constant + _ABOVE_CONSTANT:
        return None
    good = sorted((pair for pair in tried if pair[0] > best - _ALIKE), key=lambda pair: -pair[0])
    told = "; ".join(f"for {100 * value:.0f} % when they are {each.told}: {back(each)}" for value, each in good)
    return (
        f"the model is right for {100 * share:.0f} % of {samples.count} samples as they are ({_range_of(given)}), "
        f"and {told}"
    )


def _right(model: tf_keras.Model, samples: Split, metric: str) -> tuple[float, float]:
    """The metric's value, and that of the best answer that is always the same."""
    assert samples.labels is not None
    found = model.predict(_fed(samples), batch_size=_BATCH, verbose=0)
    if isinstance(found, dict):
        found = list(found.values())
    outputs = found[0] if isinstance(found, list) else found
    several = outputs.ndim > 1 and outputs.shape[-1] > 1
    numbers = answers.classes(samples.labels, outputs) if several else samples.labels.reshape(-1)
    _, counts = np.unique(numbers, return_counts=True)
    constant = np.sort(counts)[::-1][: _TOPS[metric]].sum() / counts.sum()
    return metrics.load(metric).value(samples.labels, outputs), float(constant)


def _fed(samples: Split) -> Any:
    arrays = list(samples.inputs.values())
    return arrays[0] if len(arrays) == 1 else arrays


def _range_of(values: Array) -> str:
    return f"from {float(values.min()):.4g} to {float(values.max()):.4g}"
