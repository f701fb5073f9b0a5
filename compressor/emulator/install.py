"""Setting up the emulator: whole or not at all, and never twice.

What was downloaded stays beside it after a failure, so that the next attempt goes on; who stops it leaves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compressor import cache
from compressor.emulator import MANIFEST, Emulator, debian, find, lock_sha256, place, qemu, running, wheels
from compressor.emulator.cpus import CPUS
from compressor.errors import StageFailed
from compressor.files import sha256
from compressor.process import run_to_end
from compressor.progress import Listener, Progress, silent

_STAGE = "setting up the ARM emulator"
_STEPS = 5
_IMPORTS = "import ai_edge_litert.interpreter, onnxruntime, ncnn, pydantic, yaml, rich, click"
_CHECK_S = 300.0


def install(listener: Listener = silent) -> Emulator:
    """Set up the emulator in the cache folder; at once where it is there already.

    Raises:
        MissingTool: QEMU, apt, dpkg or pip is not here, this is no Debian, or apt reaches no archive.
        BadInput: the cache folder cannot be written.
        StageFailed: something cannot be downloaded, is not what was expected, or does not run.
    """
    qemu()
    debian.require_tools()
    cache.check_writable(place().parent, "the emulator")
    with _alone():
        found = find()
        if found is not None and found.current:
            return found
        return _made(listener)


def remove() -> int:
    """Remove the emulator and what was downloaded for it; the bytes that this frees."""
    freed = 0
    with _alone():
        for folder in (place(), _downloads()):
            if folder.is_dir():
                freed += size(folder)
                shutil.rmtree(folder)
    return freed


def size(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _made(listener: Listener) -> Emulator:
    downloads = _downloads()
    temporary = Path(tempfile.mkdtemp(prefix=".emulator-", dir=place().parent))
    try:
        listener(Progress(_STAGE, 0, _STEPS, "Debian packages"))
        packages = debian.fetch(downloads)
        listener(Progress(_STAGE, 1, _STEPS, "unpacking them"))
        python = debian.unpack(packages, temporary / "sysroot")
        listener(Progress(_STAGE, 2, _STEPS, "wheels"))
        found = wheels.fetch(downloads / f"wheels-{python}", python)
        listener(Progress(_STAGE, 3, _STEPS, "unpacking them"))
        wheels.unpack(found, temporary / "site")
        _lay_out_cpus(temporary)
        made = Emulator(temporary, _manifest(python, packages, found))
        (temporary / MANIFEST).write_text(json.dumps(made.manifest, indent=2) + "\n", encoding="utf-8")
        listener(Progress(_STAGE, 4, _STEPS, "trying it"))
        _try(made)
        _put_in_place(temporary)
    except (KeyboardInterrupt, SystemExit):
        # Whoever stops it is told that nothing was left behind.
        shutil.rmtree(downloads, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(downloads, ignore_errors=True)
    return Emulator(place(), made.manifest)


def _lay_out_cpus(folder: Path) -> None:
    """One root per core: the system, and what its `/proc/cpuinfo` would say.

    QEMU opens a file below the root it was given before one of this machine. A library that reads this machine's own
    `/proc/cpuinfo` for an ARM core's ends by a signal.
    """
    for name, cpu in CPUS.items():
        root = folder / "cpus" / name
        (root / "proc").mkdir(parents=True)
        (root / "proc" / "cpuinfo").write_text(cpu.cpuinfo(os.cpu_count() or 1), encoding="utf-8")
        for part in (folder / "sysroot").iterdir():
            (root / part.name).symlink_to(Path("..", "..", "sysroot", part.name))


def _manifest(python: str, packages: tuple[Path, ...], found: tuple[Path, ...]) -> dict[str, Any]:
    return {
        "python": python,
        "debian": debian.release(),
        "lock_sha256": lock_sha256(),
        "packages_checked_by": "apt, against the lists that Debian's archives sign",
        "packages": {path.name: sha256(path) for path in packages},
        "wheels_checked_by": "the hashes in compressor/emulator/wheels.lock",
        "wheels": {path.name: sha256(path) for path in found},
    }


def _try(made: Emulator) -> None:
    command = running.command(made, "cortex-a72", ["-B", "-c", _IMPORTS])
    done = run_to_end("starting the ARM emulator", command, _CHECK_S)
    if done.returncode != 0:
        raise StageFailed(f"the ARM emulator does not run: {' '.join(done.stderr.split())[-600:]}")


def _put_in_place(temporary: Path) -> None:
    temporary.chmod(0o755)
    old = Path(tempfile.mkdtemp(prefix=".emulator-", dir=place().parent))
    try:
        if place().is_dir():
            place().rename(old / "before")
        temporary.rename(place())
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _downloads() -> Path:
    return cache.folder("emulator-downloads")


@contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time: another waits here, and then finds what the first one made."""
    place().parent.mkdir(parents=True, exist_ok=True)
    with (place().parent / "emulator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
