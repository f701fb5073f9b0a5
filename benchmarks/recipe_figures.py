"""What the recipes that compress pay on four samples: accuracy, bytes, latency, each against the float32 file.

Each run is `compressor run SAMPLE --recipe RECIPE` in a process of its own. Finished runs are kept in a file of JSON
lines: run the command again and it goes on where it was interrupted. Remove that file to start anew.

Usage: COMPRESSOR_DATA=... python benchmarks/recipe_figures.py [SAMPLE ...] [--recipes NAME,...] [--page-only]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import samples
from samples_page import RUNTIMES

from compressor.files import write_text

SAMPLES = ("lenet5", "mnist_cnn", "ds_cnn", "resnet8")
RECIPES = (
    "int8",
    "channels50_int8",
    "channels50_distill_int8",
    "prune80_int8",
    "sparse24_fp16",
    "cluster16_int8",
    "pqat_int8",
    "cqat_int8",
    "pcqat_int8",
    "qat_symmetric_int8",
    "lowrank_int8",
    "deep_compression",
    "tiny",
)
Record = dict[str, Any]
_HEAD = "| recipe | runtime | metric | drop | raw | deflated | packed | p50 |"
_SHORT = "| recipe | samples | drop | raw | deflated | packed |"
_TEXT = """# What the recipes pay

Made by `COMPRESSOR_DATA=… make recipe-figures`, which goes on where it was interrupted; measured on {hosts}.
Seed 0, one thread, batch 1, the whole evaluation set.

Bytes and p50 are shares of those of the float32 file of the same format, on the same runtime in the same run: raw as
the file is, deflated, and packed by `compressor pack` over the float32 file's raw bytes. Drops are points, negative is
better than float. The machine is shared: of p50 the second digit says little."""


def main(arguments: argparse.Namespace) -> int:
    """Make the missing runs and write the page."""
    done = samples.read(arguments.cache)
    for name in [] if arguments.page_only else arguments.names or SAMPLES:
        for recipe in arguments.recipes:
            if (name, recipe) not in done:
                done[name, recipe] = samples.kept(samples.run(name, recipe, arguments.timeout), arguments.cache)
    write_text(arguments.page, "\n".join(_page(done)) + "\n")
    return 0


def _page(done: Mapping[tuple[str, str], Record]) -> Iterator[str]:
    yield _TEXT.format(hosts=" and ".join(sorted({run["host"] for run in done.values()})))
    yield from _in_short(done)
    for name in SAMPLES:
        runs = {recipe: done[name, recipe] for recipe in RECIPES if (name, recipe) in done}
        first = next((run for run in runs.values() if "rows" in run), None)
        if first is None:
            continue
        (metric,) = first["keras"].values()
        yield f"\n## `{name}`\n\nKeras: {metric['name']} {metric['value']:.4f}, on {first['evaluation']} samples.\n"
        yield f"{_HEAD}\n|{'---|' * 8}"
        for recipe, run in runs.items():
            yield from _lines(recipe, run)


def _in_short(done: Mapping[tuple[str, str], Record]) -> Iterator[str]:
    """For each recipe the least and the most over the samples, of the TFLite file on LiteRT."""
    yield f"\n## In short\n\nThe TFLite file on LiteRT, least to most over the samples.\n\n{_SHORT}\n|{'---|' * 6}"
    for recipe in RECIPES:
        runs = [done[name, recipe] for name in SAMPLES if "rows" in done.get((name, recipe), {})]
        figures = [each for run in runs if (each := _figures(run, "litert")) is not None]
        if figures:
            spans = (_span([each[key] for each in figures]) for key in ("raw", "deflated", "packed"))
            drops = sorted(each["drop"] for each in figures)
            yield f"| `{recipe}` | {len(figures)} | {drops[0]:+.2f} to {drops[-1]:+.2f} | {' | '.join(spans)} |"


def _span(shares: list[float]) -> str:
    return f"{min(shares):.2f} to {max(shares):.2f}"


def _figures(run: Record, runtime: str) -> dict[str, float] | None:
    """What a compressed file has of the float32 file, and the points lost; None where either is not there."""
    rows = {row["stage"]: row for row in run["rows"] if row["runtime"] == runtime and row["bytes"]}
    base, row = rows.get("float32"), rows.get("compressed")
    if base is None or row is None or row["failed_stage"]:
        return None
    return {
        "raw": row["bytes"] / base["bytes"],
        "deflated": row["bytes_deflated"] / base["bytes_deflated"],
        "packed": row["bytes_packed"] / base["bytes"],
        "pace": row["latency_ms"]["p50"] / base["latency_ms"]["p50"],
        "drop": row["drop"],
    }


def _lines(recipe: str, run: Record) -> Iterator[str]:
    if "refused" in run:
        yield f"| `{recipe}` | both | {run['refused']} | | | | | |"
        return
    for row in run["rows"]:
        if row["stage"] != "compressed":
            continue
        found, where = _figures(run, row["runtime"]), RUNTIMES.get(row["runtime"], row["runtime"])
        if found is None:
            yield f"| `{recipe}` | {where} | {row['reason']} | | | | | |"
            continue
        cells = " | ".join(f"{found[key]:.3f}" for key in ("raw", "deflated", "packed"))
        told = f"{row['metric']['value']:.4f} | {found['drop']:+.2f} | {cells} | {found['pace']:.2f}"
        yield f"| `{recipe}` | {where} | {told} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the recipes that compress pay on four samples.")
    parser.add_argument("names", nargs="*", metavar="SAMPLE", help=f"of {', '.join(SAMPLES)}; all when none is named")
    parser.add_argument("--recipes", type=lambda text: text.split(","), default=RECIPES, help="names, with commas")
    parser.add_argument("--cache", type=Path, default=Path("runs/recipe_figures.jsonl"), help="finished runs")
    parser.add_argument("--page", type=Path, default=Path("docs/recipe_figures.md"), help="the page to write")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds that one run may take")
    parser.add_argument("--page-only", action="store_true", help="write the page from what is known")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_arguments()))
