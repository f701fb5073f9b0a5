"""The verdict in plain sentences: which limits on which file, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compressor.report.advice import what_to_do
from compressor.report.judging import received
from compressor.report.layout import limits_kept, no_limits, once, rows_kept
from compressor.report.page.entries import Entry
from compressor.report.page.figures_as_text import counted, interval, listed
from compressor.report.schema import Judgement, Report, Row, place
from compressor.report.violated_rows import violated

SIGNS = {"passed": "✓", "failed": "✗", "undecided": "?", "implausible": "!"}
_WORDS = {"passed": "Passed", "failed": "Not passed", "undecided": "Undecided"}


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
    told = [*_of_judgements(report, judged)]
    known = {(each.limit, each.row) for each in judged}
    for violation in report.verdict.violations:
        positions = violated(violation, report.rows)
        if known.isdisjoint((violation.limit, position) for position in positions):
            told.append(
                Broken(
                    state="failed",
                    limit=violation.limit,
                    title=violation.message.partition(f": {violation.limit}")[0],
                    told=f"expected {violation.expected}, received {_line(violation.received)}",
                    href=f"#row-{positions[0]}" if positions else "",
                )
            )
    order = ("failed", "implausible", "undecided")
    return tuple(sorted(told, key=lambda each: order.index(each.state)))


def _judged_files(report: Report, found: tuple[Entry, ...]) -> str:
    """How many of the files kept a limit; what is only estimated has no entry."""
    if not report.is_judged_singly:
        return counted(len(found), "compressed file")
    kept = rows_kept(report)
    measured = sum(not kept.isdisjoint(each.rows) for each in found)
    return counted(measured, "compressed file") if measured else f"{counted(len(kept), 'file')}, as estimated"


def _of_judgements(report: Report, judged: Sequence[Judgement]) -> Iterator[Broken]:
    """One for each, but for what is undecided: that is told once of a file, with all targets it is undecided for."""
    same: dict[object, list[Judgement]] = {}
    for at, each in enumerate(judged):
        about = (each.limit, _title(report.rows[each.row]), _told(each))
        same.setdefault(about if each.verdict == "undecided" else at, []).append(each)
    for first, *others in same.values():
        rows = [report.rows[each.row] for each in (first, *others)]
        (title,) = once((place(row.target, row.network), row.title) for row in rows)
        yield Broken(first.verdict, first.limit, title, _told(first), f"#row-{first.row}")


def _title(row: Row) -> str:
    return row.title.removeprefix(place(row.target, row.network))


def _told(judgement: Judgement) -> str:
    more = f"; {judgement.more_samples:,} more samples would decide" if judgement.more_samples else ""
    between, told = judgement.interval, _line(judgement.received)
    around = f" (95 %: {interval(between, '{:.3g}')})" if between and plain(judgement) == told else ""
    return f"expected {judgement.expected}, received {told}{around}{more}"


def plain(judgement: Judgement) -> str:
    """What was received without its interval."""
    told = _line(judgement.received)
    if judgement.value is None:
        return told
    value = judgement.value
    return told.replace(received(value, judgement.interval), received(value, None))


def _sentence(report: Report, found: tuple[Entry, ...], broken: tuple[Broken, ...], state: str) -> str:
    files = counted(len(found), "compressed file")
    if state == "passed" and not broken:
        kept = limits_kept(report)
        if not kept:
            return f"{no_limits(report)}: nothing could break. Judge the figures of {files} yourself."
        told = listed([f"{name} {value:g}" for name, value in kept.items()])
        these = "this limit" if len(kept) == 1 else "these limits"
        return f"{told} held on {_judged_files(report, found)}. By {these} the model may ship."
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
    """What to do about each, once; samples are told by their number instead."""
    told = [
        what_to_do(each.limit, each.state)
        for each in broken
        if each.state != "undecided" or each.limit == "max_latency_ratio"
    ]
    sentences = [f"{each[0].upper()}{each[1:]}." for each in told if each]
    return tuple(dict.fromkeys((*sentences, *_samples(report))))


def _samples(report: Report) -> Iterator[str]:
    """How many samples would decide the rest, of every network by itself."""
    needed: dict[str | None, int] = {}
    for each in report.verdict.judgements:
        if each.verdict == "undecided" and each.more_samples:
            network = report.rows[each.row].network
            needed[network] = max(needed.get(network, 0), each.more_samples)
    for network, more in needed.items():
        there = report.data_of(network).evaluation
        of = f"{network} " if network else ""
        yield f"Evaluate {of}on about {there + more:,} samples instead of {there:,} to decide the rest."


def _line(text: str) -> str:
    return " ".join(text.split())


def state_of(row: Row, verdict: str) -> str:
    """A row's verdict, or what it is where it has none."""
    if row.failed_stage:
        return "failed"
    return row.provenance if row.provenance != "measured" else "baseline" if row.stage == "float32" else verdict
