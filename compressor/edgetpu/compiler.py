"""Google's compiler: run in a child process, and its log read.

The form of the log is that of version 16.0, as `edgetpu_compiler -s` prints it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from compressor.errors import StageFailed
from compressor.files import whole_file
from compressor.placing import Compiled
from compressor.process import run_to_end
from compressor.target import Target

PROGRAM = "edgetpu_compiler"
_MAPPED = "Mapped to Edge TPU"
_VERSION = re.compile(r"Edge TPU Compiler version (\S+)")
_STATUS = re.compile(r"^(\S+)\s+(\d+)\s+(\S.*?)\s*$", re.MULTILINE)
_HEADER = re.compile(r"^Operator\s+Count\s+Status\s*$", re.MULTILINE)
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_MEMORY = {
    "on_chip_bytes": "On-chip memory used for caching model parameters",
    "on_chip_left_bytes": "On-chip memory remaining for caching model parameters",
    "off_chip_bytes": "Off-chip memory used for streaming uncached model parameters",
}


def compile_file(program: str, path: Path, target: Target, timeout: float, keep: Path | None = None) -> Compiled:
    """What the compiler says of a file. It makes one file for every board, so that nothing hangs on `target`.

    Args:
        keep: where the compiled file goes; it is thrown away otherwise.

    Raises:
        StageFailed: it refused the file, took longer than `timeout` seconds, or printed no list of operators.
    """
    with tempfile.TemporaryDirectory(prefix="compressor-") as folder:
        done = run_to_end(f"compiling {path.name}", [program, "-s", "-o", folder, path.resolve()], timeout)
        if done.returncode != 0:
            raise StageFailed(f"{PROGRAM} refused {path.name}", received=_told(done.stdout + done.stderr))
        made = Path(folder) / f"{path.stem}_edgetpu.tflite"
        if keep is not None and made.is_file():
            with whole_file(keep) as temporary:
                shutil.copyfile(made, temporary)
    return parsed(done.stdout)


def parsed(log: str) -> Compiled:
    """What a log says.

    Raises:
        StageFailed: it has no list of operators.
    """
    header = _HEADER.search(log)
    if header is None:
        raise StageFailed(f"{PROGRAM} printed no list of operators", received=_told(log))
    accelerated: Counter[str] = Counter()
    left: Counter[str] = Counter()
    statuses = []
    for op, count, status in _STATUS.findall(log, header.end()):
        (accelerated if status == _MAPPED else left)[op] += int(count)
        statuses.append(f"{op} {count}: {status}")
    version = _VERSION.search(log)
    return Compiled(version[1] if version else "", accelerated, left, tuple(statuses), _memory(log))


def _memory(log: str) -> dict[str, int]:
    found = {name: re.search(rf"{told}:\s*([\d.]+)\s*(B|KiB|MiB|GiB)\b", log) for name, told in _MEMORY.items()}
    return {name: round(float(match[1]) * _UNITS[match[2]]) for name, match in found.items() if match}


def _told(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return "; ".join(lines[-4:])[:400] or "nothing"
