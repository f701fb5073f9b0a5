"""The layers of a run's files: where a fault begins, and what each compressed file adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor import formats, roundings
from compressor.errors import CompressorError
from compressor.measuring_process import Asked
from compressor.parity.divergences import Fault, FileKey
from compressor.parity.further import Answers
from compressor.plan import Job
from compressor.process import Worker
from compressor.progress import Listener, Progress
from compressor.report.evidence import Divergence, LayersPart
from compressor.rows import Measured
from compressor.values import Artifact, Failure, Precision, Stage

_OPENED = (".tflite", ".onnx", ".cc")
_MOST_SAMPLES = 16
# So many that a file takes a few seconds: each operator runs a second time, alone.
_MACS = 2e9
# What takes longer is not looked into.
_LAYERS_S, _LOCATE_S = 60.0, 300.0
_STAGES: dict[str, Stage] = {each.value: each for each in Stage}


@dataclass(frozen=True, slots=True)
class Locator:
    """Looks into the files of one run, in a process of its own.

    Attributes:
        folder: the run folder; `keras/original.h5` is there of a model with layers.
        answers: of every file; they say what it takes.
    """

    folder: Path
    artifacts: Mapping[Job, Artifact | Failure]
    asked: Asked
    answers: Answers

    def locate(self, key: FileKey, fault: Fault, runtime: str) -> Divergence | None:
        """Where a fault of a file begins; None where that cannot be told."""
        if key.stage not in _STAGES:
            return None
        job = Job(_STAGES[key.stage], key.format, Precision(key.precision))
        file, model = self._opened(job), self.folder / "keras" / "original.h5"
        if file is None or (fault == "conversion" and not model.is_file()):
            return None
        log = self.folder / "log.txt"
        arguments = {
            "reference": str(model if fault == "conversion" else file),
            "file": str(file),
            "samples": self._samples(job, runtime, file),
            "stage": fault,
            "runtime": runtime,
            "log": str(log),
        }
        try:
            with Worker(log) as worker:
                found = worker.call("diagnosis", "compressor.parity.looking:locate", arguments, _LOCATE_S)
        except CompressorError:
            return None
        return None if found is None else Divergence(**found)

    def layers(self, listener: Listener) -> tuple[list[LayersPart], list[str]]:
        """The layers of every compressed file, and why those of some are not there."""
        parts: list[LayersPart] = []
        warnings: list[str] = []
        cases = list(self._compressed())
        with Worker(self.folder / "log.txt") as worker:
            for done, (job, artifact, arguments) in enumerate(cases):
                listener(Progress("diagnose", done, len(cases), artifact.path.name))
                try:
                    found = worker.call("diagnosis", "compressor.parity.looking:layers", arguments, _LAYERS_S)
                except CompressorError as error:
                    told = " ".join(str(error).split())
                    warnings.append(f"the layers of {artifact.path.name} were not looked at: {told}")
                    continue
                named = {"format": job.format, "precision": str(job.precision)}
                parts.append(LayersPart(**found).model_copy(update=named))
        return parts, warnings

    def _compressed(self) -> Iterator[tuple[Job, Artifact, dict[str, Any]]]:
        """Every compressed file that was measured and can be looked into, and what `looking.layers` is asked of it."""
        for (job, runtime), found in self.answers.items():
            first = next(name for other, name in self.answers if other == job)
            artifact, file = self.artifacts[job], self._opened(job)
            baseline = self._opened(Job(Stage.FLOAT32, job.format, Precision.FLOAT32))
            known = isinstance(artifact, Artifact) and isinstance(found, Measured)
            if job.stage is Stage.FLOAT32 or runtime != first or not known or file is None or baseline is None:
                continue
            assert isinstance(artifact, Artifact)
            samples = self._samples(job, runtime, file)
            both = {"float_file": str(baseline), "file": str(file)}
            yield job, artifact, {**both, "samples": samples, "runtime": runtime}

    def _opened(self, job: Job) -> Path | None:
        """A file whose tensors can be looked at: that of a job, or the one that it was made of."""
        sources = (job, Job(job.stage, formats.load(job.format).made_of, job.precision))
        found = (self.artifacts.get(each) for each in sources)
        return next((each.path for each in found if isinstance(each, Artifact) and each.path.suffix in _OPENED), None)

    def _samples(self, job: Job, runtime: str, file: Path) -> dict[str, Any]:
        found = self.answers[job, runtime]
        assert isinstance(found, Measured)
        count = max(1, min(_MOST_SAMPLES, int(_MACS / max(roundings.work(file), 1))))
        return {
            "data": self.asked.data,
            "inputs": found.answer["inputs"],
            "count": count,
            "trusted": self.asked.trust,
        }
