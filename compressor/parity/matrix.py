"""Which cells the matrix of a run has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compressor import emulation, roundings
from compressor.parity import cells, further
from compressor.parity.cells import Comparing
from compressor.parity.further import Answers
from compressor.plan import Job
from compressor.report.evidence import ParityCell
from compressor.report.schema import Row
from compressor.roundings import Roundings
from compressor.rows import Measured, arrays_of
from compressor.tolerances import REFERENCE
from compressor.values import Array, Artifact, Failure, Stage

# Kernels that the others of the same files are held against.
_ORACLES = (REFERENCE, "ncnn")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everything that answers were compared of.

    Attributes:
        answers: of every file on every runtime at hand.
        reference: the model's own answers, by output.
        itself: what ran the model: `keras`, `tensorflow` or `onnxruntime`.
    """

    artifacts: Mapping[Job, Artifact | Failure]
    answers: Answers
    reference: Path
    how: Comparing
    itself: str = "keras"

    def cells(self) -> list[ParityCell]:
        """Every file on every runtime: against the model itself, the float32 file, and the same file elsewhere."""
        model = arrays_of(self.reference)
        written = [(job, each) for job, each in self.artifacts.items() if isinstance(each, Artifact)]
        return [cell for job, artifact in written for cell in self._of_file(job, artifact, model)]

    def emulated(self, found: Sequence[emulation.Emulated]) -> list[ParityCell]:
        """Every file on every emulated core, against the same file and runtime here."""
        made = (self._emulated(each) for each in found if isinstance(each.found, Measured))
        # Targets share cores.
        return list(
            {(cell.format, cell.stage, cell.precision, cell.runtime, cell.host): cell for cell in made}.values()
        )

    def _of_file(self, job: Job, artifact: Artifact, model: Mapping[str, Array]) -> Iterator[ParityCell]:
        answered = {name: self.answers[job, name] for name in further.opening(artifact) if (job, name) in self.answers}
        known = _known(artifact, answered.values())
        for runtime, found in answered.items():
            base = cells.base(artifact, runtime)
            if isinstance(found, Failure):
                yield cells.without_numbers(base, "keras", self.itself, found.reason)
                continue
            yield cells.against_model(base, found, model, self.how, self.itself)
            baseline = self._baseline(job, runtime)
            if baseline is not None:
                yield cells.against_float(base, found, baseline, self.how)
            oracle = next((name for name in _ORACLES if isinstance(answered.get(name), Measured)), None)
            if oracle is not None and oracle != runtime:
                other = answered[oracle]
                assert isinstance(other, Measured)
                yield cells.against_kernels(base, artifact, found, other, self.how, known)

    def _baseline(self, job: Job, runtime: str) -> Measured | None:
        """The float32 file of a compressed one, on the same runtime where it answered there."""
        if job.stage is Stage.FLOAT32:
            return None
        floats = {
            name: found
            for (other, name), found in self.answers.items()
            if other.stage is Stage.FLOAT32 and other.format == job.format and isinstance(found, Measured)
        }
        return floats.get(runtime) or next(iter(floats.values()), None)

    def _emulated(self, each: emulation.Emulated) -> ParityCell:
        job, runtime = each.planned.job, each.planned.runtime
        artifact, here = self.artifacts[job], self.answers.get((job, runtime))
        assert isinstance(artifact, Artifact)
        assert isinstance(each.found, Measured)
        base = cells.base(artifact, runtime, "emulated", each.found.answer["host"])
        if not isinstance(here, Measured):
            return cells.without_numbers(base, "same file", runtime, "; ".join(each.notes))
        known = _known(artifact, [each.found])
        return cells.against_processor(base, artifact, each.found, here, self.how, known)


def compiled(rows: Iterable[Row]) -> list[ParityCell]:
    """A cell without numbers for every file that a device's compiler made: nothing here runs it."""
    made = (
        ParityCell(
            **{"stage": "compiled", "format": row.format, "precision": row.precision, "runtime": row.runtime},
            against="same file",
            against_runtime=REFERENCE,
            reason=f"{Path(row.estimate.compiled_path).name} runs on the device alone",
        )
        for row in rows
        if row.estimate is not None and row.estimate.compiled_path is not None
    )
    return list({cell.reason: cell for cell in made}.values())


def _known(artifact: Artifact, found: Iterable[Measured | Failure]) -> Roundings:
    """What is known of a file that was measured; nothing of one that another was only made of."""
    measured = next((each for each in found if isinstance(each, Measured)), None)
    return Roundings() if measured is None else roundings.of_file(artifact.path, measured.answer["outputs"])
