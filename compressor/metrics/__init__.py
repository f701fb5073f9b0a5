"""Metrics: one way to judge outputs per file, found by file name, or a function of the user's own.

A metric file defines `METRIC`, a `Metric`. Unless the user names one, the first in `order` that suits labels and
outputs is chosen; where only the last is left, which takes any values, the loss may know better.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from compressor import custom_metric, registry
from compressor.errors import BadInput
from compressor.values import Array

Unit = Literal["points", "percent", "dB"]


@dataclass(frozen=True, slots=True)
class Metric:
    """How outputs are judged.

    Attributes:
        order: the lower, the earlier it is tried; None is never chosen from labels, only by name or by its loss.
        unit: of the drop: "points" (100 × the difference, for shares), "percent" (of the reference value) or "dB"
            (the difference itself).
        higher_is_better: direction of `value`.
        reason: what `suits` asks for, as part of a sentence.
        suits: (labels or None, outputs) → whether this metric fits them.
        value: (labels, outputs) → one number.
        same: (outputs, reference outputs) → per answer, whether both say the same.
        losses: Keras's names of the losses that make it the natural choice.
        scores: (labels, outputs) → one number per sample, of whose mean the value follows; None where it follows of no
            mean. Of answers that are right or wrong, the score is the share of right ones, 0 to 1.
        of_mean: means of scores → values.
    """

    summary: str
    order: int | None
    unit: Unit
    higher_is_better: bool
    reason: str
    suits: Callable[[Array | None, Array], bool]
    value: Callable[[Array, Array], float]
    same: Callable[[Array, Array], NDArray[np.bool_]]
    losses: tuple[str, ...] = ()
    scores: Callable[[Array, Array], NDArray[np.float64]] | None = None
    of_mean: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.asarray

    def drop(self, value: float, reference: float) -> float:
        """What was lost against the reference, in `unit`; positive is worse."""
        return float(self.drops(np.array(value), np.array(reference)))

    def drops(self, values: NDArray[np.float64], references: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same of many values at once."""
        lost = references - values if self.higher_is_better else values - references
        if self.unit == "dB":
            return lost
        if self.unit == "points":
            return np.asarray(100.0 * lost)
        some = np.where(references == 0, 1.0, np.abs(references))
        return np.where(references == 0, 100.0 * np.sign(lost), 100.0 * lost / some)


@dataclass(frozen=True, slots=True)
class Choice:
    """The metric of a run, and why it is this one, as part of a sentence."""

    name: str
    why: str


def names() -> tuple[str, ...]:
    """Names of all metrics: those that are tried, in their order, then those that have to be named."""

    def place(name: str) -> tuple[bool, int, str]:
        order = load(name).order
        return order is None, order or 0, name

    return tuple(sorted(registry.names(__name__), key=place))


def load(name: str, trusted: bool = False) -> Metric:
    """The metric of that name, or made of the function at `package.module:function`.

    Args:
        trusted: code that the user names may be run.

    Raises:
        BadInput: no such metric; code that is not trusted; a function that is none or has wrong attributes.
    """
    if ":" in name:
        return _custom(name, trusted)
    return cast(Metric, registry.load(__name__, name, "METRIC", "metric"))


def choose(labels: Array | None, outputs: Array, loss: str | None = None) -> Choice:
    """The metric that suits labels and outputs (first axis = samples), and the loss where those leave it open.

    Args:
        loss: Keras's name of the loss that the model was compiled with ("mean_absolute_error", "mae",
            "MeanAbsoluteError"), when it is known.
    """
    tried = [name for name in names() if load(name).order is not None]
    found = next((name for name in tried if load(name).suits(labels, outputs)), tried[-1])
    if labels is None:
        return Choice(found, "there are no labels")
    if loss is not None and found == tried[-1]:
        for name in names():
            if _snake(loss) in load(name).losses and load(name).suits(labels, outputs):
                return Choice(name, f"the model was compiled with the loss {_snake(loss)}")
    return Choice(found, load(found).reason)


def named(name: str, labels: Array | None, outputs: Array, trusted: bool = False) -> Choice:
    """The metric that the user named.

    Raises:
        BadInput: as `load`; also when there are no labels, or labels and outputs are not what the metric takes.
    """
    metric = load(name, trusted)
    if labels is None:
        raise BadInput(
            f"the metric {name} needs labels, and the evaluation set has none",
            fix="add labels, or leave the metric out: outputs are compared without it",
        )
    if not metric.suits(labels, outputs):
        raise BadInput(
            f"the metric {name} does not fit these labels and outputs",
            expected=metric.reason,
            received=f"{_told(labels)} as labels, {_told(outputs)} as outputs",
        )
    return Choice(name, "named by the user")


def _custom(address: str, trusted: bool) -> Metric:
    own = custom_metric.load(address, trusted)
    return Metric(
        summary="a function of the user's own",
        order=None,
        unit=own.unit,
        higher_is_better=own.higher_is_better,
        reason="whatever the function takes",
        suits=lambda labels, outputs: labels is not None,
        value=own.value,
        same=lambda outputs, reference: load(choose(None, reference).name).same(outputs, reference),
    )


def _told(array: Array) -> str:
    return f"{array.dtype} {array.shape} from {float(array.min()):g} to {float(array.max()):g}"


def _snake(loss: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()
