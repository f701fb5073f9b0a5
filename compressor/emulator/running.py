"""`compressor measure` on an emulated ARM core: this very package, in Debian's aarch64 Python."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import compressor
from compressor.emulator import Emulator, qemu, qemu_version, require
from compressor.emulator.cpus import CPUS
from compressor.errors import unknown
from compressor.measuring_process import Asked, answer, taken_along
from compressor.process import child_environment, run_to_end

_PACKAGES = ("compressor", "recipes", "sample_models", "targets")
# A child that reads files of its own is not to be sent this machine's libraries.
_NOT_PASSED_ON = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def command(emulator: Emulator, cpu: str, words: Sequence[str | Path]) -> list[str]:
    """The command line that runs the emulated Python with these words.

    Raises:
        BadInput: no core of that name.
        MissingTool: QEMU is not on the PATH.
    """
    if cpu not in CPUS:
        raise unknown("emulated core", cpu, CPUS)
    root = emulator.folder / "cpus" / cpu
    inside = {
        "PYTHONHOME": root / "usr",
        "PYTHONPATH": f"{_own_packages(emulator)}{os.pathsep}{emulator.folder / 'site'}",
        # Debian's folders are not written to; what was compiled once need not be again.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": emulator.folder / "compiled",
        "LD_LIBRARY_PATH": f"{root}/lib/aarch64-linux-gnu:{root}/usr/lib/aarch64-linux-gnu",
        "OMP_NUM_THREADS": "1",
        "LC_ALL": "C.UTF-8",
    }
    return [
        *(qemu(), "-cpu", cpu, "-L", str(root)),
        *(word for name, value in inside.items() for word in ("-E", f"{name}={value}")),
        *(str(root / "usr" / "bin" / f"python{emulator.python}"), *map(str, words)),
    ]


def measure(asked: Asked, cpu: str) -> dict[str, Any]:
    """What `compressor measure --json` answers on an emulated core; without latency and memory, which would be QEMU's.

    Raises:
        MissingTool: the emulator is not set up.
        BadInput, StageFailed: as the measuring process says.
    """
    emulator = require()
    taken_along(asked)
    where = f"emulated {cpu}"
    stage = f"measuring {asked.artifact.name} on an {where}"
    words = ("-P", "-m", "compressor", "measure", *asked.words(timed=False))
    environment = {name: value for name, value in child_environment().items() if name not in _NOT_PASSED_ON}
    done = run_to_end(stage, command(emulator, cpu, words), asked.timeout, environment)
    found = answer(stage, done)
    return found | {
        "host": f"emulated on {cpu} by QEMU {qemu_version()}",
        "provenance": "emulated",
        "latency_ms": None,
        "peak_rss_bytes": None,
        "memory": None,
    }


def _own_packages(emulator: Emulator) -> Path:
    """A folder with this package alone: beside it, this machine's packages may lie, for this machine's processor."""
    root = Path(compressor.__file__).resolve().parent.parent
    folder = emulator.folder / "packages" / hashlib.sha256(str(root).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PACKAGES:
        with suppress(FileExistsError):
            (folder / name).symlink_to(root / name)
    return folder
