"""ARM programs on this machine: Debian's aarch64 Python and the aarch64 wheels of the measuring side, run by QEMU.

`install.py` sets it up in the cache folder, `running.py` runs `compressor measure` in it. What is learnt of it is what
a Cortex-A answers, never how fast: emulated time is no latency.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor import cache
from compressor.errors import MissingTool
from compressor.process import run_to_end

# Of Debian's qemu-user-static and qemu-user.
QEMU_NAMES = ("qemu-aarch64-static", "qemu-aarch64")
LOCK = Path(__file__).resolve().parent / "wheels.lock"
MANIFEST = "manifest.json"
_INSTALL = "compressor emulator install"


@dataclass(frozen=True, slots=True)
class Emulator:
    """What was set up.

    Attributes:
        folder: holds `sysroot`, `site`, `cpus` and `manifest.json`.
        manifest: what is in it, with hashes.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def current(self) -> bool:
        """Its wheels are those that this version of the package names."""
        return self.manifest.get("lock_sha256") == lock_sha256()

    @property
    def python(self) -> str:
        """Version of its Python, such as 3.11."""
        return str(self.manifest["python"])


def place() -> Path:
    """Where the emulator is, or would be."""
    return cache.folder("emulator")


def lock_sha256() -> str:
    """SHA-256 of the list of wheels."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def find() -> Emulator | None:
    """The emulator that was set up, or None."""
    try:
        manifest = json.loads((place() / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Emulator(place(), manifest) if isinstance(manifest, dict) and "python" in manifest else None


def require() -> Emulator:
    """The emulator that was set up.

    Raises:
        MissingTool: there is none, it is of another version of this package, or QEMU is not on the PATH.
    """
    qemu()
    found = find()
    if found is None:
        raise MissingTool(f"the ARM emulator is not set up in {place()}", fix=_INSTALL)
    if not found.current:
        raise MissingTool("the ARM emulator was set up with other versions of its packages", fix=_INSTALL)
    return found


def qemu() -> str:
    """The path of QEMU.

    Raises:
        MissingTool: it is not on the PATH.
    """
    found = next(filter(None, map(shutil.which, QEMU_NAMES)), None)
    if found is None:
        raise MissingTool(
            f"{QEMU_NAMES[0]}, which runs ARM programs, is not on the PATH", fix="apt-get install qemu-user-static"
        )
    return found


def qemu_version() -> str:
    """Such as 7.2.22.

    Raises:
        MissingTool: QEMU is not on the PATH.
        StageFailed: it does not say.
    """
    told = run_to_end("asking QEMU for its version", [qemu(), "--version"], 30.0).stdout.split()
    return told[told.index("version") + 1] if "version" in told[:-1] else "of unknown version"
