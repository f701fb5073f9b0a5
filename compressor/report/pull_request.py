"""A report as Markdown for a pull request or a GitHub step: the verdict, one line per file, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.report import layout
from compressor.report.cases import Case, artifact, cases_of
from compressor.report.gate import baseline_of, latency_ratio, size_ratio
from compressor.report.github_markdown import Block, bullets, escaped, escaped_line, fitted, folded, table
from compressor.report.judging import stood_in_for
from compressor.report.schema import Report, Row, place

_UNITS = {"points": "", "percent": " %", "dB": " dB"}
_HEADERS = ("target", "file", "verdict", "size", "drop", "latency", "agreement")
_WORDS = {"failed": "failed", "error": "failed", "implausible": "implausible", "undecided": "undecided"}


def render(report: Report) -> str:
    """The summary, at most 65 000 bytes; what has no room is left out from the end, with a word."""
    cases = cases_of(report)
    shown = [row for row in report.rows if row.stage == "compressed"]
    blocks = [
        Block([f"### {escaped(report.model.name)}: {escaped(report.recipe.name)}"]),
        Block([f"**{sentence(report)}**"]),
        *problems(cases),
        table(_HEADERS, [_cells(report, row, cases) for row in shown], words=3, rest="files"),
        Block([_LEGEND]),
        bullets("Warnings", map(escaped_line, report.warnings), rest="warnings"),
        folded("Every limit", every_limit(cases)),
        folded("Made with", Block(_made_with(report), rest="facts")),
    ]
    return fitted(blocks)


def sentence(report: Report) -> str:
    """The verdict in one sentence, as Markdown."""
    return verdict_sentence(report.verdict.passed, cases_of(report))


def verdict_sentence(passed: bool, cases: Sequence[Case]) -> str:
    """Passed or not, and how many of how many."""
    asked = [case for case in cases if case.outcome != "skipped"]
    failing = [case for case in asked if case.fails]
    undecided = sum(case.outcome == "undecided" and not case.fails for case in asked)
    aside = f"; {undecided} undecided" if undecided else ""
    if passed:
        return f"Passed: {len(asked)} checks, none failed{aside}."
    return f"Not passed: {len(failing)} of {len(asked)} checks failed{aside}."


def problems(cases: Sequence[Case]) -> list[Block]:
    """What failed, what is implausible and what is undecided, each with what to do."""
    kinds = (("Failed", ("failed", "error")), ("Implausible", ("implausible",)), ("Undecided", ("undecided",)))
    return [
        bullets(title, [_problem(case) for case in cases if case.outcome in outcomes], rest=title.lower())
        for title, outcomes in kinds
    ]


def every_limit(cases: Sequence[Case]) -> Block:
    """All cases as a table."""
    rows = [(case.suite, case.name, _WORDS.get(case.outcome, case.outcome), case.told) for case in cases]
    return table(("where", "limit", "verdict", "told"), rows, words=4, rest="limits")


def _problem(case: Case) -> str:
    todo = f"<br>What to do: {escaped(case.todo)}." if case.todo else ""
    return f"{escaped_line(case.told)}{todo}"


_LEGEND = (
    "Size and latency: compressed / float32. Latency is told with the machine's own noise, a drop with its 95 % "
    "interval; positive is worse."
)


def _cells(report: Report, row: Row, cases: Sequence[Case]) -> tuple[str, ...]:
    baseline = baseline_of(row, report.rows)
    absent = row.target in stood_in_for(report.rows)
    size = size_ratio(row, baseline)
    return (
        place(row.target, row.network),
        artifact(row),
        _word(row, cases),
        layout.ABSENT if size is None else f"{size:.1%}",
        _drop(row),
        layout.ABSENT if absent else _latency(row, latency_ratio(row, baseline)),
        layout.ABSENT if row.agreement is None else f"{row.agreement:.2%}",
    )


def _drop(row: Row) -> str:
    if row.drop is None:
        return layout.ABSENT
    interval = row.drop_interval
    aside = "" if interval is None else f" ({interval.low:+.2f} to {interval.high:+.2f})"
    return f"{row.drop:+.2f}{_UNITS.get(row.drop_unit or 'points', '')}{aside}"


def _latency(row: Row, plain: float | None) -> str:
    if row.latency_ratio is not None:
        return f"{row.latency_ratio.ratio:.2f} ± {row.latency_ratio.noise:.2f}"
    return layout.ABSENT if plain is None else f"{plain:.2f}"


def _word(row: Row, cases: Sequence[Case]) -> str:
    """The worst of what was asked of the row."""
    own = [case for case in cases if case.suite == place(row.target, row.network) and _of(case) == artifact(row)]
    if any(case.fails for case in own):
        return next(_WORDS[case.outcome] for case in own if case.fails)
    if row.provenance == "skipped":
        return "skipped"
    return "undecided" if any(case.outcome == "undecided" for case in own) else "passed"


def _of(case: Case) -> str:
    return case.name.partition(": ")[2]


def _made_with(report: Report) -> list[str]:
    data, environment = report.data, report.environment
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    told = [
        f"recipe: {report.recipe.summary} Precision {report.recipe.precision}.",
        f"data: {data.name}, {data.evaluation} evaluation samples, {data.calibration} for calibration",
        f"host: {environment.host}; Python {environment.python}; seed {environment.seed}",
        f"versions: {versions}",
    ]
    return [f"- {escaped_line(each)}" for each in told]
