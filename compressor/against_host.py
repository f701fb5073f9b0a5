"""Answers of another processor against those of this machine: the same file, the same runtime, the same samples."""

from __future__ import annotations

from compressor import roundings, tolerances
from compressor.measurement import parity
from compressor.report.figures import AgainstHostValue
from compressor.rows import Measured, arrays_of
from compressor.tolerances import Tolerance
from compressor.values import Artifact


def compare(
    found: Measured, here: Measured, artifact: Artifact, runtime: str
) -> tuple[AgainstHostValue, tuple[str, ...]]:
    """How far the other processor's answers are from this machine's, and what is remarkable about it.

    Args:
        found: of the first samples; `here` may have more.
    """
    count = int(found.answer["samples"])
    theirs = {name: array[:count] for name, array in arrays_of(here.outputs).items()}
    differences = parity.differences(arrays_of(found.outputs), theirs)
    known = roundings.of_file(artifact.path, found.answer["outputs"])
    value = AgainstHostValue(
        samples=count,
        values=differences.values,
        differing_values=differences.differing,
        max_abs_error=differences.max_abs_error,
        max_lsb=differences.max_lsb(known.scales),
    )
    tolerance = tolerances.of_processors(artifact.precision, runtime, known, differences.reach)
    difference = value.max_abs_error if value.max_lsb is None else value.max_lsb
    fits = tolerances.within(difference, tolerance, known.operators, differences.sqnr_db)
    if tolerance is None or fits:
        return value, ()
    return value, (_remark(difference, tolerance, known.operators, grown=fits is None),)


def _remark(difference: float, tolerance: Tolerance, operators: int, grown: bool) -> str:
    if tolerance.unit == "value":
        if grown:
            return f"rounding grew to {difference:.1e} over {operators} operators"
        return f"out of tolerance: expected at most {tolerance.limit:.1e} from this machine's answers"
    if grown:
        return f"a rounding grew to {difference:g} integer steps over {operators} operators"
    if tolerance.limit == 0:
        return "out of tolerance: reference kernels were to give the same integers"
    steps = f"{tolerance.limit:g} integer step{'s' * (tolerance.limit != 1)}"
    return f"out of tolerance: expected at most {steps} in a network of {operators} operators"
