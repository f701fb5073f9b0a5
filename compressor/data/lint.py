"""What is legal in a data set and most likely a mistake: told as warnings, with what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.data.observed import Observed

_MOSTLY = 0.9
_NAMED = 10


def warnings(calibration: Observed, evaluation: Observed, calibration_hashes: Sequence[bytes]) -> Iterator[str]:
    """One sentence per oddity."""
    for name, seen in (("calibration", calibration), ("evaluation", evaluation)):
        if seen.constant:
            yield (
                f"{seen.constant} of {seen.count} {name} samples are constant, all of their values equal: "
                "they may be blank or spoiled"
            )
    doubles = len(calibration_hashes) - len(set(calibration_hashes))
    if doubles:
        yield (
            f"{doubles} of {len(calibration_hashes)} calibration samples repeat others: "
            "they add nothing to what is observed"
        )
    yield from _balance(calibration, evaluation)


def _balance(calibration: Observed, evaluation: Observed) -> Iterator[str]:
    if not calibration.classes or not evaluation.classes:
        return
    absent = sorted(set(evaluation.classes) - set(calibration.classes))
    if absent:
        told = ", ".join(map(str, absent[:_NAMED])) + (", …" if len(absent) > _NAMED else "")
        yield (
            f"the calibration set lacks {len(absent)} of the {len(evaluation.classes)} classes that are evaluated "
            f"({told}): their ranges are not observed"
        )
    (most, count), *_ = calibration.classes.most_common(1)
    share = count / calibration.classes.total()
    evaluated = evaluation.classes[most] / evaluation.classes.total()
    if share > _MOSTLY >= evaluated and len(calibration.classes) > 1:
        yield (
            f"class {most} holds {share:.0%} of the calibration set and {evaluated:.0%} of the evaluation set: "
            "calibrate on samples of every kind"
        )
