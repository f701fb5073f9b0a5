"""The verb `gate` as a function: a report of an earlier run judged again."""

from __future__ import annotations

from pathlib import Path

from compressor.limits import Limits, Policy, Treatment
from compressor.names import given_limits
from compressor.report import gate as gate_rules
from compressor.report import parity_limit, promise_limit
from compressor.report.schema import SCHEMA_VERSION, Report
from compressor.report.schema import read as read_report


def gate(
    report: str | Path | Report,
    limits: Limits | str | Path | None = None,
    *,
    undecided: Treatment | None = None,
    implausible: Treatment | None = None,
) -> Report:
    """An old report judged again: its own limits, each overridden by `limits` where stated.

    Args:
        limits: others, or the path of a YAML file of them.
        undecided: whether a limit that the samples are too few to judge fails; None takes the report's own treatment.
        implausible: whether a gain beyond chance fails, where nothing was trained; None as before.

    Raises:
        BadInput: not a report, or mistakes in the limits.
    """
    old = report if isinstance(report, Report) else read_report(Path(report))
    combined = old.recipe.limits.overridden_by(given_limits(limits))
    policy = Policy(undecided or old.verdict.undecided, implausible or old.verdict.implausible)
    judged = gate_rules.judge(old.rows, combined, policy, gate_rules.trains(old.recipe))
    recipe = old.recipe.model_copy(update={"limits": combined})
    promised = promise_limit.combined(judged, old.promises, old.rows)
    verdict = parity_limit.combined(promised, old.parity, old.rows)
    return old.model_copy(update={"schema_version": SCHEMA_VERSION, "recipe": recipe, "verdict": verdict})
