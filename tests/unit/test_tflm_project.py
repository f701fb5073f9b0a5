"""The CMake project around a model: tolerances, room in flash, the driver of an Ethos-U, a build that links."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from at_hand import needs_tools
from test_bundle import COMPILER
from tflite_files import relu_chain

from compressor import names
from compressor.tflm import project, skeleton

(M4,) = names.load_targets(["cortex_m4"])
BUILDS = COMPILER is not None and shutil.which("cmake") is not None
SAMPLES = [np.zeros((10, 4), np.int8)]


def made(told: list[np.ndarray], asked: list[np.ndarray] = SAMPLES, npu: str = "") -> dict[str, str]:
    found = project.files(relu_chain(4, 4), M4, asked, told, 1, 1e-5, npu)
    return {name: content.decode() for name, content in found.items()}


@pytest.mark.parametrize(
    ("told", "allowed"),
    [
        ([np.array([[2e5], [-3e5]], np.float32)], 3.0),
        ([np.array([[0.5]], np.float32)], 1e-5),
        ([np.array([[100]], np.int8)], 1e-5),
        ([np.array([[100]], np.int8), np.array([[20.0]], np.float32)], 2e-4),
    ],
)
def test_floats_are_allowed_a_share_of_the_largest_answer(told: list[np.ndarray], allowed: float) -> None:
    found = re.search(r"kFloatTolerance = (\S+);", made(told)["self_test.h"])
    assert found is not None
    assert float(found[1]) == pytest.approx(allowed)


def test_samples_that_would_fill_the_flash_are_left_out_of_the_build() -> None:
    assert 'self_test.cc" ON)' in made([np.zeros((10, 4), np.int8)])["CMakeLists.txt"]
    large = [np.zeros((10, 100_000), np.int8)]
    assert 'self_test.cc" OFF)' in made([np.zeros((10, 4), np.int8)], large)["CMakeLists.txt"]


def test_the_driver_of_an_ethos_u_is_told_which_one_it_is() -> None:
    text = made([np.zeros((10, 4), np.int8)], npu="u85")["CMakeLists.txt"]
    assert "ETHOSU_ARCH=u85 ETHOSU85)" in text
    assert "third_party/cmsis/CMSIS/Core/Include" in text
    assert "ETHOS" not in made([np.zeros((10, 4), np.int8)])["CMakeLists.txt"]


@needs_tools(BUILDS, "no C++ compiler and CMake here")
def test_a_linker_script_beside_the_project_is_found(tmp_path: Path) -> None:
    """As the README says it: start-up code and linker script by their names alone."""
    (tmp_path / "CMakeLists.txt").write_text(skeleton.cmake_lists("-O1"))
    for name in ("main.cc", "model.cc", "self_test.cc"):
        (tmp_path / name).write_text("int unused_" + name.split(".")[0] + ";\n")
    (tmp_path / "startup.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "board.ld").write_text("/* adds nothing */\nINSERT AFTER .text;\n")
    (tmp_path / "tree" / "tensorflow" / "lite" / "micro").mkdir(parents=True)
    (tmp_path / "tree" / "tensorflow" / "a.cc").write_text("int a;\n")
    told = [f"-DTFLM_TREE={tmp_path / 'tree'}", "-DBOARD_SOURCES=startup.c", "-DBOARD_LINK_FLAGS=-Tboard.ld"]
    for words in (["cmake", "-B", "build", *told], ["cmake", "--build", "build"]):
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    assert subprocess.run([str(tmp_path / "build" / "model")], timeout=10).returncode == 0
