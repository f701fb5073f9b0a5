"""What this machine has: versions of the packages that matter, and vendor tools on the PATH."""

from __future__ import annotations

import shutil
import sys
from importlib import metadata
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent / "constraints.txt"
TOOLS = {
    "vela": "compiles int8 TFLite for the Ethos-U; pip install 'compressor[ethos-u]'",
    "edgetpu_compiler": "compiles int8 TFLite for the Edge TPU; Debian packages from Coral's own archive, x86-64 only",
    "qemu-aarch64-static": "runs ARM programs, for --emulate; apt-get install qemu-user-static",
    "trtexec": "builds TensorRT engines; comes with TensorRT on the Jetson or GPU server itself",
}
_REPORTED = (
    "compressor",
    "numpy",
    "tensorflow",
    "tf_keras",
    "tensorflow-model-optimization",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "ncnn",
    "pnnx",
    "ethos-u-vela",
)


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide the bytes and the numbers of a run."""
    return {name: found for name in _REPORTED if (found := installed(name)) is not None}


def installed(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def tested() -> dict[str, str]:
    """The versions this package is tested with, from its constraints file."""
    pins = (
        line.split("==") for line in CONSTRAINTS.read_text().splitlines() if "==" in line and not line.startswith("#")
    )
    return {name.strip(): version.strip() for name, version in pins}


def tools() -> dict[str, str | None]:
    """Vendor tools and where they are, None when they are not here."""
    return {name: program(name) for name in TOOLS}


def program(name: str) -> str | None:
    """Where a program is: on the PATH, or beside this Python, whose folder is not always on it; None for nowhere."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
