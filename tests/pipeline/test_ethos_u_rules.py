"""The rules for an Ethos-U and Vela itself: the same of single operators at their limits, and of real models."""

from __future__ import annotations

from pathlib import Path

import pytest
from at_hand import MODELS, needs_data, needs_tools
from ethos_u_cases import CASES
from tiny_tflite import File

from compressor import environment, names
from compressor.inspection import inspect
from compressor.placement import ethos_u
from compressor.target import Target
from compressor.tflite_view import read
from compressor.vela import compiler

vela = environment.program(compiler.PROGRAM)
pytestmark = needs_tools(vela is not None, "vela is not installed")
present = needs_data(MODELS)
UNITS = pytest.mark.parametrize(
    "target", names.load_targets(["ethos_u55-128", "ethos_u85-256"]), ids=lambda target: target.name
)


@UNITS
def test_vela_says_the_same_of_all_of_them_in_one_file(target: Target, tmp_path: Path) -> None:
    file = File()
    for case in CASES.values():
        case.build(file)
    (tmp_path / "m.tflite").write_bytes(file.content(every=True))
    assert vela is not None
    compiled = compiler.compile_file(vela, tmp_path / "m.tflite", target, 300)
    assert compiled.places is not None
    ours = ethos_u.place(read(tmp_path / "m.tflite"), target).decisions
    said = dict(zip(CASES, zip(compiled.places, (each.where for each in ours), strict=True), strict=True))
    assert {name: places for name, places in said.items() if len(set(places)) > 1} == {}


def models() -> list[Path]:
    """Whatever of TFLite lies beside the data, but for what is compiled and what is float."""
    float_files = ("pretrainedResnet.tflite",)
    found = sorted(MODELS.rglob("*.tflite")) if MODELS.is_dir() else []
    return [path for path in found if not path.stem.endswith("_edgetpu") and path.name not in float_files]


@present
@UNITS
@pytest.mark.parametrize("path", models(), ids=lambda path: path.stem)
def test_the_rules_say_what_vela_does_with_real_models(path: Path, target: Target) -> None:
    found = inspect(path, target, "required")
    assert found.compiler["agrees"], found.compiler["differences"]
    assert len(found.operators) == len(read(path).operators)
