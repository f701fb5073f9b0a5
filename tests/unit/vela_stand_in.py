"""A program in Vela's place, and the files that it leaves."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_tflite import File

from compressor.vela import compiler

# The columns that are read, of the 28x28x1 CNN on an Ethos-U55-128.
COLUMNS = (
    "core_clock,inferences_per_second,inference_time,sram_memory_used,dram_memory_used,on_chip_flash_memory_used,"
    "off_chip_flash_memory_used,cycles_total"
)
SUMMARY = f"{COLUMNS}\n500000000.0,6424.423086806804,0.000155656,15.671875,0.0,0.0,52.71875,77828\n"
NOTHING = f"{COLUMNS}\n500000000.0,nan,0.0,0.0,0.0,0.0,0.0,0\n"


def two_operators() -> bytes:
    """One for the NPU, one that stays on the CPU."""
    file = File()
    made, answer = file.tensor((1, 4), name="model/a/Sigmoid"), file.tensor((1, 4), name="model/b/Sqrt")
    file.add("LOGISTIC", [file.input((1, 4))], [made])
    file.add("SQRT", [made], [answer])
    return file.content()


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program of the compiler's name first on PATH; `$out` is its folder, `$@` its words."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(script: str) -> Path:
        program = folder / compiler.PROGRAM
        head = '[ "$1" = --version ] && { echo 9.8.7; exit 0; }\nfor out in "$@"; do :; done\n'
        program.write_text(f"#!/bin/sh\n{head}{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    return write


def leaving(folder: Path, compiled: bytes, figures: str = SUMMARY) -> str:
    """A program that leaves these files."""
    (folder / "compiled").write_bytes(compiled)
    (folder / "figures").write_text(figures)
    return (
        f'echo "$@" > {folder}/words\ncp {folder}/compiled "$out/m_vela.tflite"\n'
        f'cp {folder}/figures "$out/m_summary_Ethos_U55_High_End_Embedded.csv"'
    )


def one_left() -> bytes:
    file = File()
    made, answer = file.tensor((1, 4), name="model/a/Sigmoid"), file.tensor((1, 4), name="model/b/Sqrt")
    file.add("ethos-u", [file.input((1, 4))], [made])
    file.add("SQRT", [made], [answer])
    return file.content()


@pytest.fixture
def absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on PATH nor beside Python."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
