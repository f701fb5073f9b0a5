"""The report as Markdown: verdict first, then the table, then what made it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from compressor.report import parity_table, promise_limit
from compressor.report.figures import MetricValue
from compressor.report.layout import (
    HEADERS,
    cells,
    doubts,
    emulations,
    estimates,
    limits_kept,
    no_limits,
    number,
    placements,
    reason,
)
from compressor.report.schema import NetworkPart, Report, Row, place


def render(report: Report) -> str:
    """The whole `report.md`."""
    parts = [
        _title(report),
        _verdict(report),
        _warnings(report),
        _tables(report),
        _parity(report),
        _reading(report),
        _recipe(report),
        _environment(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(report: Report) -> str:
    return f"# {report.model.name}: {report.recipe.name}\n\n{report.recipe.summary}"


def _verdict(report: Report) -> str:
    aside = "".join(f"\n\n> Not judged: {told}" for told in report.verdict.not_judged)
    aside += "".join(f"\n\n> In doubt: {' '.join(told.split())}" for told in doubts(report))
    if report.verdict.passed:
        limits = limits_kept(report)
        return "**Passed.** " + (f"Limits kept: {_settings(limits)}." if limits else f"{no_limits(report)}.") + aside
    told = "\n".join(f"- {' '.join(violation.message.split())}" for violation in report.verdict.violations)
    return f"**Not passed.**\n\n{told}{aside}"


def _warnings(report: Report) -> str:
    return "\n".join(f"> Warning: {warning}" for warning in report.warnings)


def _tables(report: Report) -> str:
    places = dict.fromkeys((row.target, row.network) for row in report.rows)
    tables = {each: [row for row in report.rows if (row.target, row.network) == each] for each in places}
    return "\n\n".join(_table(place(*each), rows) for each, rows in tables.items())


def _table(title: str, rows: list[Row]) -> str:
    lines = [f"## {title}", "", _line(HEADERS), _line("---" for _ in HEADERS)]
    lines += [_line(cells(row)) for row in rows if row.estimate is None]
    notes = [
        f"- {row.format} {row.precision} on {row.runtime}: {reason(row)}" for row in rows if row.provenance == "skipped"
    ]
    notes += [f"- {told}" for told in estimates(rows)]
    notes += [f"- {row.format} {row.precision} on {row.runtime}: {note}" for row in rows for note in row.notes]
    notes += [
        f"- {row.format} {row.precision} on {row.runtime}: PSNR {row.psnr_db:.1f} dB"
        for row in rows
        if row.psnr_db is not None
    ]
    notes += [f"- {told}" for told in placements(rows)]
    notes += [f"- {told}" for told in emulations(rows)]
    hosts = dict.fromkeys(row.host for row in rows if row.provenance == "measured" and row.host)
    notes += [f"- measured on {host}, {_threads(rows)}" for host in hosts]
    return "\n".join([*lines, "", *dict.fromkeys(notes)])


def _parity(report: Report) -> str:
    """Every stage on every runtime at hand, what is out of order first."""
    if not report.parity:
        return ""
    faults = [f"- **{told}**" for told in parity_table.sentences(report.parity)]
    parts = ["## Parity", *(["\n".join(faults)] if faults else [])]
    for title, compared in parity_table.tables(report.parity).items():
        lines = [_line(parity_table.HEADERS), _line("---" for _ in parity_table.HEADERS)]
        parts += [f"### {title}", "\n".join([*lines, *(_line(parity_table.line(cell)) for cell in compared)])]
    told = [f"- {each}" for each in parity_table.reasons(report.parity)]
    return "\n\n".join([*parts, *(["\n".join(told)] if told else [])])


def _threads(rows: list[Row]) -> str:
    counts = sorted({row.latency_ms.threads for row in rows if row.latency_ms})
    return ", ".join(f"{count} thread{'s' * (count > 1)}" for count in counts)


def _reading(report: Report) -> str:
    return (
        f"{_judged(report)}A baseline row is compared with Keras (conversion parity), every other row with its "
        "baseline (compression parity). Drop: positive is worse."
    )


def _judged(report: Report) -> str:
    if report.model.networks:
        told = (f"{each.name}: {_metric(each.metric, each.metric_reason)}" for each in report.model.networks)
        return "".join(f"{each}\n\n" for each in told)
    return f"{_metric(report.model.metric, report.model.metric_reason)} "


def _metric(metric: MetricValue | None, why: str | None) -> str:
    if metric is None:
        return "The evaluation set has no labels: there is no metric and no drop."
    told = f" Judged by {metric.name}: {why}." if why else ""
    return f"Keras itself: {metric.name} {number(metric.value)}.{told}"


def _recipe(report: Report) -> str:
    recipe = report.recipe
    lines = [f"- precision: {recipe.precision}"]
    lines += [f"- {name}: {_settings(settings)}" for step in recipe.steps for name, settings in step.items()]
    lines += [f"  - {_done(done)}" for done in recipe.steps_done]
    lines += [f"- {told}" for told in promise_limit.sentences(report.promises)]
    return "## Recipe\n\n" + "\n".join(lines)


def _done(done: dict[str, Any]) -> str:
    """What a step did, and to which network where there are several."""
    who = f"{done['network']}, {done['step']}" if "network" in done else "did"
    return (
        f"{who}: {_settings({key: value for key, value in done.items() if key not in ('step', 'network', 'promises')})}"
    )


def _environment(report: Report) -> str:
    data, model = report.data, report.model
    lines = [
        f"- model: {model.source}, {model.parameters} parameters ({model.parameters_compressed} after the steps)",
        f"- data: {data.name} ({data.source}): {data.calibration} calibration and {data.evaluation} evaluation samples",
        *(_network(each) for each in model.networks),
        f"- host: {report.environment.host}; Python {report.environment.python}; seed {report.environment.seed}",
        f"- GPUs: {', '.join(report.environment.gpus) or 'none'}",
        f"- versions: {_settings(report.environment.versions)}",
    ]
    return "## Made with\n\n" + "\n".join(lines)


def _network(network: NetworkPart) -> str:
    data = network.data
    told = [
        f"- {network.name}: in {network.folder}/, {network.parameters} parameters",
        f"({network.parameters_compressed} after the steps);",
        f"{data.calibration} calibration and {data.evaluation} evaluation samples",
    ]
    return "; ".join([" ".join(told), *data.notes])


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()
    )


def _line(values: Any) -> str:
    def escaped() -> Iterator[str]:
        for value in values:
            yield str(value).replace("|", "\\|")

    return f"| {' | '.join(escaped())} |"
