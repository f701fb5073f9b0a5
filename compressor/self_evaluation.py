"""What the model itself answers on the evaluation set, and what it is judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compressor import metrics
from compressor.errors import BadInput
from compressor.networks import Network
from compressor.subject import Subject
from compressor.values import Array, Dataset
from compressor.worker import deadline, report_progress

_PREDICT_BATCH = 256
# A graph can hold a loop without an end; no honest one takes so long for a block.
_ANSWER_S = 3600.0


def answers(network: Network, dataset: Dataset) -> tuple[Array | None, dict[str, Array]]:
    """Labels and the model's own outputs for the evaluation set, block by block.

    Raises:
        BadInput: an output is not a finite number.
    """
    blocks, labels = [], []
    for block in dataset.evaluation.blocks(_PREDICT_BATCH):
        with deadline(_ANSWER_S):
            blocks.append(network.answers(block))
        if block.labels is not None:
            labels.append(block.labels)
        report_progress("run the model itself", sum(map(_rows, blocks)), dataset.evaluation.count)
    if not all(np.isfinite(values).all() for block in blocks for values in block.values()):
        raise BadInput("the model itself answers NaN or infinity", fix="look at the weights and at the input scale")
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return np.concatenate(labels) if labels else None, found


def metric_for(
    named: str | None, labels: Array | None, outputs: dict[str, Array], found: Subject, trusted: bool
) -> metrics.Choice | None:
    """The metric that everything is judged by: chosen once, on the model's own answers."""
    first = next(iter(outputs.values()))
    if named is not None:
        return metrics.named(named, labels, first, trusted)
    if found.metric is not None and labels is not None:
        return replace(metrics.named(found.metric, labels, first), why="the sample is judged by it on its own data")
    return None if labels is None else metrics.choose(labels, first, found.loss or found.loaded.loss)


def _rows(block: dict[str, Array]) -> int:
    return len(next(iter(block.values())))
