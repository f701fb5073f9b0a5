"""What a run has kept of one row: its outputs, its float32 file, and whether they bear the report's values out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor import answers, metrics
from compressor.metrics import Metric
from compressor.report.cases import artifact
from compressor.report.gate import baseline_of
from compressor.report.kept_run import Run
from compressor.report.schema import Row, place
from compressor.values import Array


@dataclass(frozen=True, slots=True)
class Kept:
    """One row with what its run has kept of it."""

    run: Run
    row: Row

    def outputs(self) -> Array | None:
        """What the file answered; None where that is not there."""
        return self.run.outputs(self.row)

    def float32(self) -> Row | None:
        """The row of the float32 file that it is compared with, on the same runtime where there is one; of a float32
        file, its own."""
        row, rows = self.row, self.run.report.rows
        if row.stage == "float32":
            return row
        like = (row.target, row.network, row.format, row.runtime)
        same = (
            each
            for each in rows
            if each.stage == "float32" and (each.target, each.network, each.format, each.runtime) == like
        )
        return next(same, None) or baseline_of(row, rows)

    def equal_answers(self) -> NDArray[np.float64] | None:
        """Of each sample, whether the file answers as the float32 file does; None where outputs are not there."""
        row = self.row
        if row.stage != "compressed" or row.metric is None or ":" in row.metric.name:
            return None
        baseline = self.float32()
        ours, theirs = self.outputs(), None if baseline is None else self.run.outputs(baseline)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            return None
        equal = metrics.load(row.metric.name).same(ours, theirs)
        return answers.shares(equal.reshape(len(ours), -1))


def value_of(metric: Metric, labels: Array, outputs: Array) -> float:
    """The value, or NaN where these labels are not those of the outputs."""
    try:
        return metric.value(labels, outputs) if len(labels) == len(outputs) else float("nan")
    except ValueError:
        return float("nan")


def contradictions(run: Run, row: Row, whose: str) -> Iterator[str]:
    """One sentence for each value of the report that the outputs beside it do not bear out.

    Args:
        whose: which run it is, as part of a sentence.

    Raises:
        BadInput: a file of outputs is damaged.
    """
    kept = Kept(run, row)
    for name, reported, found in _values(kept):
        if not np.isclose(found, reported, rtol=1e-6, atol=1e-9):
            by_outputs = "cannot be had from them" if np.isnan(found) else f"is {found:.6g} by them"
            where = f"{place(row.target, row.network)}: {artifact(row)}"
            told = f"{name} {by_outputs}, {reported:.6g} by the report"
            yield f"the outputs beside {whose} contradict it, and its values are judged: {where}: {told}"


def _values(kept: Kept) -> Iterator[tuple[str, float, float]]:
    """Name, value by the report, and value by the outputs."""
    row = kept.row
    if row.provenance != "measured" or row.metric is None or ":" in row.metric.name:
        return
    labels, outputs = kept.run.labels(row), kept.outputs()
    if labels is not None and outputs is not None:
        yield row.metric.name, row.metric.value, value_of(metrics.load(row.metric.name), labels, outputs)
    equal = kept.equal_answers()
    if equal is not None and row.agreement is not None:
        yield "agreement", row.agreement, float(equal.mean())
