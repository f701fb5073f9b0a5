"""Cells shared by every way of showing a report as a table: the same number reads the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from compressor.limits import TargetLimits
from compressor.report.figures import EstimateValue
from compressor.report.schema import Report, Row, place

HEADERS = (
    "file",
    "runtime",
    "metric",
    "drop",
    "agreement",
    "max |error|",
    "SQNR dB",
    "KB",
    "deflated KB",
    "packed KB",
    "p50 ms",
    "p99 ms",
)
ABSENT = "–"
# Points are what the column is for, and go without.
_UNITS = {"percent": " %", "dB": " dB"}


def cells(row: Row) -> tuple[str, ...]:
    """One row under `HEADERS`."""
    latency = row.latency_ms
    return (
        f"{row.format} {row.precision}" + _aside(row),
        row.runtime,
        ABSENT if row.metric is None else number(row.metric.value),
        ABSENT if row.drop is None else f"{row.drop:+.2f}{_UNITS.get(row.drop_unit or '', '')}",
        ABSENT if row.agreement is None else f"{row.agreement:.2%}",
        ABSENT if row.max_abs_error is None else f"{row.max_abs_error:.1e}",
        ABSENT if row.sqnr_db is None else f"{row.sqnr_db:.1f}",
        ABSENT if row.bytes is None else f"{row.bytes / 1000:.1f}",
        ABSENT if row.bytes_deflated is None else f"{row.bytes_deflated / 1000:.1f}",
        ABSENT if row.bytes_packed is None else f"{row.bytes_packed / 1000:.1f}",
        ABSENT if latency is None else f"{latency.p50:.4f}",
        ABSENT if latency is None else f"{latency.p99:.4f}",
    )


def _aside(row: Row) -> str:
    told = ["baseline"] if row.stage == "float32" else []
    if row.provenance == "emulated":
        # The core alone; what emulated it is told with the differences.
        told.append((row.host or row.provenance).partition(" by ")[0])
    return f" ({', '.join(told)})" if told else ""


def number(value: float) -> str:
    """A metric's value; small errors keep their digits."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.01 else f"{value:.3g}"


def reason(row: Row) -> str:
    """Why a row has no numbers, in one line."""
    word = f"failed ({row.failed_stage})" if row.failed_stage else row.provenance
    word = "skipped, impossible" if row.impossible else word
    return f"{word}: {' '.join((row.reason or '').split())}"


def placements(rows: Sequence[Row]) -> tuple[str, ...]:
    """What of the compressed files their targets accelerate, one line each, and why not all of it."""
    told = []
    for row in rows:
        # Where nothing could be accelerated, there is nothing to tell.
        worth = row.placement is not None and (row.placement.accelerator_ops or row.placement.reasons)
        if row.placement is not None and worth and row.stage == "compressed":
            on, off = row.placement.accelerator_ops, row.placement.cpu_ops
            share = f"{on} of {on + off} operators accelerated, {row.placement.accelerated_macs_share:.1%} of the work"
            why = "".join(f"; {each}" for each in row.placement.reasons)
            told.append(f"{row.format} {row.precision}: {share}{why}")
    return tuple(dict.fromkeys(told))


def emulations(rows: Sequence[Row]) -> tuple[str, ...]:
    """How far the answers of emulated processors are from those of the machine that emulated them, one line each."""
    told = []
    for row in rows:
        found = row.against_host
        if row.provenance == "emulated" and found is not None:
            steps = f", by at most {found.max_lsb} integer step{'s' * (found.max_lsb != 1)}" if found.max_lsb else ""
            differing = f"{found.differing_values} of {found.values} values differ"
            far = f"{steps or ', by at most'} {'(' if steps else ''}{found.max_abs_error:.1e}{')' if steps else ''}"
            told.append(
                f"{row.format} {row.precision} on {row.runtime}, {row.host}: on {found.samples} samples {differing} "
                f"from this machine's{far if found.differing_values else ''}"
            )
    return tuple(dict.fromkeys(told))


def estimated(estimate: EstimateValue) -> str:
    """An estimate in one line."""
    memories = {"SRAM": estimate.sram_bytes, "DRAM": estimate.dram_bytes, "flash": estimate.flash_bytes}
    held = ", ".join(f"{size / 1024:,.1f} KiB of {name}" for name, size in memories.items() if size)
    return (
        f"{estimate.cycles:,} cycles, {estimate.inference_ms:.3g} ms at {estimate.clock_hz / 1e6:.0f} MHz; {held}; "
        f"{estimate.accelerated_ops_share:.1%} of the operators accelerated (estimated by {estimate.by}, not measured)"
    )


def estimates(rows: Sequence[Row]) -> tuple[str, ...]:
    """What vendors' compilers expect of the devices, one line for each file."""
    told = ((row, row.estimate) for row in rows if row.estimate is not None)
    return tuple(f"{row.format} {row.precision} on {row.runtime}: {estimated(estimate)}" for row, estimate in told)


def limits_kept(report: Report) -> dict[str, float]:
    """The limits that every compressed file they judged kept; with their target where that is not true of all."""
    if not report.is_judged_singly:
        return _unbroken(report)
    limits, kept = report.recipe.limits, {(name, target) for name, target, _ in _passed(report)}
    owners = {target: own.stated for target, own in (limits.targets or {}).items()}
    told: dict[str, float] = {}
    for name, value in limits.stated.items():
        under = dict.fromkeys(row.target for row in report.rows if name not in owners.get(row.target, {}))
        keeping = [target for target in under if (name, target) in kept]
        told |= {name if len(keeping) == len(under) else f"{name} for {target}": value for target in keeping}
    for target, own in owners.items():
        told |= {f"{name} for {target}": value for name, value in own.items() if (name, target) in kept}
    return told


def rows_kept(report: Report) -> set[int]:
    """Positions of the compressed rows that kept a limit which all others of their target kept too."""
    return {row for _, _, row in _passed(report)}


def _passed(report: Report) -> list[tuple[str, str, int]]:
    """Stated limit, target and row of what passed, but for pairs of which a row broke it or left it open."""
    rows, limits = report.rows, report.recipe.limits
    there = (each for each in report.verdict.judgements if each.row < len(rows))
    judged = [(each.limit, rows[each.row].target, each.row, each.verdict) for each in there]
    doubted = {(limit, target) for limit, target, _, verdict in judged if verdict != "passed"}
    return [
        (limit, target, row)
        for limit, target, row, _ in judged
        if (limit, target) not in doubted
        and rows[row].stage == "compressed"
        and limit in limits.of_target(target).stated
    ]


def _unbroken(report: Report) -> dict[str, float]:
    """Of a report without judgements: what it does not say was not judged."""
    never = {told.partition(":")[0] for told in report.verdict.not_judged}
    units = {row.drop_unit for row in report.rows if row.provenance == "measured"}
    limits = report.recipe.limits
    kept = {name: value for name, value in limits.stated.items() if _judges(name, limits, units)}
    for target, own in (limits.targets or {}).items():
        judging = {name: value for name, value in own.stated.items() if _judges(name, own, units)}
        kept |= {f"{name} for {target}": value for name, value in judging.items() if name not in never}
    return {name: value for name, value in kept.items() if name not in never}


def _judges(name: str, limits: TargetLimits, units: set[Any]) -> bool:
    """Of the two limits of a drop, only one judges each unit."""
    judging = {limits.of_drop(unit)[0] for unit in units}
    return name not in ("max_accuracy_drop", "max_error_rise") or name in judging


def no_limits(report: Report) -> str:
    """Why no limit was kept."""
    if not report.recipe.limits.model_dump(exclude_none=True):
        return "No limits were set"
    doubted = any(each.verdict in ("undecided", "implausible") for each in report.verdict.judgements)
    return "No limit was broken, and none decided" if doubted else "No limit was judged"


def doubts(report: Report) -> tuple[str, ...]:
    """Limits that are neither kept nor broken, one sentence each; those that fail the run are told as violations."""
    verdict = report.verdict
    let_through = {name for name in ("undecided", "implausible") if getattr(verdict, name) == "pass"}
    places = dict(enumerate(place(row.target, row.network) for row in report.rows))
    told = (each for each in verdict.judgements if each.verdict in let_through)
    return once((places.get(each.row, ""), each.message) for each in told)


def once(told: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Sentences that begin with a place: what is said of several places is said once, of all of them."""
    places: dict[str, list[str]] = {}
    for where, sentence in told:
        rest = sentence.removeprefix(f"{where}: ")
        named = places.setdefault(rest, [])
        if rest != sentence and where not in named:
            named.append(where)
    return tuple(f"{', '.join(named)}: {rest}" if named else rest for rest, named in places.items())
