"""Deep Compression, run again: LeNet-300-100 and LeNet-5 on MNIST, and what each step of a recipe contributes.

Han, Mao, Dally, "Deep Compression" (arXiv:1510.00149): 40 and 39 times smaller. Compression is the float32 bytes of
the original's parameters over the bytes of the `.tflite` file, raw or packed; errors are those of the int8 file on
LiteRT on all 10 000 test images. Each line is `compressor run` with the recipe up to that step, in a process of its
own; finished runs are kept in a file of JSON lines, and made again where the recipe has changed.

Usage: COMPRESSOR_DATA=... python benchmarks/deep_compression.py [CASE ...] [--whole] [--cache FILE] [--page FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compressor import measurement
from compressor.files import write_text
from compressor.process import run_to_end

FOLDER = Path(__file__).resolve().with_suffix("")
_TIMEOUT_S = 4 * 3600.0
_CLEAN_ENDS = (0, 1)
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A recipe on a sample, and the bar: at most `error` percent at least `times` smaller, `raw` or packed."""

    sample: str
    error: float
    times: float
    raw: bool = False


CASES = {
    "lenet_300_100": Case("lenet_300_100", 1.64, 60),
    "lenet5": Case("lenet5", 0.80, 150),
    "lenet5_small": Case("lenet5", 1.0, 420),
    "lenet5_raw": Case("lenet5", 0.80, 60, raw=True),
}


def main(arguments: argparse.Namespace) -> int:
    """Make the missing runs and write the page; the exit code says whether every bar is met."""
    done = _read(arguments.cache)
    for name in arguments.cases or CASES:
        recipe = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
        lengths = range(len(recipe["steps"]) + 1)
        for length in lengths[-1:] if arguments.whole else lengths:
            part = recipe | {"steps": recipe["steps"][:length]}
            if done.get((name, length), {}).get("recipe") != part:
                done[name, length] = _kept(_run(name, length, part), arguments.cache)
    write_text(arguments.page, page(done))
    ends = {name: line for (name, _), line in sorted(done.items())}
    return 0 if all(_met(CASES[name], line) for name, line in ends.items()) else 1


def _run(name: str, length: int, recipe: dict[str, Any]) -> Line:
    print(time.strftime("%H:%M:%S"), name, *(next(iter(step)) for step in recipe["steps"]), file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(yaml.safe_dump(recipe))
        words = ["-m", "compressor", "run", CASES[name].sample, "--recipe", str(file), "--out", f"{folder}/run"]
        ended = run_to_end(name, [sys.executable, *words, "--json"], _TIMEOUT_S)
        if ended.returncode not in _CLEAN_ENDS:
            raise SystemExit(ended.stderr)
        report = json.loads(ended.stdout)
    row = next(each for each in report["rows"] if each["format"] == "tflite" and each["stage"] == "compressed")
    return {
        "case": name,
        "length": length,
        "recipe": recipe,
        "steps": [next(iter(step)) for step in recipe["steps"]],
        "error": 100 * (1 - row["metric"]["value"]),
        "original_error": 100 * (1 - report["model"]["metric"]["value"]),
        "original_bytes": 4 * report["model"]["parameters"],
        "bytes": {"raw": row["bytes"], "deflated": row["bytes_deflated"], "packed": row["bytes_packed"]},
        "seconds": sum(each.get("seconds", 0) for each in report["recipe"]["steps_done"]),
        "host": measurement.host(),
    }


def _met(case: Case, line: Line) -> bool:
    times = line["original_bytes"] / line["bytes"]["raw" if case.raw else "packed"]
    return bool(times >= case.times and line["error"] <= case.error + 1e-9)


def page(done: dict[tuple[str, int], Line]) -> str:
    """The page, in Markdown."""
    return "\n".join(_lines(done)) + "\n"


def _lines(done: dict[tuple[str, int], Line]) -> Iterator[str]:
    hosts = " and ".join(sorted({line["host"] for line in done.values()}))
    yield "# Deep Compression, run again\n"
    yield f"Made by `COMPRESSOR_DATA=… make deep-compression`; measured on {hosts}. Seed 0."
    yield (
        "Compression is the float32 bytes of the original's parameters over the bytes of the int8 `.tflite`, which "
        "runs as it is (raw), deflated, or packed by `compressor pack`. Errors are of that file on LiteRT, on all "
        "10 000 test images. The recipes are in `benchmarks/deep_compression`; each line adds one step."
    )
    for name, case in CASES.items():
        lines = [line for (known, _), line in sorted(done.items()) if known == name]
        if lines:
            yield from _case(name, case, lines)


def _case(name: str, case: Case, lines: list[Line]) -> Iterator[str]:
    first, last = lines[0], lines[-1]
    kind = "raw" if case.raw else "packed"
    yield f"\n## `{name}`\n"
    yield (
        f"Original: `{case.sample}`, {first['original_bytes']:,} bytes of parameters, error "
        f"{first['original_error']:.2f} %. Bar: {case.times:g} times {kind} at {case.error:.2f} % at most: "
        f"{'met' if _met(case, last) else 'not met'}.\n"
    )
    yield "| steps | error % | raw bytes | raw × | deflated × | packed bytes | packed × | training s |"
    yield "|---|---|---|---|---|---|---|---|"
    for before, line in zip([None, *lines], lines, strict=False):
        sizes = line["bytes"]
        times = {each: f"{line['original_bytes'] / size:.1f}" for each, size in sizes.items()}
        added = line["steps"][0 if before is None else before["length"] :]
        told = f"{'… ' if before and before['steps'] else ''}{', '.join(added)}" if line["steps"] else "int8 alone"
        yield (
            f"| {told} | {line['error']:.2f} | {sizes['raw']:,} | {times['raw']} | {times['deflated']} | "
            f"{sizes['packed']:,} | {times['packed']} | {line['seconds']:.0f} |"
        )


def _read(cache: Path) -> dict[tuple[str, int], Line]:
    lines = cache.read_text(encoding="utf-8").splitlines() if cache.exists() else []
    return {(line["case"], line["length"]): line for line in map(json.loads, lines)}


def _kept(line: Line, cache: Path) -> Line:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return line


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Deep Compression on LeNet-300-100 and LeNet-5.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all when none is named")
    parser.add_argument("--whole", action="store_true", help="leave out what each step contributes")
    parser.add_argument("--cache", type=Path, default=Path("runs/deep_compression.jsonl"), help="finished runs")
    parser.add_argument("--page", type=Path, default=Path("docs/deep_compression.md"), help="the page to write")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_arguments()))
