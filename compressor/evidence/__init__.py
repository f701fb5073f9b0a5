"""What a run's verdict rests on beyond its rows: weights before and after, promises kept, and answers that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compressor.data.npz import NpzFile
from compressor.data.spec import DataSpec
from compressor.errors import CompressorError
from compressor.evidence import answer_figures, promises, shown_samples, survival, weight_figures
from compressor.evidence.answer_figures import Compared
from compressor.plan import Job
from compressor.report.evidence import AnswersPart, PromisePart, WeightsPart
from compressor.rows import Measured, arrays_of
from compressor.values import Array, Artifact, Failure, Stage

Artifacts = Mapping[Job, Artifact | Failure]
Measurements = Mapping[tuple[Job, str], Measured | Failure]
# A graph that nobody thought of costs its figure, never the run.
_FAULTS = (CompressorError, ArithmeticError, LookupError, MemoryError, OSError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Judging:
    """How a run judges: see `Compared`; `judged` names the output, the first where a file has none of that name."""

    metric: str
    judged: str
    classes: tuple[str, ...]
    spec: DataSpec
    trusted: bool


@dataclass(slots=True)
class Evidence:
    """What was found, and in `warnings` what could not be."""

    weights: list[WeightsPart] = field(default_factory=list)
    promises: list[PromisePart] = field(default_factory=list)
    answers: list[AnswersPart] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """A fault inside becomes a warning."""
        try:
            yield
        except _FAULTS as error:
            self.warnings.append(
                f"{what} cannot be shown: {' '.join(str(error).split())[:300] or type(error).__name__}"
            )


def gather(
    folder: Path,
    artifacts: Artifacts,
    measurements: Measurements,
    judging: Judging,
    steps_done: Sequence[Mapping[str, Any]] = (),
) -> Evidence:
    """The evidence on every compressed file, and on every runtime that it was measured on.

    Args:
        folder: the run folder: `data.npz` has the samples and labels.
        steps_done: what the steps told of themselves, with what they promised.
    """
    found = Evidence()
    with found.told("what the steps promised"):
        found.promises = promises.held_against(artifacts, steps_done)
    with found.told("what became of the simulation"):
        found.promises += _survived(folder, artifacts, measurements, judging, steps_done)
    for job, after in artifacts.items():
        before = artifacts.get(_float(job, artifacts))
        if _readable(job, before, after) and isinstance(before, Artifact) and isinstance(after, Artifact):
            with found.told(f"the weights of {after.path.name}"):
                found.weights += weight_figures.parts(before, after)
    for (job, runtime), measured in measurements.items():
        baseline = _baseline(job, runtime, measurements)
        if job.stage is Stage.COMPRESSED and isinstance(measured, Measured) and baseline is not None:
            with found.told(f"answers of {job.format} {job.precision} on {runtime}"):
                compared = _compared(folder, measured, baseline, judging)
                found.answers.append(answer_figures.part(compared, job.format, str(job.precision), runtime))
    with found.told("the samples that differ"):
        found.answers = shown_samples.with_inputs(found.answers, folder / "data.npz", judging.spec)
    return found


def _survived(
    folder: Path,
    artifacts: Artifacts,
    measurements: Measurements,
    judging: Judging,
    steps_done: Sequence[Mapping[str, Any]],
) -> Iterator[PromisePart]:
    """What a TFLite file keeps of the simulation that it was written from, on the first runtime that it ran on."""
    simulated = folder / "simulated.npz"
    for job, artifact in artifacts.items():
        if not (job.stage is Stage.COMPRESSED and job.format == "tflite" and isinstance(artifact, Artifact)):
            continue
        if not simulated.exists():
            return
        yield from survival.of_operators(artifact, steps_done)
        found = (each for (other, _), each in measurements.items() if other == job and isinstance(each, Measured))
        measured = next(found, None)
        if measured is not None:
            ours, theirs = (_judged(arrays_of(each), judging.judged) for each in (measured.outputs, simulated))
            yield from survival.of_metric(artifact, judging.metric, _labels(folder), (ours, theirs), judging.trusted)


def _readable(job: Job, before: object, after: object) -> bool:
    files = [each for each in (before, after) if isinstance(each, Artifact) and weight_figures.has_kernels(each.path)]
    return job.stage is Stage.COMPRESSED and len(files) == 2


def _float(job: Job, artifacts: Artifacts) -> Job:
    """The baseline of a compressed file; itself where there is none."""
    return next((each for each in artifacts if each.stage is Stage.FLOAT32 and each.format == job.format), job)


def _baseline(job: Job, runtime: str, measurements: Measurements) -> Measured | None:
    """The float32 file on the same runtime, else on the first that it was measured on."""
    floats = {
        name: found
        for (other, name), found in measurements.items()
        if other.stage is Stage.FLOAT32 and other.format == job.format and isinstance(found, Measured)
    }
    return floats.get(runtime) or next(iter(floats.values()), None)


def _compared(folder: Path, measured: Measured, baseline: Measured, judging: Judging) -> Compared:
    ours, theirs = (_judged(arrays_of(each.outputs), judging.judged) for each in (measured, baseline))
    if ours.shape != theirs.shape:
        raise ValueError(f"outputs of shapes {ours.shape} and {theirs.shape}")
    return Compared(ours, theirs, _labels(folder), judging.metric, judging.classes, judging.trusted)


def _judged(outputs: Mapping[str, Array], name: str) -> Array:
    return outputs[name] if name in outputs else next(iter(outputs.values()))


def _labels(folder: Path) -> Array | None:
    labels = NpzFile(folder / "data.npz").columns().get("y_evaluation")
    return None if labels is None else labels.pick(np.arange(labels.shape[0]))
