"""The verb `compare` as a function: paths become reports here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from compressor.errors import unknown
from compressor.regression_limits import RegressionLimits
from compressor.report import kept_run
from compressor.report.comparison import Comparison
from compressor.report.comparison import compare as compare_runs
from compressor.report.schema import Report


def compare(
    old: str | Path | Report,
    new: str | Path | Report,
    limits: RegressionLimits | None = None,
    undecided: Literal["fail", "pass"] = "pass",
) -> Comparison:
    """Gate a report against an earlier one: what got worse, and whether that is too much.

    Args:
        old, new: run folders, `report.json` files or reports. Beside a file, or in a folder, the outputs and labels of
            both runs pair the samples; a report alone is compared by its values.
        limits: how much may be lost; None takes 1 % of size, 0.2 points of accuracy and so on.
        undecided: whether what is undecided fails.

    Raises:
        BadInput: not a report, or no such choice.

    Example:
        >>> compressor.compare("runs/main", "runs/branch").passed
        True
    """
    if undecided not in ("fail", "pass"):
        raise unknown("choice for what is undecided", undecided, ("fail", "pass"))
    return compare_runs(_run(old), _run(new), limits or RegressionLimits(), undecided)


def _run(of: str | Path | Report) -> kept_run.Run:
    return kept_run.Run(of) if isinstance(of, Report) else kept_run.of(Path(of))
