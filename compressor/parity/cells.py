"""One cell of the parity matrix: the answers of one file on one runtime against other answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compressor import tolerances
from compressor.errors import CompressorError
from compressor.measurement import parity
from compressor.measurement.parity import Parity
from compressor.report.evidence import ParityCell
from compressor.roundings import Roundings
from compressor.rows import Measured, arrays_of
from compressor.tolerances import Tolerance
from compressor.values import Array, Artifact

# What the cells of one file have in common.
Base = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparing:
    """How answers are compared in a run; see `parity.compare`."""

    metric: str = ""
    judged: str = ""
    trusted: bool = False


def base(artifact: Artifact, runtime: str, stage: str = "", host: str | None = None) -> Base:
    """Which file on which runtime a cell is about."""
    return {
        "stage": stage or artifact.stage.value,
        "format": artifact.format,
        "precision": str(artifact.precision),
        "runtime": runtime,
        "host": host,
    }


def against_model(
    cell: Base, found: Measured, reference: Mapping[str, Array], how: Comparing, itself: str
) -> ParityCell:
    """A file against the model that it was made of; a float32 file is to give its answers, conversion parity.

    Args:
        itself: what ran the model.
    """

    def tolerance(compared: Parity) -> Tolerance | None:
        exact = cell["stage"] == "float32" and all(each.dtype.kind == "f" for each in reference.values())
        return tolerances.of_conversion(compared.reach, cell["runtime"]) if exact else None

    return _cell(cell | {"against": "keras", "against_runtime": itself}, found, reference, how, Roundings(), tolerance)


def against_float(cell: Base, found: Measured, baseline: Measured, how: Comparing) -> ParityCell:
    """A compressed file against the float32 file, compression parity: what a recipe's limits judge."""
    told = {"against": "float32", "against_runtime": baseline.answer["runtime"]}
    return _cell(cell | told, found, arrays_of(baseline.outputs), how, Roundings(), lambda _: None)


def against_kernels(
    cell: Base, artifact: Artifact, found: Measured, other: Measured, how: Comparing, known: Roundings
) -> ParityCell:
    """The same file by other kernels of this machine, runtime parity."""

    def tolerance(compared: Parity) -> Tolerance | None:
        return tolerances.of_kernels(artifact.precision, cell["runtime"], known, compared.reach)

    return _same_file(cell, found, other, how, known, tolerance)


def against_processor(
    cell: Base, artifact: Artifact, found: Measured, here: Measured, how: Comparing, known: Roundings
) -> ParityCell:
    """The same file on the same runtime of another processor."""

    def tolerance(compared: Parity) -> Tolerance | None:
        return tolerances.of_processors(artifact.precision, cell["runtime"], known, compared.reach)

    return _same_file(cell, found, here, how, known, tolerance)


def without_numbers(cell: Base, against: str, runtime: str, reason: str) -> ParityCell:
    """A cell that says why there is nothing to compare."""
    return ParityCell(**cell, against=against, against_runtime=runtime, reason=" ".join(reason.split()))


def _same_file(
    cell: Base, found: Measured, other: Measured, how: Comparing, known: Roundings, tolerance: Any
) -> ParityCell:
    told = {"against": "same file", "against_runtime": other.answer["runtime"]}
    return _cell(cell | told, found, arrays_of(other.outputs), how, known, tolerance)


def _cell(
    fields: Base, found: Measured, reference: Mapping[str, Array], how: Comparing, known: Roundings, tolerance: Any
) -> ParityCell:
    ours = arrays_of(found.outputs)
    # The one may have answered fewer samples than the other.
    count = min(len(each) for arrays in (ours, reference) for each in arrays.values())
    first, others = ({name: each[:count] for name, each in arrays.items()} for arrays in (ours, reference))
    try:
        compared = parity.compare(first, others, how.metric, how.judged, how.trusted)
    except CompressorError as error:
        return ParityCell(**fields, reason=" ".join(str(error).split()))
    allowed: Tolerance | None = tolerance(compared)
    lsb = compared.max_lsb(known.scales)
    difference = compared.max_abs_error if lsb is None else lsb
    return ParityCell(
        **fields,
        samples=count,
        agreement=compared.agreement,
        max_abs_error=compared.max_abs_error,
        mean_abs_error=compared.mean_abs_error,
        sqnr_db=compared.sqnr_db,
        cosine=compared.cosine,
        values=compared.values,
        differing=None if lsb is None else compared.differing,
        max_lsb=lsb,
        limit=None if allowed is None else allowed.limit,
        limit_unit=None if allowed is None else allowed.unit,
        within=tolerances.within(difference, allowed, known.operators, compared.sqnr_db),
    )
