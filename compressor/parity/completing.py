"""A report of a run, completed by its parity matrix, its layers and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compressor import emulation
from compressor.measuring_process import Asked
from compressor.parity import further, locating, matrix
from compressor.parity.cells import Comparing
from compressor.parity.divergences import FileKey, Naming
from compressor.parity.further import Answers
from compressor.parity.matrix import Matrix
from compressor.plan import Job
from compressor.progress import Listener
from compressor.report import parity_limit, parity_table
from compressor.report.evidence import ParityCell
from compressor.report.schema import Report, Row
from compressor.rows import Measured
from compressor.values import Artifact, Entry, Failure

_ITSELF = {Entry.KERAS: "keras", Entry.GRAPH: "tensorflow", Entry.ONNX: "onnxruntime"}


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has written and measured.

    Attributes:
        folder: the run folder, its data and models still in it.
        asked: what every file was asked.
        entry: where the model entered.
    """

    folder: Path
    asked: Asked
    entry: Entry
    artifacts: Mapping[Job, Artifact | Failure]
    measured: Answers
    emulated: Sequence[emulation.Emulated] = ()


def complete(report: Report, run: Run, listener: Listener) -> Report:
    """The report with `parity` and `layers`; what is out of order there is a warning, a note of its rows and, where it
    is no matter of compression, a violation.
    """
    answers = {**run.measured, **further.measured(run.artifacts, run.measured, run.asked, listener)}
    how = Comparing(run.asked.metric or "", run.asked.judged or "", run.asked.trust)
    whole = Matrix(run.artifacts, answers, run.folder / "reference.npz", how, _ITSELF[run.entry])
    locator = locating.Locator(run.folder, run.artifacts, run.asked, answers)
    layers, warnings = locator.layers(listener)
    naming = Naming(locator.locate, _unrepeatable(answers), layers)
    cells = [*naming.named([*whole.cells(), *whole.emulated(run.emulated)]), *matrix.compiled(report.rows)]
    told = parity_table.sentences(cells)
    return report.model_copy(
        update={
            "parity": cells,
            "layers": layers,
            "rows": [_noted(row, cells) for row in report.rows],
            "verdict": parity_limit.combined(report.verdict, cells, report.rows),
            "warnings": [*report.warnings, *warnings, *told],
        }
    )


def _unrepeatable(answers: Answers) -> frozenset[tuple[FileKey, str]]:
    return frozenset(
        (FileKey(job.stage.value, job.format, str(job.precision)), runtime)
        for (job, runtime), found in answers.items()
        if isinstance(found, Measured) and found.answer.get("repeatable") is False
    )


def _noted(row: Row, cells: Sequence[ParityCell]) -> Row:
    told = [each.diverges.told for each in cells if each.diverges is not None and parity_limit.concerns(each, row)]
    return row.model_copy(update={"notes": [*row.notes, *(f"parity: {each}" for each in dict.fromkeys(told))]})
