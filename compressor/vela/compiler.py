"""Vela, run on a file: what it put on the NPU, what it left to the CPU and why, and its estimate.

Where an operator went is read out of the file that Vela writes: what it left there runs on the CPU, by the name of the
tensor it writes. Vela's own count is of operators that it made of them (one SOFTMAX becomes 29), and its list of them,
`--show-cpu-operations`, ends version 5.2.0 with a KeyError on some files after it compiled them.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from compressor.errors import BadInput, StageFailed
from compressor.files import whole_file
from compressor.placing import Compiled, Where
from compressor.process import run_to_end
from compressor.target import Target
from compressor.tflite_view import View, read
from compressor.vela import log, summary

PROGRAM = "vela"
COMPILED = "ethos-u"
_VERSION = re.compile(r"^\d+(?:\.\w+)+$", re.MULTILINE)
_VERSION_TIMEOUT_S = 60.0


def compile_file(program: str, path: Path, target: Target, timeout: float, keep: Path | None = None) -> Compiled:
    """What Vela makes of a file for a target that states `accelerator_config`, `system_config` and `memory_mode`.

    Args:
        keep: where the compiled file goes; it is thrown away otherwise.

    Raises:
        BadInput: the file cannot be read.
        StageFailed: Vela refused it, took longer than `timeout` seconds, or left nothing that can be read.
    """
    version = _version(program)
    with tempfile.TemporaryDirectory(prefix="compressor-") as folder:
        done = run_to_end(f"compiling {path.name} with vela", [program, *_words(path, target, folder)], timeout)
        if done.returncode != 0:
            raise StageFailed(f"vela refused {path.name}: {log.last_words(done.stdout + done.stderr)}")
        made = Path(folder) / f"{path.stem}_vela.tflite"
        figures = Path(folder) / f"{path.stem}_summary_{target.facts['system_config'].value}.csv"
        if not made.is_file() or not figures.is_file():
            raise StageFailed(f"vela left no compiled file: {log.last_words(done.stdout + done.stderr)}")
        compiled = _told(read(path), _compiled_view(made), done.stdout, figures, version)
        if keep is not None:
            with whole_file(keep) as temporary:
                shutil.copyfile(made, temporary)
    return compiled


def _words(path: Path, target: Target, folder: str) -> list[str | Path]:
    facts = {name: str(target.facts[name].value) for name in ("accelerator_config", "system_config", "memory_mode")}
    words = [word for name, value in facts.items() for word in (f"--{name.replace('_', '-')}", value)]
    return [path.resolve(), *words, "--config", "Arm/vela.ini", "--output-dir", folder]


def _version(program: str) -> str:
    done = run_to_end("asking vela for its version", [program, "--version"], _VERSION_TIMEOUT_S)
    found = _VERSION.search(done.stdout)
    return found[0] if found else ""


def _compiled_view(made: Path) -> View:
    try:
        return read(made)
    except BadInput as error:
        raise StageFailed(f"vela left a file that cannot be read: {error}") from None


def _told(original: View, made: View, printed: str, figures: Path, version: str) -> Compiled:
    left = Counter((each.op, each.outputs[0].name) for each in made.operators if each.op != COMPILED and each.outputs)
    reasons = log.reasons(printed)
    places: list[Where] = []
    statuses = []
    for operator in original.operators:
        name = operator.outputs[0].name if operator.outputs else ""
        stays = left[operator.op, name] > 0
        left[operator.op, name] -= stays
        places.append("cpu" if stays else "accelerator")
        if stays:
            statuses.append(f"{operator.op} {name.split(';')[0]}: {reasons.get(name, 'stays on the CPU')}")
    counts = {
        where: Counter(each.op for each, place in zip(original.operators, places, strict=True) if place == where)
        for where in ("accelerator", "cpu")
    }
    return Compiled(
        version,
        counts["accelerator"],
        counts["cpu"],
        tuple(statuses),
        places=tuple(places),
        estimate=summary.estimate(figures.read_text(errors="replace"), version),
    )
