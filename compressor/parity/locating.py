"""The layers of a run's files: where a fault begins, and what each compressed file adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import CompressorError
from compressor.measurement import evaluation
from compressor.measuring_process import Asked
from compressor.parity.divergences import Fault, FileKey
from compressor.parity.further import Answers
from compressor.plan import Job
from compressor.progress import Listener
from compressor.report.evidence import Divergence, LayersPart
from compressor.values import Array, Artifact, Failure, TensorSpec

_SAMPLES = 16


@dataclass(frozen=True, slots=True)
class Locator:
    """Looks into the files of one run."""

    folder: Path
    artifacts: Mapping[Job, Artifact | Failure]
    asked: Asked
    answers: Answers

    def locate(self, key: FileKey, fault: Fault, runtime: str) -> Divergence | None:
        """Where a fault of a file begins; None where that cannot be told."""
        return None

    def layers(self, listener: Listener) -> tuple[list[LayersPart], list[str]]:
        """The layers of every compressed file, and why those of some are not there."""
        return [], []

    def _inputs(self, runtime: str, job: Job) -> dict[str, Array]:
        found = self.answers[job, runtime]
        if isinstance(found, Failure):
            raise CompressorError(found.reason)
        specs = tuple(TensorSpec(each["name"], tuple(each["shape"]), each["dtype"]) for each in found.answer["inputs"])
        return evaluation.first_samples(self.asked.data, specs, _SAMPLES, self.asked.trust)
