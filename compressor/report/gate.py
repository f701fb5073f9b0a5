"""The gate: limits applied to the rows of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.limits import Limits, Policy
from compressor.report import exact_limits, latency_limit, statistical_limits
from compressor.report.exact_limits import size_ratio
from compressor.report.judging import NOT_HERE, Judged, baseline_of, only_timed, stood_in_for
from compressor.report.latency_limit import latency_ratio
from compressor.report.schema import Judgement, RecipePart, Row, Verdict, Violation
from compressor.report.unjudged import unjudged

# What limits are about is shown in other places too, and is the same there.
__all__ = ["baseline_of", "judge", "latency_ratio", "size_ratio", "trains"]

FINISHED = "finished"
_FILE = "a file that was written and measured"


def judge(rows: Sequence[Row], limits: Limits, policy: Policy = Policy(), trained: bool = False) -> Verdict:
    """A row that failed is a violation; a row that was never to be had here (no such device) is not judged.

    Drop, agreement and parity are judged on every measured row, the others on the compressed ones. Latency is
    judged only where the runtime is the target's own: what a stand-in on this host takes says nothing of the device.
    An emulated row repeats a measured one on fewer samples: only its failure counts.
    A row of the device that was timed alone, by its own tool, is compared with nothing.
    Drop is not judged where the evaluation set has no labels.

    Args:
        policy: what becomes of verdicts that are neither passed nor failed.
        trained: the recipe trains, so that a compressed file may be better than its float32 file.
    """
    absent = stood_in_for(rows)
    judged = [
        Judged(row, place, baseline_of(row, rows), row.target in absent, trained) for place, row in enumerate(rows)
    ]
    judgements = [judgement for each in judged for judgement in _judgements(each, limits)]
    against = {"failed"} | {name for name in ("undecided", "implausible") if getattr(policy, name) == "fail"}
    violations = [_violation(rows[each.row], each) for each in judgements if each.verdict in against]
    return Verdict(
        passed=not violations,
        violations=violations,
        not_judged=unjudged(rows, judgements, limits),
        judgements=judgements,
        undecided=policy.undecided,
        implausible=policy.implausible,
    )


def trains(recipe: RecipePart) -> bool:
    """Whether a step of the recipe trained: it then told for how many epochs, more than none."""
    asked = (settings for step in recipe.steps for settings in step.values() if isinstance(settings, dict))
    return any(each.get("epochs") for each in (*asked, *recipe.steps_done))


def _judgements(judged: Judged, limits: Limits) -> Iterator[Judgement]:
    row = judged.row
    if row.failed_stage is not None:
        received = ("impossible: " if row.impossible else "") + (row.reason or "a failure")
        yield judged.judged(FINISHED, "failed", _FILE, received)
        return
    own = limits.of_target(row.target)
    if row.provenance == "estimated":
        yield from exact_limits.of_device(judged, own)
    if row.provenance in NOT_HERE or row.provenance == "emulated" or only_timed(row):
        return
    yield from statistical_limits.judge(judged, own)
    yield from exact_limits.judge(judged, own)
    if row.stage == "compressed":
        yield from latency_limit.judge(judged, own)


def _violation(row: Row, judgement: Judgement) -> Violation:
    each = judgement
    return row.violation(each.limit, each.row, each.expected, each.received, each.message)
