"""Which bundles a run leaves: one for every target and kind of file that was written and measured without a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from compressor import bundle
from compressor.bundle import Origin, Proof
from compressor.errors import CompressorError
from compressor.estimate import compiled_file
from compressor.plan import Job, PlannedRow
from compressor.report.schema import Report, Row
from compressor.rows import Measured
from compressor.values import Artifact, Failure

FOLDER = "bundles"
_FIGURES = ("drop", "drop_unit", "agreement", "max_abs_error", "sqnr_db", "psnr_db")


def leave(
    folder: Path,
    planned: Iterable[PlannedRow],
    artifacts: Mapping[Job, Artifact | Failure],
    measurements: Mapping[tuple[Job, str], Measured | Failure],
    report: Report,
) -> Report:
    """Write them into the run folder, as `bundles/TARGET`, or `bundles/TARGET-FORMAT` where a target takes several.

    Returns:
        The report, with the bundle's folder in the rows it belongs to, and a warning where one could not be written.
    """
    wanted = [row for row in planned if row.bundle and not _failed(row, report.rows)]
    several = {
        row.target.name for row in wanted if len({other.job for other in wanted if other.target is row.target}) > 1
    }
    left: dict[tuple[str, str], str] = {}
    warnings = list(report.warnings)
    for row in wanted:
        artifact, found = artifacts[row.job], measurements[row.job, row.runtime]
        if isinstance(artifact, Failure) or isinstance(found, Failure):
            continue
        name = f"{row.target.name}-{row.job.format}" if row.target.name in several else row.target.name
        figures, estimate = _figures(row, report.rows), _estimate(row, report.rows)
        compiled = compiled_file(artifact, row.target)
        compiled = compiled if compiled is not None and compiled.is_file() else None
        why = "" if compiled else _why_not_compiled(row, report.rows)
        proof = Proof(found.answer, found.outputs, folder / "data.npz", figures, estimate, compiled, why)
        try:
            bundle.leave(folder / FOLDER / name, row.bundle, row.target, artifact, proof, _origin(report))
        except CompressorError as error:
            warnings.append(f"no bundle for {name}: {error}")
            continue
        left[row.target.name, row.job.format] = f"{FOLDER}/{name}"
    rows = [_told(row, left) for row in report.rows]
    return report.model_copy(update={"rows": rows, "warnings": warnings})


def _failed(planned: PlannedRow, rows: Iterable[Row]) -> bool:
    return any(row.failed_stage is not None and _belongs(row, planned) for row in rows)


def _belongs(row: Row, planned: PlannedRow) -> bool:
    return (row.target, row.format) == (planned.target.name, planned.job.format)


def _figures(planned: PlannedRow, rows: Iterable[Row]) -> dict[str, object]:
    """Without latency, which is another one every time."""
    (row,) = (
        row
        for row in rows
        if _belongs(row, planned)
        and (row.stage, row.runtime, row.provenance) == (planned.job.stage.value, planned.runtime, "measured")
    )
    return {name: value for name in _FIGURES if (value := getattr(row, name)) is not None}


def _estimate(planned: PlannedRow, rows: Iterable[Row]) -> dict[str, Any]:
    """What the vendor's compiler expects of the device; empty where it was not here."""
    told = [row.estimate for row in rows if _belongs(row, planned) and row.estimate is not None]
    return told[0].model_dump(mode="json") if told else {}


def _why_not_compiled(planned: PlannedRow, rows: Iterable[Row]) -> str:
    """The reason of the device's row, in one line."""
    told = [row.reason for row in rows if _belongs(row, planned) and row.provenance == "skipped" and row.reason]
    return " ".join(told[0].split()) if told else ""


def _origin(report: Report) -> Origin:
    made = {
        "source": report.model.source,
        "recipe": report.recipe.model_dump(mode="json", exclude_none=True),
        "seed": report.environment.seed,
        "versions": report.environment.versions,
    }
    return Origin(report.model.name, tuple(report.data.classes), made)


def _told(row: Row, left: Mapping[tuple[str, str], str]) -> Row:
    folder = left.get((row.target, row.format)) if row.stage == "compressed" else None
    return row.model_copy(update={"bundle": folder}) if folder else row
