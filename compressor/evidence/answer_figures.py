"""Answers of a compressed file against those of its float32 file: counts, confusion, and samples they disagree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compressor import answers, metrics
from compressor.metrics import Metric
from compressor.report.evidence import AnswersPart, ConfusionPart, SampleValue
from compressor.values import Array, as_float

MOST_SAMPLES = 12
# A larger matrix cannot be read.
MOST_CLASSES = 30
_DIGITS = 4
# So many numbers of a sample are written out; of more, the one that differs most.
_WRITTEN = 4
_BLOCK = 256
Kind = Literal["classes", "sides", "values"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Outputs of the judged end of both files, and what they are judged by.

    Attributes:
        labels: None where the evaluation set has none.
        metric: name of the run's metric; "" takes the one that the reference looks like.
        classes: names of the classes; numbers are used where there are as many as outputs.
    """

    compressed: Array
    reference: Array
    labels: Array | None
    metric: str
    classes: tuple[str, ...] = ()
    trusted: bool = False


def part(compared: Compared, file_format: str, precision: str, runtime: str) -> AnswersPart:
    """Everything but pictures and texts.

    An answer is a position of the outputs: of sequences there are many in a sample. Samples are shown where there is
    one answer for each: first those that the compressed file alone gets wrong, then those that both do; among them
    those whose confidences moved most, or whose values.

    Raises:
        BadInput: the metric is the user's own, and not trusted.
    """
    metric = _metric(compared)
    kind = _kind(metric, compared.reference)
    same = np.asarray(metric.same(compared.compressed, compared.reference))
    right = [_right(compared.metric, compared.labels, outputs) for outputs in (compared.reference, compared.compressed)]
    worse = better = None
    if right[0] is not None and right[1] is not None:
        worse, better = int(np.sum(right[0] & ~right[1])), int(np.sum(~right[0] & right[1]))
    return AnswersPart(
        format=file_format,
        precision=precision,
        runtime=runtime,
        evaluated=int(same.size),
        disagreeing=int(np.sum(~same)),
        worse=worse,
        better=better,
        confusion=_confusion(compared, kind),
        samples=_samples(compared, kind, np.flatnonzero(~same.ravel())) if same.size == len(same) else [],
    )


def _metric(compared: Compared) -> Metric:
    name = compared.metric or metrics.choose(None, compared.reference).name
    return metrics.load(name, compared.trusted)


def _kind(metric: Metric, reference: Array) -> Kind:
    """What an answer is: a class, a side of a threshold, or values."""
    known: dict[object, Kind] = {
        answers.same_class: "classes",
        answers.same_side: "sides",
        answers.same_values: "values",
    }
    if metric.same in known:
        return known[metric.same]
    if reference.size == len(reference):
        return "sides" if metric.unit == "points" else "values"
    return known.get(metrics.load(metrics.choose(None, reference).name).same, "values")


def _right(metric: str, labels: Array | None, outputs: Array) -> NDArray[np.bool_] | None:
    """Which answers are right, of metrics whose value is the share of those."""
    if labels is None:
        return None
    if metric == "accuracy":
        return np.asarray(outputs.argmax(-1) == answers.classes(labels, outputs))
    if metric == "binary_accuracy":
        return np.asarray((outputs.reshape(-1) > answers.threshold(outputs)) == (labels.reshape(-1) == 1))
    if metric == "top_5_accuracy" and outputs.ndim == 2:
        value = metrics.load(metric).value
        rows = range(len(outputs))
        return np.array([value(labels[row : row + 1], outputs[row : row + 1]) == 1 for row in rows], np.bool_)
    return None


def _truth(compared: Compared, kind: Kind) -> NDArray[np.int64] | None:
    """The labelled class of each answer, 0 or 1 for sides; None where labels are no classes."""
    labels, reference = compared.labels, compared.reference
    if labels is None:
        return None
    if kind == "classes" and answers.are_classes(labels, reference):
        return answers.classes(labels, reference).ravel()
    if kind == "sides" and labels.size == reference.size and set(np.unique(labels)) <= {0, 1}:
        return labels.reshape(-1).astype(np.int64)
    return None


def _answered(outputs: Array, kind: Kind, cut: float) -> NDArray[np.int64]:
    if kind == "sides":
        return (outputs.reshape(-1) > cut).astype(np.int64)
    return np.asarray(outputs.argmax(-1).ravel())


def _names(compared: Compared, kind: Kind) -> list[str]:
    count = 2 if kind == "sides" else compared.reference.shape[-1]
    return list(compared.classes) if len(compared.classes) == count else [str(number) for number in range(count)]


def _confusion(compared: Compared, kind: Kind) -> ConfusionPart | None:
    truth = _truth(compared, kind)
    if truth is None:
        return None
    names = _names(compared, kind)
    if len(names) > MOST_CLASSES:
        return None
    tables = []
    for outputs in (compared.reference, compared.compressed):
        table = np.zeros((len(names), len(names)), np.int64)
        np.add.at(table, (truth, _answered(outputs, kind, answers.threshold(outputs))), 1)
        tables.append(table.tolist())
    return ConfusionPart(classes=names, reference=tables[0], compressed=tables[1])


def _samples(compared: Compared, kind: Kind, rows: NDArray[np.intp]) -> list[SampleValue]:
    if not len(rows):
        return []
    return _by_value(compared, rows) if kind == "values" else _by_class(compared, kind, rows)


def _by_class(compared: Compared, kind: Kind, rows: NDArray[np.intp]) -> list[SampleValue]:
    names, truth = _names(compared, kind), _truth(compared, kind)
    cut = answers.threshold(compared.reference)
    theirs, ours = (
        _probabilities(outputs[rows], compared.reference, kind) for outputs in (compared.reference, compared.compressed)
    )
    before, after = (_answered(outputs[rows], kind, cut) for outputs in (compared.reference, compared.compressed))
    each = np.arange(len(rows))
    moved = theirs[each, before] - theirs[each, after] + ours[each, after] - ours[each, before]
    group = (
        np.zeros(len(rows))
        if truth is None
        else np.where(truth[rows] == after, 2, np.where(truth[rows] == before, 0, 1))
    )
    order = np.lexsort((rows, -moved, group))[:MOST_SAMPLES]
    return [
        SampleValue(
            index=int(rows[place]),
            label=None if truth is None else names[truth[rows[place]]],
            reference=names[before[place]],
            compressed=names[after[place]],
            reference_confidence=round(float(theirs[place, before[place]]), _DIGITS),
            compressed_confidence=round(float(ours[place, after[place]]), _DIGITS),
        )
        for place in order
    ]


def _probabilities(outputs: Array, reference: Array, kind: Kind) -> NDArray[np.float64]:
    """Of each class; logits by softmax, of two sides by the logistic function."""
    values = as_float(outputs).reshape(len(outputs), -1)
    if kind == "sides":
        yes = np.clip(values[:, 0], 0, 1) if answers.threshold(reference) else _logistic(values[:, 0])
        return np.stack([1 - yes, yes], axis=1)
    if answers.are_probabilities(reference):
        return np.clip(values, 0, 1)
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))


def _by_value(compared: Compared, rows: NDArray[np.intp]) -> list[SampleValue]:
    """Those that differ most."""
    starts = range(0, len(rows), _BLOCK)
    largest = np.concatenate([_differences(compared, rows[start : start + _BLOCK]).max(1) for start in starts])
    chosen = rows[np.lexsort((rows, -largest))[:MOST_SAMPLES]]
    places = _differences(compared, chosen).argmax(1)
    labels = compared.labels
    fits = labels is not None and labels.size == compared.reference.size and len(labels) == len(compared.reference)
    return [
        SampleValue(
            index=int(row),
            label=_written(labels[row], place) if fits and labels is not None else None,
            reference=_written(compared.reference[row], place),
            compressed=_written(compared.compressed[row], place),
        )
        for row, place in zip(chosen, places, strict=True)
    ]


def _differences(compared: Compared, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    differences = np.abs(as_float(compared.compressed[rows]) - as_float(compared.reference[rows]))
    return differences.reshape(len(rows), -1)


def _written(values: Array, place: int) -> str:
    flat = np.ravel(values)
    return ", ".join(f"{value:.6g}" for value in (flat if len(flat) <= _WRITTEN else flat[place : place + 1]))
