"""The verdict in plain sentences: which limits on which file, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.report.layout import limits_kept, no_limits
from compressor.report.page.entries import Entry
from compressor.report.page.figures_as_text import counted, listed
from compressor.report.schema import Judgement, Report, Row

SIGNS = {"passed": "✓", "failed": "✗", "undecided": "?", "implausible": "!"}
_WORDS = {"passed": "Passed", "failed": "Not passed", "undecided": "Undecided"}
# By a part of the limit's name; the first that fits counts.
_ADVICE = (
    ("finished", "Read why the file could not be written or measured; a recipe with another precision may do."),
    ("drop", "Train the quantization in (recipe qat_int8), or keep the layers at the top of the layer list in float."),
    ("error_rise", "Train the quantization in (recipe qat_int8), or keep the worst layers in float."),
    ("agreement", "Look at the samples that disagree: if their answers are as good, lower min_agreement."),
    ("parity", "Look at the cell out of tolerance in the parity matrix: it names the stage and the layer to repair."),
    ("latency", "Look at what the operators take, and at their placement; int8 need not be faster on this processor."),
    ("size", "Prune or cluster before quantizing (recipes prune50_int8, cluster16_int8)."),
    ("accelerated", "Look at the placement: the reasons say what to change in the model."),
    ("", "Change the model, the recipe or the limit."),
)
_IMPLAUSIBLE = "Better than the float32 file by more than chance: check that labels and samples are the right ones."


@dataclass(frozen=True, slots=True)
class Broken:
    """One limit that does not hold, or is not decided, on one row."""

    state: str
    limit: str
    title: str
    told: str
    href: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What a reader has to know first.

    Attributes:
        sentence: the verdict; `advice` says what to do about it.
    """

    state: str
    word: str
    sentence: str
    broken: tuple[Broken, ...]
    advice: tuple[str, ...]
    not_judged: tuple[str, ...]


def headline(report: Report, found: tuple[Entry, ...]) -> Headline:
    """The verdict of a report."""
    broken = _broken(report)
    state = _state(report, broken)
    return Headline(
        state=state,
        word=_WORDS[state],
        sentence=_sentence(report, found, broken, state),
        broken=broken,
        advice=_advice(report, broken),
        not_judged=tuple(report.verdict.not_judged),
    )


def _state(report: Report, broken: tuple[Broken, ...]) -> str:
    decided = [each for each in broken if each.state != "undecided"]
    if not report.verdict.passed:
        return "failed" if decided or not broken else "undecided"
    return "undecided" if any(each.state == "undecided" for each in broken) else "passed"


def _broken(report: Report) -> tuple[Broken, ...]:
    judged = [each for each in report.verdict.judgements if each.verdict != "passed"]
    told = [_of_judgement(report, each) for each in judged]
    known = {(each.limit, *_about(report.rows[each.row])) for each in judged}
    for violation in report.verdict.violations:
        if (violation.limit, *_about(violation)) not in known:
            position = next((at for at, row in enumerate(report.rows) if _about(row) == _about(violation)), None)
            told.append(
                Broken(
                    state="failed",
                    limit=violation.limit,
                    title=violation.message.partition(f": {violation.limit}")[0],
                    told=f"expected {violation.expected}, received {_line(violation.received)}",
                    href="" if position is None else f"#row-{position}",
                )
            )
    order = ("failed", "implausible", "undecided")
    return tuple(sorted(told, key=lambda each: order.index(each.state)))


def _of_judgement(report: Report, judgement: Judgement) -> Broken:
    more = f"; {judgement.more_samples:,} more samples would decide" if judgement.more_samples else ""
    between = judgement.interval
    around = f" (95 % interval {between.low:.3g} to {between.high:.3g})".replace("-", "−") if between else ""
    return Broken(
        state=judgement.verdict,
        limit=judgement.limit,
        title=report.rows[judgement.row].title,
        told=f"expected {judgement.expected}, received {_line(judgement.received)}{around}{more}",
        href=f"#row-{judgement.row}",
    )


def _sentence(report: Report, found: tuple[Entry, ...], broken: tuple[Broken, ...], state: str) -> str:
    files = counted(len(found), "compressed file")
    if state == "passed" and not broken:
        kept = limits_kept(report)
        if not kept:
            return f"{no_limits(report)}: nothing could break. Judge the figures of {files} yourself."
        told = listed([f"{name} {value:g}" for name, value in kept.items()])
        these = "this limit" if len(kept) == 1 else "these limits"
        return f"{told} held on {files}. By {these} the model may ship."
    if state == "undecided":
        counts = "counts as passed" if report.verdict.passed else "counts as not passed"
        return f"Chance could turn {counted(len(broken), 'judgement')} on {files}; by this run's rules that {counts}."
    if not broken:
        return f"The gate refused this run of {files}."
    limits = dict.fromkeys(each.limit for each in broken if each.state != "undecided")
    rows = {each.title for each in broken if each.state != "undecided"}
    verb = "does" if len(limits) == 1 else "do"
    told = f"{listed(list(limits))} {verb} not hold on {counted(len(rows), 'row')} of {len(report.rows)}"
    it = "it" if len(rows) == 1 else "them"
    return f"{told}: do not ship {it}." if state == "failed" else f"{told}, which this run lets pass."


def _advice(report: Report, broken: tuple[Broken, ...]) -> tuple[str, ...]:
    told = []
    for each in broken:
        if each.state == "implausible":
            told.append(_IMPLAUSIBLE)
        elif each.state == "failed":
            told.append(next(advice for part, advice in _ADVICE if part in each.limit))
    more = [each.more_samples for each in report.verdict.judgements if each.verdict == "undecided"]
    needed = max((count for count in more if count), default=0)
    if needed:
        total = report.data.evaluation + needed
        told.append(f"Evaluate on about {total:,} samples instead of {report.data.evaluation:,} to decide the rest.")
    return tuple(dict.fromkeys(told))


def _about(of: object) -> tuple[object, ...]:
    return tuple(getattr(of, name) for name in ("network", "target", "format", "precision", "runtime"))


def _line(text: str) -> str:
    return " ".join(text.split())


def state_of(row: Row, verdict: str) -> str:
    """A row's verdict, or what it is where it has none."""
    if row.failed_stage:
        return "failed"
    return row.provenance if row.provenance != "measured" else "baseline" if row.stage == "float32" else verdict
