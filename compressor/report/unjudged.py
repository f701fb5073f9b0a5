"""Stated limits that judged no compressed file, and why."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.limits import Limits, TargetLimits
from compressor.report.judging import lacks_labels, only_timed, stood_in_for
from compressor.report.schema import Judgement, Row

_OF_DROP = ("max_accuracy_drop", "max_error_rise")
_OF_DEVICE = ("max_ram_bytes", "max_flash_bytes", "min_accelerated_share")


def unjudged(rows: Sequence[Row], judgements: Sequence[Judgement], limits: Limits) -> list[str]:
    """One line for each limit and target without a judgement, also of targets that are not in the run."""
    unlabelled = list(_without_labels(rows, limits))
    told = [f"{name}: the evaluation set has no labels" for name in unlabelled]
    if not rows:
        told += [f"{name}: the report has no rows" for name in limits.stated]
    done = {(each.limit, rows[each.row].target) for each in judgements if rows[each.row].stage == "compressed"}
    for target, stated in _stated(rows, limits).items():
        names = (name for name in stated if (name, target) not in done and name not in unlabelled)
        told += [f"{name} for {target}: {_why(name, target, rows)}" for name in names]
    return told


def _without_labels(rows: Sequence[Row], limits: Limits) -> dict[str, None]:
    stated = (limits.of_target(row.target).stated for row in rows if lacks_labels(row))
    return dict.fromkeys(name for each in stated for name in _OF_DROP if name in each)


def _stated(rows: Sequence[Row], limits: Limits) -> dict[str, list[str]]:
    """The limits of every target: the general ones too, where the target is in the run."""
    there = dict.fromkeys(row.target for row in rows)
    found = {target: _judging(limits.of_target(target), target, rows) for target in there}
    return found | {name: list(own.stated) for name, own in (limits.targets or {}).items() if name not in there}


def _judging(limits: TargetLimits, target: str, rows: Sequence[Row]) -> list[str]:
    """Of the two limits of a drop, only one judges each unit."""
    units = {row.drop_unit for row in rows if row.target == target and row.provenance == "measured"}
    judging = {limits.of_drop(unit)[0] for unit in units} or set(_OF_DROP)
    return [name for name in limits.stated if name not in _OF_DROP or name in judging]


def _why(name: str, target: str, rows: Sequence[Row]) -> str:
    own = [row for row in rows if row.target == target]
    if not own:
        return "this target is not in the run"
    if name == "max_latency_ratio" and target in stood_in_for(rows):
        return "not measured on the device itself"
    compressed = [row for row in own if row.stage == "compressed" and row.provenance == "measured"]
    if not compressed:
        return "no compressed file was measured for it"
    if name in _OF_DEVICE:
        return "not known of this device"
    if all(only_timed(row) for row in compressed):
        return "the file was only timed on the device"
    return "nothing that it judges was measured"
