"""Rows of the report: measurements joined with their baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from compressor import device_timing, estimate, intervals, metrics, pixel_range, tensorrt
from compressor.data import mapped
from compressor.data.npz import NpzFile
from compressor.errors import CompressorError, MissingTool
from compressor.measurement import metric_value
from compressor.measurement.parity import Parity, compare
from compressor.placed_operators import Placements
from compressor.plan import Job, PlannedRow
from compressor.report.figures import AgainstHostValue, Interval, MetricValue, OutcomesValue
from compressor.report.schema import Row
from compressor.statistics import Bounds
from compressor.target import Target
from compressor.tflm import c_array, fit
from compressor.values import Array, Artifact, Failure, Provenance, Stage


@dataclass(frozen=True, slots=True)
class Measured:
    """What `compressor measure --json` answered, and where it left the outputs."""

    answer: dict[str, Any]
    outputs: Path

    @property
    def metric(self) -> MetricValue | None:
        """The metric, when the evaluation set has labels."""
        return MetricValue(**self.answer["metric"]) if self.answer["metric"] else None


class Table:
    """Makes rows from everything a run has written and measured.

    Args:
        folder: the run folder: `reference.npz` holds Keras's outputs, `data.npz` the labels.
        metric: name of the run's metric; None when the evaluation set has no labels.
        trusted: the metric may be code that the user names.
        timeout: seconds that a device's own tool, or its compiler, may take for one file, where it is here.
    """

    def __init__(
        self,
        folder: Path,
        measurements: Mapping[tuple[Job, str], Measured | Failure],
        artifacts: Mapping[Job, Artifact | Failure],
        metric: str | None,
        trusted: bool = False,
        timeout: float = 1800.0,
    ) -> None:
        self._folder = folder
        self._timeout = timeout
        self._metric = metric
        self._trusted = trusted
        self._measurements = measurements
        self._artifacts = artifacts
        self._placements = Placements()
        # Targets share files, and intervals take their time.
        self._intervals: dict[tuple[Job, str], dict[str, Any]] = {}

    def row(self, planned: PlannedRow) -> Row:
        """The row of one artifact on one runtime."""
        found = self._measurements[planned.job, planned.runtime]
        base = self._base(planned, planned.runtime)
        if isinstance(found, Failure):
            return Row(**base, provenance="skipped", host=None, **_told(planned, found))
        try:
            compared = self._compared(planned, found)
        except CompressorError as error:
            return Row(**base, provenance="skipped", host=None, failed_stage="compare", reason=str(error))
        measured = {
            "provenance": "measured",
            "host": found.answer["host"],
            "metric": found.metric,
            "latency_ms": found.answer["latency_ms"],
            "peak_rss_bytes": found.answer["peak_rss_bytes"],
            "latency_ratio": found.answer.get("latency_ratio"),
            "operator_times": found.answer.get("operator_times", []),
            "memory": found.answer.get("memory"),
        }
        # What is slow on this machine says nothing of a device that is not here.
        why_slower = found.answer.get("notes", []) if planned.target.device is None else []
        notes = [*compared.pop("notes", base["notes"]), *why_slower]
        return Row(**base | measured | compared | {"notes": notes})

    def emulated_row(
        self, planned: PlannedRow, found: Measured | Failure, against: AgainstHostValue | None, notes: tuple[str, ...]
    ) -> Row:
        """The row of one artifact on an emulated core of its target; its metric is over the samples of `against`."""
        base = self._base(planned, planned.runtime)
        if isinstance(found, Failure):
            return Row(**base, provenance="skipped", host=None, failed_stage=found.stage, reason=found.reason)
        host = found.answer["host"]
        told = {"provenance": "emulated", "host": host, "metric": found.metric, "against_host": against}
        return Row(**base | told | {"notes": [*base["notes"], *(f"{host}: {note}" for note in notes)]})

    def device_row(self, target: Target, planned: PlannedRow) -> Row:
        """The row of the device: measured where its own tool is here, estimated where its compiler is, else stated."""
        assert target.device is not None
        base = self._base(planned, target.device.runtime) | {"notes": []}
        artifact = self._artifacts[planned.job]
        if estimate.offered(target) and isinstance(artifact, Artifact):
            told = estimate.row_values(artifact, target, self._folder, self._timeout)
            return Row(**base | {"host": None} | told)
        skipped: dict[str, Any] = {"provenance": Provenance.SKIPPED.value, "host": None}
        misfit = self.misfit(target, planned)
        if misfit is not None:
            return Row(**base, **skipped, reason=misfit[1], failed_stage=misfit[0])
        try:
            timed = device_timing.of(artifact, target, self._timeout) if isinstance(artifact, Artifact) else None
        except MissingTool as error:
            return Row(**base, **skipped, reason="; ".join((target.device.reason, *str(error).split("\n  "))))
        except CompressorError as error:
            return Row(**base, **skipped, reason=str(error), failed_stage="measure")
        if timed is not None:
            return Row(**base | timed)
        notes = estimate.said(artifact, target, self._timeout) if isinstance(artifact, Artifact) else []
        return Row(**base | skipped | {"reason": target.device.reason, "notes": notes})

    def misfit(self, target: Target, planned: PlannedRow) -> tuple[str, str] | None:
        """The stage that fails and why: too little memory on a microcontroller, or what the device's own tools refuse.

        None where nothing is in the way, or there is no file.
        """
        artifact = self._artifacts[planned.job]
        if not isinstance(artifact, Artifact):
            return None
        if artifact.format == "tflm":
            told = fit.misfit(target, fit.need(c_array.content(artifact.path)))
            return None if told is None else ("fit", told)
        if target.placement == "tensorrt":
            broken = tensorrt.refusals(artifact.path, target, str(artifact.precision))
            lines = "".join(f"\n  {line}" for line in broken[:10])
            told = f"TensorRT of {target.name} would refuse the file, {len(broken)} rules broken:{lines}"
            return ("lint", told) if broken else None
        return None

    def keras_metric(self) -> MetricValue | None:
        """The metric of the Keras model itself."""
        return self._keras_metric

    def _compared(self, planned: PlannedRow, found: Measured) -> dict[str, Any]:
        """Drop and parity against Keras for a float32 row, against the float32 file for a compressed one."""
        reference, reference_metric = self._reference, self.keras_metric()
        if planned.job.stage is Stage.COMPRESSED:
            baseline = self._baseline(planned)
            if isinstance(baseline, Failure):
                return {"notes": [*self._notes(planned), f"not compared: the float32 file failed ({baseline.stage})"]}
            reference, reference_metric = arrays_of(baseline.outputs), baseline.metric
        judged = next(iter(self._reference))
        parity: Parity = compare(arrays_of(found.outputs), reference, self._metric or "", judged, self._trusted)
        compared: dict[str, Any] = {
            "agreement": parity.agreement,
            "max_abs_error": parity.max_abs_error,
            "mean_abs_error": parity.mean_abs_error,
            "sqnr_db": parity.sqnr_db,
            "cosine": parity.cosine,
            "psnr_db": self._psnr(arrays_of(found.outputs), reference, judged),
        }
        if found.metric and reference_metric and found.metric.name == reference_metric.name:
            metric = metrics.load(found.metric.name, self._trusted)
            compared["drop"] = metric.drop(found.metric.value, reference_metric.value)
            compared["drop_unit"] = metric.unit
        key = (planned.job, planned.runtime)
        if key not in self._intervals:
            self._intervals[key] = self._sure(found, reference, judged, "drop" in compared)
        return compared | self._intervals[key]

    def _sure(self, found: Measured, reference: Mapping[str, Array], judged: str, dropped: bool) -> dict[str, Any]:
        """How sure drop and agreement are."""
        ours, theirs = (_named(arrays, judged) for arrays in (arrays_of(found.outputs), reference))
        labels = self._judged[0]
        agreement = intervals.of_agreement(self._metric or "", ours, theirs, self._trusted)
        told: dict[str, Any] = {
            "agreement_interval": _interval(agreement),
            "outcomes": OutcomesValue(samples=len(ours)),
        }
        if not dropped or self._metric is None or labels is None:
            return told
        drop = intervals.of_drop(metrics.load(self._metric, self._trusted), labels, ours, theirs)
        if drop.pairs is not None:
            worse, better = int(drop.pairs.worse), int(drop.pairs.better)
            told["outcomes"] = OutcomesValue(samples=drop.samples, worse=worse, better=better)
        if drop.bounds is not None:
            told |= {"drop_interval": _interval(drop.bounds), "drop_by": drop.by}
        return told

    def _psnr(self, outputs: Mapping[str, Array], reference: Mapping[str, Array], judged: str) -> float | None:
        """Peak signal-to-noise ratio against the reference, where the metric is one of images."""
        if self._metric is None or metrics.load(self._metric, self._trusted).suits is not pixel_range.are_images:
            return None
        ours, theirs = (_named(arrays, judged) for arrays in (outputs, reference))
        return metrics.load("psnr").value(theirs, ours)

    def _baseline(self, planned: PlannedRow) -> Measured | Failure:
        float_jobs = [
            (job, runtime)
            for job, runtime in self._measurements
            if job.stage is Stage.FLOAT32 and job.format == planned.job.format
        ]
        same = [pair for pair in float_jobs if pair[1] == planned.runtime]
        return self._measurements[(same or float_jobs)[0]]

    def _base(self, planned: PlannedRow, runtime: str) -> dict[str, Any]:
        artifact = self._artifacts[planned.job]
        written = artifact if isinstance(artifact, Artifact) else None
        drawn = planned.job.stage is Stage.COMPRESSED
        return {
            "target": planned.target.name,
            "format": planned.job.format,
            "precision": str(planned.job.precision),
            "stage": planned.job.stage.value,
            "runtime": runtime,
            "path": str(written.path.relative_to(self._folder)) if written else None,
            "bytes": written.bytes if written else None,
            "bytes_deflated": written.bytes_deflated if written else None,
            "bytes_packed": written.bytes_packed if written else None,
            "sha256": written.sha256 if written else None,
            "placement": self._placements.of(written.path, planned.target, drawn) if written else None,
            "notes": self._notes(planned),
        }

    def _notes(self, planned: PlannedRow) -> list[str]:
        artifact = self._artifacts[planned.job]
        return list(artifact.notes) if isinstance(artifact, Artifact) else []

    @cached_property
    def _keras_metric(self) -> MetricValue | None:
        labels, outputs = self._judged
        if self._metric is None or labels is None:
            return None
        return MetricValue(name=self._metric, value=metric_value(self._metric, labels, outputs, self._trusted))

    @cached_property
    def _judged(self) -> tuple[Array | None, Array]:
        """The labels, and Keras's first output."""
        labels = NpzFile(self._folder / "data.npz").columns().get("y_evaluation")
        outputs = next(iter(self._reference.values()))
        return None if labels is None else labels.pick(np.arange(labels.shape[0])), outputs

    @cached_property
    def _reference(self) -> dict[str, Array]:
        return arrays_of(self._folder / "reference.npz")


def _told(planned: PlannedRow, failure: Failure) -> dict[str, Any]:
    """Why there is no file or number, and in which other precisions the target could have the file."""
    told: dict[str, Any] = {"failed_stage": failure.stage, "reason": failure.reason}
    if failure.possible is None:
        return told
    routes = [route for route in planned.target.routes if route.format == planned.job.format]
    taken = {precision for route in routes for precision in route.precisions}
    possible = [str(precision) for precision in failure.possible if precision in taken]
    instead = (
        f"use a recipe with precision {' or '.join(possible)}, which this model can be written in"
        if possible
        else f"this model can be written in no other precision that {planned.target.name} takes"
    )
    return told | {"reason": f"{failure.reason}\n  what to do: {instead}", "possible_precisions": possible}


def _named(arrays: Mapping[str, Array], judged: str) -> Array:
    """The output that is judged; the first, where the file names it differently."""
    return arrays.get(judged, next(iter(arrays.values())))


def _interval(bounds: Bounds) -> Interval:
    return Interval(low=bounds.low, high=bounds.high)


def arrays_of(path: Path) -> dict[str, Array]:
    """Everything in an `.npz`, read as it is looked at."""
    return mapped.arrays(path)
