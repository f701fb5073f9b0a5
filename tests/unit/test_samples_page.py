"""The page of `make samples`: every cell a number or a reason, and what to take where int8 breaks its bar."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def samples_page(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("samples_page", root / "benchmarks" / "samples_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(stage: str, drop: float | None = 0.0, **changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"stage": stage, "format": "tflite", "runtime": "litert", "network": None, "bytes": 400}
    made |= {"metric": {"name": "perplexity", "value": 6.0}, "drop": drop, "drop_unit": "percent", "notes": []}
    return made | {"latency_ms": {"p50": 0.5}, "failed_stage": None, "reason": None} | changed


def run(*rows: dict[str, Any]) -> dict[str, Any]:
    keras = {"": {"name": "perplexity", "value": 5.8}}
    return {"host": "a host", "rows": [row("float32"), *rows], "keras": keras, "data": "a text", "evaluation": 320}


def lines_of(samples_page: ModuleType, **runs: dict[str, Any]) -> list[str]:
    page = samples_page.page({("char_lstm", recipe): told for recipe, told in runs.items()}, list(runs))
    return page.splitlines()


def test_a_measured_cell_has_its_numbers_and_ratios(samples_page: ModuleType) -> None:
    small = row("compressed", 0.18, bytes=100, latency_ms={"p50": 0.25})
    lines = lines_of(samples_page, int8=run(small))
    assert "Keras: perplexity 5.8, on 320 samples. Data: a text." in lines
    assert "| int8 | LiteRT | perplexity 6 | +0.18 % | 100 (0.250) | 0.25 (0.50) |" in lines
    assert not any("Recipes that hold there" in line for line in lines)


def test_a_cell_without_numbers_has_its_reason(samples_page: ModuleType) -> None:
    impossible = row("compressed", None, failed_stage="write", reason="it was\n refused | so", bytes=None)
    lines = lines_of(
        samples_page,
        int8=run(impossible | {"possible_precisions": ["float16"]}),
        qat_int8={"host": "a host", "refused": "quantize_aware cannot work on layer 'lstm'"},
    )
    assert "| int8 | LiteRT | it was refused \\| so Possible: float16. | | | |" in lines
    assert "| qat_int8 | both | quantize_aware cannot work on layer 'lstm' | | | |" in lines
    assert "`int8` on LiteRT breaks the bar. Recipes that hold there: none of these." in lines


@pytest.mark.parametrize(
    ("drop", "unit", "breaks"),
    [
        (2.0, "percent", False),
        (2.01, "percent", True),
        (1.0, "points", False),
        (1.1, "points", True),
        (9.0, "dB", False),
    ],
)
def test_where_int8_breaks_its_bar_the_page_names_what_holds(
    samples_page: ModuleType, drop: float, unit: str, breaks: bool
) -> None:
    worse = row("compressed", drop, drop_unit=unit, notes=["outputs are coarse"])
    lines = lines_of(samples_page, int8=run(worse), float16=run(row("compressed", 0.0)))
    told = "`int8` on LiteRT breaks the bar. outputs are coarse. Recipes that hold there: `float16`."
    assert (told in lines) is breaks


def test_networks_of_one_sample_are_told_apart(samples_page: ModuleType) -> None:
    picture = row("compressed", 0.7, network="generator", drop_unit="points", psnr_db=38.5)
    lines = lines_of(samples_page, int8=run(picture) | {"keras": {"generator": None}})
    assert "Keras: generator no labels, on 320 samples. Data: a text." in lines
    assert any(line.startswith("| int8 | generator LiteRT | perplexity 6, PSNR 38.5 dB | +0.70 |") for line in lines)
