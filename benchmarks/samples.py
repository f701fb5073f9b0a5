"""Every sample model through the recipes, on LiteRT and ONNX Runtime: metric, drop, bytes, latency, or why not.

Each run is `compressor run SAMPLE --recipe RECIPE --target host` in a process of its own. Finished runs are kept in a
file of JSON lines: run the command again and it goes on where it was interrupted. Remove that file to start anew.

Usage: python benchmarks/samples.py [SAMPLE ...] [--cache FILE] [--page FILE] [--timeout SECONDS]
       python benchmarks/samples.py --page-only
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import samples_page

from compressor import measurement, registry
from compressor.errors import CompressorError
from compressor.files import write_text
from compressor.process import run_to_end

RECIPES = ("int8", "dynamic_int8", "float16", "prune50_int8", "qat_int8")
Record = dict[str, Any]
_CLEAN_ENDS = (0, 1)


def main(arguments: argparse.Namespace) -> int:
    """Make the missing runs and write the page; the exit code says whether every sample has its runs."""
    done = read(arguments.cache)
    names = arguments.names or registry.names("sample_models")
    if not arguments.page_only:
        for name in names:
            for recipe in RECIPES:
                if (name, recipe) not in done:
                    done[name, recipe] = kept(run(name, recipe, arguments.timeout), arguments.cache)
    write_text(arguments.page, samples_page.page(done, RECIPES))
    return 0 if all((name, recipe) in done for name in names for recipe in RECIPES) else 1


def read(cache: Path) -> dict[tuple[str, str], Record]:
    """Finished runs, by sample and recipe."""
    lines = cache.read_text(encoding="utf-8").splitlines() if cache.exists() else []
    records = (json.loads(line) for line in lines)
    return {(record["sample"], record["recipe"]): record for record in records}


def kept(record: Record, cache: Path) -> Record:
    """The record, on disk at once."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    return record


def run(name: str, recipe: str, timeout: float) -> Record:
    """One run of the command line, and what its report says; why not, where it was refused."""
    print(time.strftime("%H:%M:%S"), name, recipe, file=sys.stderr, flush=True)
    told: Record = {"sample": name, "recipe": recipe, "host": measurement.host()}
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "compressor", "run", name, "--recipe", recipe, "--out", f"{folder}/run", "--json"]
        try:
            ended = run_to_end(f"{name} {recipe}", [sys.executable, *words], timeout)
        except CompressorError as error:
            return told | {"refused": str(error)}
    if ended.returncode not in _CLEAN_ENDS or not ended.stdout.strip():
        return told | {"refused": " ".join(_error(ended.stderr).split())}
    return told | _told(json.loads(ended.stdout))


def _error(printed: str) -> str:
    """What an error says, without its advice and without progress."""
    lines = printed.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("error: ")), 0)
    return "\n".join(_until_advice(lines[start:])).removeprefix("error: ")


def _until_advice(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.strip().startswith(("what to do:", "expected:", "received:")):
            return
        yield line


_OF_ROW = (
    "network",
    "format",
    "runtime",
    "precision",
    "stage",
    "bytes",
    "bytes_deflated",
    "bytes_packed",
    "metric",
    "drop",
)
_OF_ROW_TOO = ("drop_unit", "latency_ms", "failed_stage", "reason", "notes", "possible_precisions", "psnr_db")


def _told(report: Record) -> Record:
    """What the page needs of a report."""
    rows = [{key: row.get(key) for key in (*_OF_ROW, *_OF_ROW_TOO)} for row in report["rows"]]
    model = report["model"]
    networks = {each["name"]: each["metric"] for each in model.get("networks", [])} or {"": model["metric"]}
    trained = {key: model["trained"].get(key) for key in ("epochs", "batch_size", "seconds", "cached")}
    return {
        "rows": rows,
        "keras": networks,
        "data": report["data"]["source"],
        "evaluation": report["data"]["evaluation"],
        "parameters": model["parameters"],
        "trained": trained,
        "passed": report["verdict"]["passed"],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The matrix of the sample models.")
    parser.add_argument("names", nargs="*", metavar="SAMPLE", help="samples to run; all when none is named")
    parser.add_argument("--cache", type=Path, default=Path("runs/samples.jsonl"), help="finished runs")
    parser.add_argument("--page", type=Path, default=Path("docs/sample_figures.md"), help="the page to write")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds that one run may take")
    parser.add_argument("--page-only", action="store_true", help="write the page from what is known")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_arguments()))
