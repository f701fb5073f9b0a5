"""The report as Markdown: verdict first, then the table, then what made it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from compressor.report.layout import HEADERS, cells, limits_kept, no_limits, number, reason
from compressor.report.schema import Report, Row


def render(report: Report) -> str:
    """The whole `report.md`."""
    parts = [
        _title(report),
        _verdict(report),
        _warnings(report),
        _tables(report),
        _reading(report),
        _recipe(report),
        _environment(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(report: Report) -> str:
    return f"# {report.model.name}: {report.recipe.name}\n\n{report.recipe.summary}"


def _verdict(report: Report) -> str:
    aside = "".join(f"\n\n> Not judged: {told}" for told in report.verdict.not_judged)
    if report.verdict.passed:
        limits = limits_kept(report)
        return "**Passed.** " + (f"Limits kept: {_settings(limits)}." if limits else f"{no_limits(report)}.") + aside
    told = "\n".join(f"- {' '.join(violation.message.split())}" for violation in report.verdict.violations)
    return f"**Not passed.**\n\n{told}{aside}"


def _warnings(report: Report) -> str:
    return "\n".join(f"> Warning: {warning}" for warning in report.warnings)


def _tables(report: Report) -> str:
    targets = dict.fromkeys(row.target for row in report.rows)
    return "\n\n".join(_table(target, [row for row in report.rows if row.target == target]) for target in targets)


def _table(target: str, rows: list[Row]) -> str:
    lines = [f"## {target}", "", _line(HEADERS), _line("---" for _ in HEADERS)]
    lines += [_line(cells(row)) for row in rows]
    notes = [
        f"- {row.format} {row.precision} on {row.runtime}: {reason(row)}" for row in rows if row.provenance == "skipped"
    ]
    notes += [f"- {row.format} {row.precision} on {row.runtime}: {note}" for row in rows for note in row.notes]
    hosts = dict.fromkeys(row.host for row in rows if row.host)
    notes += [f"- measured on {host}, {_threads(rows)}" for host in hosts]
    return "\n".join([*lines, "", *dict.fromkeys(notes)])


def _threads(rows: list[Row]) -> str:
    counts = sorted({row.latency_ms.threads for row in rows if row.latency_ms})
    return ", ".join(f"{count} thread{'s' * (count > 1)}" for count in counts)


def _reading(report: Report) -> str:
    return (
        f"{_judged(report)} A baseline row is compared with Keras (conversion parity), every other row with its "
        "baseline (compression parity). Drop: positive is worse."
    )


def _judged(report: Report) -> str:
    metric, why = report.model.metric, report.model.metric_reason
    if metric is None:
        return "The evaluation set has no labels: there is no metric and no drop."
    told = f" Judged by {metric.name}: {why}." if why else ""
    return f"Keras itself: {metric.name} {number(metric.value)}.{told}"


def _recipe(report: Report) -> str:
    recipe = report.recipe
    lines = [f"- precision: {recipe.precision}"]
    lines += [f"- {name}: {_settings(settings)}" for step in recipe.steps for name, settings in step.items()]
    lines += [f"  - did: {_settings({k: v for k, v in done.items() if k != 'step'})}" for done in recipe.steps_done]
    return "## Recipe\n\n" + "\n".join(lines)


def _environment(report: Report) -> str:
    data, model = report.data, report.model
    lines = [
        f"- model: {model.source}, {model.parameters} parameters ({model.parameters_compressed} after the steps)",
        f"- data: {data.name} ({data.source}): {data.calibration} calibration and {data.evaluation} evaluation samples",
        f"- host: {report.environment.host}; Python {report.environment.python}; seed {report.environment.seed}",
        f"- GPUs: {', '.join(report.environment.gpus) or 'none'}",
        f"- versions: {_settings(report.environment.versions)}",
    ]
    return "## Made with\n\n" + "\n".join(lines)


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()
    )


def _line(values: Any) -> str:
    def escaped() -> Iterator[str]:
        for value in values:
            yield str(value).replace("|", "\\|")

    return f"| {' | '.join(escaped())} |"
