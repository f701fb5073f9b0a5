"""Weights and biases that both files hold: are they the same, but for rounding?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compressor.diagnosis.opened import Constant, Node
from compressor.tflite_view.layers import plain

Kind = Literal["zero bias", "other bias", "shuffled", "scaled", "other weights"]

# Rounding to a step changes by at most half of it; four standard deviations leave room for other roundings.
_ROUNDINGS = 4.0
_SMALLEST = 1e-5
_SCALED = 0.005
_MOVED = "_moved_bias"
_MOST_AXES = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the matter with the numbers of a layer; `factor` of scaled ones, `channels` how many of how many."""

    kind: Kind
    factor: float = 1.0
    channels: tuple[int, int] | None = None

    @property
    def certain(self) -> bool:
        """No training gives such numbers."""
        return self.kind in ("zero bias", "shuffled")


def by_layer(nodes: Sequence[Node]) -> dict[str, list[Constant]]:
    """Weights and biases of every layer, in running order, each once; scalars and shapes are neither."""
    found: dict[str, dict[str, Constant]] = {}
    for node in nodes:
        for each in node.constants:
            if each.stored.size > 1 and (each.scale is not None or each.stored.dtype.kind == "f"):
                found.setdefault(plain(node.layer), {}).setdefault(each.name, each)
    return {layer: list(constants.values()) for layer, constants in found.items()}


def compared(reference: Sequence[Constant], ours: Sequence[Constant]) -> Finding | None:
    """The first thing that is the matter with the numbers of a layer; None where all is well, or cannot be told."""
    for weights in (True, False):
        pairs = [[each for each in side if (each.stored.ndim > 1) == weights] for side in (reference, ours)]
        if len(pairs[0]) != len(pairs[1]):
            continue
        for theirs, own in zip(*pairs, strict=True):
            found = _weights(theirs, own) if weights else _bias(theirs, own)
            if found is not None:
                return found
    return None


def resized(reference: Sequence[Constant], ours: Sequence[Constant]) -> bool:
    """Whether a layer has as many weights as before, each of another size than any was."""
    before, after = ([each.stored.size for each in side if each.stored.ndim > 1] for side in (reference, ours))
    return bool(after) and len(before) == len(after) and not set(before) & set(after)


def _bias(reference: Constant, ours: Constant) -> Finding | None:
    before, after = reference.values.ravel(), ours.values.ravel()
    if before.size != after.size or ours.name.endswith(_MOVED):
        return None
    if np.abs(before).max() > _SMALLEST and not after.any() and np.abs(before).max() > 2 * _step(ours):
        return Finding("zero bias")
    allowed = max(_ROUNDINGS * _step(ours), 1e-3 * float(np.abs(before).max()), _SMALLEST)
    return Finding("other bias") if float(np.abs(after - before).max()) > allowed else None


def _weights(reference: Constant, ours: Constant) -> Finding | None:
    before, after = _aligned(reference.values, ours)
    if before is None:
        return None
    size = float(np.sqrt(np.mean(np.square(before))))
    allowed = _ROUNDINGS * float(np.sqrt(ours.noise)) + 1e-4 * size
    if _rms(after - before) <= allowed and not _scaled(before, after, allowed, ours):
        return None
    if scaled := _scaled(before, after, allowed, ours):
        return scaled
    shuffled = _rms(np.sort(after.ravel()) - np.sort(before.ravel())) <= allowed / 2 or _same_integers(before, ours)
    return Finding("shuffled" if shuffled and _rms(after - before) > 4 * allowed else "other weights")


def _aligned(before: NDArray[np.float64], ours: Constant) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Both in the same shape, by the order of axes that makes them most alike; None where no order does."""
    after = ours.values
    orders = permutations(range(before.ndim)) if before.ndim == after.ndim <= _MOST_AXES else ()
    turned = [before.transpose(order) for order in orders]
    fitting = [each for each in turned if each.shape == after.shape]
    if not fitting and before.squeeze().shape == after.squeeze().shape:
        fitting = [before.reshape(after.shape)]
    return (min(fitting, key=lambda each: _rms(after - each)) if fitting else None), after


def _scaled(before: NDArray[np.float64], after: NDArray[np.float64], allowed: float, ours: Constant) -> Finding | None:
    """Whether some or all channels are the reference's times a factor."""
    rows = [np.moveaxis(each, ours.axis, 0).reshape(each.shape[ours.axis], -1) for each in (before, after)]
    power = np.square(rows[0]).sum(1)
    slopes = np.divide((rows[0] * rows[1]).sum(1), power, out=np.ones_like(power), where=power > 0)
    left = _rms(rows[1] - slopes[:, None] * rows[0])
    # A channel's slope strays by rounding: step/√12 over the length of the channel's weights.
    doubt = 4 * np.sqrt(ours.noise / np.maximum(power, 1e-30))
    off = np.abs(slopes - 1) > _SCALED + doubt
    if not off.any() or left > allowed or np.any(slopes[off] <= 0):
        return None
    return Finding("scaled", float(np.median(slopes[off])), (int(off.sum()), len(off)))


def _same_integers(before: NDArray[np.float64], ours: Constant) -> bool:
    """Whether the reference, rounded to these scales, gives the same integers in another order."""
    if ours.scale is None:
        return False
    expected = np.sort(np.rint(before / ours.scale + (0 if ours.zero_point is None else ours.zero_point)).ravel())
    return float(np.abs(expected - np.sort(ours.stored.ravel().astype(np.float64))).mean()) < 0.1


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _step(constant: Constant) -> float:
    return 0.0 if constant.scale is None else float(constant.scale.max())


def sentence(title: str, finding: Finding, of: str = "the float32 file") -> str:
    """What is told of a layer; `of` says whose numbers they are compared with."""
    if finding.kind == "zero bias":
        return f"the bias of `{title}` is zero, and in {of} it is not"
    if finding.kind == "other bias":
        return f"the bias of `{title}` is not that of {of}"
    if finding.kind == "shuffled":
        return f"the weights of `{title}` are those of {of} in another order"
    if finding.kind == "other weights":
        return f"the weights of `{title}` are not those of {of}, by more than rounding"
    some = ""
    if finding.channels is not None and finding.channels[0] < finding.channels[1]:
        some = f" in {finding.channels[0]} of {finding.channels[1]} channels"
    return f"the weights of `{title}`{some} are {finding.factor:.3f} × those of {of}: {off(finding.factor)}"


def off(factor: float) -> str:
    """By how much a factor is not one."""
    return f"a scale is off by {100 * abs(factor - 1):.1f} %"
