"""The page of benchmarks/samples.py: a table per sample, a line per recipe and runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Record = dict[str, Any]
Runs = Mapping[tuple[str, str], Record]

RUNTIMES = {"litert": "LiteRT", "onnxruntime": "ONNX Runtime"}
# What int8 may cost: points for shares, percent of the float value for errors; decibels have no bar.
BARS = {"points": 1.0, "percent": 2.0}
_LONGEST_REASON = 160


def page(runs: Runs, recipes: Sequence[str]) -> str:
    """The whole page, in Markdown."""
    names = sorted({name for name, _ in runs})
    parts = [_introduction(runs)]
    for name in names:
        own = {recipe: runs[name, recipe] for recipe in recipes if (name, recipe) in runs}
        parts.append("\n".join(_sample(name, own)))
    return "\n\n".join(parts) + "\n"


def _introduction(runs: Runs) -> str:
    hosts = " and ".join(sorted({run["host"] for run in runs.values()}))
    return f"""# Figures of the sample models

Made by `COMPRESSOR_DATA=… make samples`, which goes on where it was interrupted; measured on {hosts}.
The machine is shared: of latencies, only the ratio to float32 in the same run says something. Seed 0, one thread.

* Drops are points (100 × the difference) for shares, percent of the float value for errors and perplexity; negative is
  better than float.
* Bytes are of the whole file, in parentheses the ratio to the float32 file of the same format.
* p50 is the median latency of one sample in milliseconds, in parentheses the ratio to float32.
* The bar for `int8` is 1 point, or 2 percent. Where it breaks the bar, the line below the table says which recipes
  hold."""


def _sample(name: str, runs: Mapping[str, Record]) -> Iterator[str]:
    yield f"## `{name}`\n"
    first = next((run for run in runs.values() if "rows" in run), None)
    if first is None:
        yield _reason(next(iter(runs.values()))["refused"])
        return
    told = [f"{_network(network)}{_metric(metric)}" for network, metric in first["keras"].items()]
    yield f"Keras: {'; '.join(told)}, on {first['evaluation']} samples. Data: {first['data']}.\n"
    yield "| recipe | runtime | metric | drop | bytes (× float32) | p50 ms (× float32) |"
    yield "|---|---|---|---|---|---|"
    for recipe, run in runs.items():
        yield from _lines(recipe, run)
    yield from _verdicts(runs)


def _network(name: str) -> str:
    return f"{name} " if name else ""


def _metric(metric: Record | None) -> str:
    return "no labels" if metric is None else f"{metric['name']} {metric['value']:.4g}"


def _lines(recipe: str, run: Record) -> Iterator[str]:
    if "refused" in run:
        yield f"| {recipe} | both | {_reason(run['refused'])} | | | |"
        return
    for row in _compressed(run):
        where = f"{_network(row['network'] or '')}{RUNTIMES.get(row['runtime'], row['runtime'])}"
        if row["failed_stage"]:
            others = row.get("possible_precisions")
            instead = f" Possible: {', '.join(others)}." if others else ""
            yield f"| {recipe} | {where} | {_reason(row['reason'])}{instead} | | | |"
            continue
        base = _baseline(row, run)
        bytes_, p50 = row["bytes"], row["latency_ms"]["p50"]
        size = f"{bytes_} ({bytes_ / base['bytes']:.3f})" if base else str(bytes_)
        pace = f"{p50:.3g} ({p50 / base['latency_ms']['p50']:.2f})" if base and base["latency_ms"] else f"{p50:.3g}"
        psnr = f", PSNR {row['psnr_db']:.1f} dB" if row.get("psnr_db") else ""
        yield f"| {recipe} | {where} | {_metric(row['metric'])}{psnr} | {_drop(row)} | {size} | {pace} |"


def _compressed(run: Record) -> list[Record]:
    return [row for row in run["rows"] if row["stage"] == "compressed"]


def _baseline(row: Record, run: Record) -> Record | None:
    same = ("network", "format", "runtime")
    for other in run["rows"]:
        if other["stage"] == "float32" and other["bytes"] and all(other[key] == row[key] for key in same):
            return dict(other)
    return None


def _drop(row: Record) -> str:
    if row["drop"] is None:
        return "–"
    unit = {"percent": " %", "dB": " dB"}.get(row["drop_unit"], "")
    return f"{row['drop']:+.2f}{unit}"


def _verdicts(runs: Mapping[str, Record]) -> Iterator[str]:
    """Where int8 breaks the bar: what it says of itself, and which recipe holds."""
    if "int8" not in runs or "rows" not in runs["int8"]:
        return
    for row in _compressed(runs["int8"]):
        if _holds(row):
            continue
        pair = (row["network"], row["runtime"])
        others = (recipe for recipe, run in runs.items() if any(_is(pair, each) and _holds(each) for each in _of(run)))
        told = ", ".join(f"`{recipe}`" for recipe in others) or "none of these"
        why = "".join(f" {note}." for note in row["notes"] or [])
        where = f"{_network(row['network'] or '')}{RUNTIMES.get(row['runtime'], row['runtime'])}"
        yield f"\n`int8` on {where} breaks the bar.{why} Recipes that hold there: {told}."


def _of(run: Record) -> list[Record]:
    return _compressed(run) if "rows" in run else []


def _is(pair: tuple[str | None, str], row: Record) -> bool:
    return (row["network"], row["runtime"]) == pair


def _holds(row: Record) -> bool:
    """Whether a file is there and within the bar; without labels there is no bar."""
    if row["failed_stage"]:
        return False
    return row["drop"] is None or row["drop"] <= BARS.get(row["drop_unit"], float("inf"))


def _reason(text: str | None) -> str:
    told = " ".join((text or "no reason given").split()).replace("|", "\\|")
    return told if len(told) <= _LONGEST_REASON else f"{told[:_LONGEST_REASON]}…"
