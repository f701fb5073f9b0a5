"""The aarch64 wheels of the measuring side: which, with which hashes, and how they are fetched.

`python -m compressor.emulator.wheels` prints the list anew, for the versions in `constraints.txt`.
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from compressor.emulator import LOCK
from compressor.environment import tested
from compressor.errors import CompressorError, MissingTool, StageFailed
from compressor.files import sha256
from compressor.process import run_to_end

# Those of Debian 12 and 13.
PYTHONS = ("3.11", "3.13")
# What `compressor measure` imports, pictures among its data.
NAMES = (
    *("ai-edge-litert", "annotated-types", "backports.strenum", "click", "flatbuffers", "markdown-it-py", "mdurl"),
    *("ncnn", "numpy", "onnxruntime", "packaging", "pillow", "protobuf", "pydantic", "pydantic_core", "Pygments"),
    *("PyYAML", "rich", "tqdm", "typing-inspection", "typing_extensions"),
)
_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
_TIMEOUT_S = 1800.0

# Of each distribution: its version, and the hashes of its wheels for every Python.
Lock = Mapping[str, tuple[str, frozenset[str]]]


def read_lock(path: Path = LOCK) -> Lock:
    """The wheels that are taken, by the normal name of their distribution."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return {
        _normal(name): (version, frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", rest)))
        for name, version, rest in re.findall(r"(?m)^([\w.-]+)==(\S+)(.*)$", text)
    }


def fetch(folder: Path, python: str) -> tuple[Path, ...]:
    """Wheels for a version of Python, downloaded into `folder` unless they lie there already, and checked.

    Raises:
        MissingTool: there is no pip here, or no wheel for this Python is in the list.
        StageFailed: a wheel cannot be had, or is not the one in the list.
    """
    if python not in PYTHONS:
        raise MissingTool(
            f"Debian's Python is {python} here, and the wheels of the emulator are for {' and '.join(PYTHONS)}",
            fix="set up the emulator on Debian 12 or 13",
        )
    folder.mkdir(parents=True, exist_ok=True)
    _download(folder, python, ("--require-hashes", "-r", str(LOCK)))
    return checked(folder, read_lock())


def checked(folder: Path, lock: Lock) -> tuple[Path, ...]:
    """The wheels in a folder: exactly those of the list.

    Raises:
        StageFailed: one is missing, is not in the list, or has another hash; a spoiled one is removed.
    """
    found = {_distribution(path): path for path in sorted(folder.glob("*.whl"))}
    if found.keys() != lock.keys():
        odd = ", ".join(sorted(found.keys() ^ lock.keys()))
        raise StageFailed("the wheels of the emulator are not those in its list", received=f"missing or odd: {odd}")
    for name, path in found.items():
        version, hashes = lock[name]
        have = sha256(path)
        if have not in hashes:
            path.unlink()
            raise StageFailed(
                f"{path.name} is not the wheel that was tested, and was removed",
                expected=f"{name} {version}, SHA-256 {' or '.join(sorted(hashes))}",
                received=have,
                fix="run compressor emulator install again; if it stays so, the package index is not to be trusted",
            )
    return tuple(found.values())


def unpack(wheels: tuple[Path, ...], site: Path) -> None:
    """Lay out the wheels in one folder.

    Raises:
        StageFailed: one is no archive.
    """
    for path in wheels:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(site)
        except (OSError, zipfile.BadZipFile) as error:
            raise StageFailed(f"{path.name} cannot be unpacked: {error}") from None


def _download(folder: Path, python: str, wanted: tuple[str, ...]) -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--only-binary=:all:", "--no-deps", "--implementation", "cp", "--python-version", python),
        *(f"--platform={platform}_aarch64" for platform in _PLATFORMS),
        *("--dest", str(folder), *wanted),
    ]
    done = run_to_end("downloading wheels", command, _TIMEOUT_S)
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise MissingTool("pip, which fetches the wheels, is not installed here", fix="python -m ensurepip")
    told = " ".join(line for line in done.stderr.split("\n") if line and not line.startswith("WARNING"))
    raise StageFailed(
        f"downloading wheels failed: {' '.join(told.split())[-600:]}", fix="see that pip reaches a package index"
    )


def _lines() -> Iterator[str]:
    """The list, made anew from the versions that this package is tested with."""
    pins = {_normal(name): version for name, version in tested().items()}
    wanted = tuple(f"{name}=={pins[_normal(name)]}" for name in NAMES)
    hashes: dict[str, set[str]] = {_normal(name): set() for name in NAMES}
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as folder:
            _download(Path(folder), python, wanted)
            for path in Path(folder).glob("*.whl"):
                hashes[_distribution(path)].add(sha256(path))
    yield "# aarch64 wheels of the emulator, for Python " + " and ".join(PYTHONS) + "; made by `make emulator-lock`."
    for name in sorted(hashes):
        yield " \\\n    ".join([f"{name}=={pins[name]}", *(f"--hash=sha256:{each}" for each in sorted(hashes[name]))])


def _distribution(wheel: Path) -> str:
    return _normal(wheel.name.split("-")[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    try:
        sys.stdout.write("\n".join(_lines()) + "\n")
    except CompressorError as failure:
        sys.exit(f"error: {failure}")
