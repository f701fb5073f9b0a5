"""The gate: limits applied to the rows of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compressor.limits import Limits
from compressor.report.schema import Row, Verdict, Violation

# Rows of a device that is not here.
_NOT_HERE = ("skipped", "estimated")


def judge(rows: Sequence[Row], limits: Limits) -> Verdict:
    """A row that failed is a violation; a row that was never to be had here (no such device) is not judged.

    Drop and agreement are judged on every measured row, size and latency on the compressed ones. Latency is
    judged only where the runtime is the target's own: what a stand-in on this host takes says nothing of the device.
    An emulated row repeats a measured one on fewer samples: only its failure counts.
    A row of the device that was timed alone, by its own tool, is compared with nothing.
    Drop is not judged where the evaluation set has no labels.
    """
    violations = [violation for row in rows for violation in _row_violations(row, rows, limits)]
    return Verdict(passed=not violations, violations=violations, not_judged=_not_judged(rows, limits))


def _row_violations(row: Row, rows: Sequence[Row], limits: Limits) -> Iterable[Violation]:
    if row.failed_stage is not None:
        received = ("impossible: " if row.impossible else "") + (row.reason or "a failure")
        yield _violation(row, "finished", "a file that was written and measured", received)
        return
    if row.provenance in _NOT_HERE or row.provenance == "emulated" or _only_timed(row):
        return
    if not _lacks_labels(row):
        yield from _at_most(row, *limits.of_drop(row.drop_unit), row.drop, row.drop_unit or "points")
    if limits.min_agreement is not None and (row.agreement is None or row.agreement < limits.min_agreement):
        received = "not known" if row.agreement is None else f"{row.agreement:.6g}"
        yield _violation(row, "min_agreement", f"at least {limits.min_agreement:g}", received)
    if row.stage == "compressed":
        yield from _ratio_violations(row, rows, limits)


def _ratio_violations(row: Row, rows: Sequence[Row], limits: Limits) -> Iterator[Violation]:
    baseline = baseline_of(row, rows)
    yield from _at_most(row, "max_size_ratio", limits.max_size_ratio, size_ratio(row, baseline), "of the float32 bytes")
    if row.target not in _stood_in_for(rows):
        ratio = latency_ratio(row, baseline)
        yield from _at_most(row, "max_latency_ratio", limits.max_latency_ratio, ratio, "of the float32 p50")


def _not_judged(rows: Sequence[Row], limits: Limits) -> list[str]:
    told = []
    if any(map(_lacks_labels, rows)):
        of_drop = ("max_accuracy_drop", "max_error_rise")
        told += [f"{name}: the evaluation set has no labels" for name in of_drop if getattr(limits, name) is not None]
    if limits.max_latency_ratio is not None:
        absent = _stood_in_for(rows)
        told += [f"max_latency_ratio for {target}: not measured on the device itself" for target in absent]
    return told


def _lacks_labels(row: Row) -> bool:
    """A measured row has a metric whenever there are labels."""
    return row.provenance == "measured" and row.metric is None and not _only_timed(row)


def _only_timed(row: Row) -> bool:
    """The device's own tool told how fast the file is, and nothing of its answers."""
    untold = (row.agreement, row.metric, row.peak_rss_bytes)
    return row.provenance == "measured" and row.latency_ms is not None and untold == (None, None, None)


def _stood_in_for(rows: Sequence[Row]) -> list[str]:
    """Targets whose device is not here: a runtime on this host speaks for them."""
    absent = (
        row.target for row in rows if _only_timed(row) or (row.provenance in _NOT_HERE and row.failed_stage is None)
    )
    return list(dict.fromkeys(absent))


def baseline_of(row: Row, rows: Sequence[Row]) -> Row | None:
    """The float32 row that a compressed row is compared with."""
    for other in rows:
        same = (other.network, other.target, other.format) == (row.network, row.target, row.format)
        if same and other.stage == "float32" and other.bytes:
            return other
    return None


def size_ratio(row: Row, baseline: Row | None) -> float | None:
    """Compressed bytes / float32 bytes."""
    return None if baseline is None or not baseline.bytes or row.bytes is None else row.bytes / baseline.bytes


def latency_ratio(row: Row, baseline: Row | None) -> float | None:
    """Compressed p50 / float32 p50, both of the same run."""
    if baseline is None or baseline.latency_ms is None or row.latency_ms is None or not baseline.latency_ms.p50:
        return None
    return row.latency_ms.p50 / baseline.latency_ms.p50


def _at_most(row: Row, limit: str, allowed: float | None, value: float | None, unit: str) -> Iterator[Violation]:
    if allowed is None:
        return
    if value is None:
        yield _violation(row, limit, f"at most {allowed:g} {unit}", "not known: it could not be measured")
    elif value > allowed:
        yield _violation(row, limit, f"at most {allowed:g} {unit}", f"{value:.6g}")


def _violation(row: Row, limit: str, expected: str, received: str) -> Violation:
    return Violation(
        limit=limit,
        network=row.network,
        target=row.target,
        format=row.format,
        precision=row.precision,
        runtime=row.runtime,
        expected=expected,
        received=received,
        message=f"{row.title}: {limit}: expected {expected}, received {received}",
    )
