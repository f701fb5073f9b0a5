"""GPUs: what TensorFlow was built for, what it finds here, and what to do when the two do not meet."""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from compressor.environment import installed
from compressor.errors import CompressorError
from compressor.process import run_to_end

_SMI_TIMEOUT_S = 20.0
_FIELDS = ("name", "memory.total", "compute_cap", "driver_version")
# What TensorFlow loads, by the names of the packages that bring it, and of the libraries where the system has them.
_LIBRARIES = {"CUDA runtime": ("nvidia-cuda-runtime-cu12", "cudart"), "cuDNN": ("nvidia-cudnn-cu12", "cudnn")}


def of_tensorflow() -> dict[str, Any]:
    """What TensorFlow was built with, and the GPUs that it can use; imports TensorFlow, so it runs in a worker."""
    import tensorflow as tf

    built = tf.sysconfig.get_build_info()
    return {
        "version": tf.__version__,
        "cuda_build": bool(built.get("is_cuda_build")),
        "cuda_wanted": built.get("cuda_version"),
        "cudnn_wanted": built.get("cudnn_version"),
        "compute_capabilities": [str(each) for each in built.get("cuda_compute_capabilities", [])],
        "devices": [_device(gpu) for gpu in tf.config.list_physical_devices("GPU")],
    }


def _device(gpu: Any) -> dict[str, str]:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    capability = ".".join(str(part) for part in details.get("compute_capability", ()))
    return {"device": gpu.name, "name": details.get("device_name", "unknown"), "compute_capability": capability}


def of_driver() -> list[dict[str, str]]:
    """The GPUs that NVIDIA's driver knows: name, memory in MiB, compute capability, driver version."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    with contextlib.suppress(CompressorError, OSError):
        done = run_to_end("asking the driver for GPUs", query, _SMI_TIMEOUT_S, os.environ)
        if done.returncode == 0:
            rows = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
            names = ("name", "memory_mib", "compute_capability", "driver")
            return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]
    return []


def libraries() -> dict[str, str | None]:
    """Versions, or places, of the libraries that TensorFlow needs for a GPU; None where they are missing."""
    return {
        name: installed(package) or ctypes.util.find_library(library) for name, (package, library) in _LIBRARIES.items()
    }


def advice(
    tensorflow: Mapping[str, Any] | None, driver: Sequence[Mapping[str, str]], found: Mapping[str, str | None]
) -> str:
    """What to do so that training can use a GPU; empty when it can."""
    install = "pip install -c compressor/constraints.txt '.[gpu]'"
    if tensorflow is None:
        return f"TensorFlow is not installed; measuring works without it, training with a GPU takes {install}"
    if tensorflow["devices"]:
        return ""
    if not driver:
        return (
            "training runs on the CPU: no NVIDIA driver answers here (nvidia-smi); "
            f"with an NVIDIA GPU, install its driver, then {install}"
        )
    if not tensorflow["cuda_build"]:
        return (
            "training runs on the CPU: this TensorFlow was built without CUDA, as the package tensorflow-cpu and those "
            f"for Windows and macOS are; on Linux: pip uninstall -y tensorflow-cpu tensorflow, then {install}"
        )
    wanted = {"CUDA runtime": tensorflow["cuda_wanted"], "cuDNN": tensorflow["cudnn_wanted"]}
    missing = [name for name, version in found.items() if not _of_the_wanted_major(version, wanted.get(name))]
    if missing:
        told = f"CUDA {tensorflow['cuda_wanted']} and cuDNN {tensorflow['cudnn_wanted']}"
        return f"training runs on the CPU: no fitting {' and '.join(missing)} found, TensorFlow wants {told}: {install}"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "training runs on the CPU: CUDA_VISIBLE_DEVICES hides every GPU; unset it"
    return (
        "training runs on the CPU: the driver knows a GPU, but TensorFlow cannot use it; "
        "TF_CPP_MIN_LOG_LEVEL=0 compressor doctor --debug tells what it misses"
    )


def _of_the_wanted_major(found: str | None, wanted: str | None) -> bool:
    """Whether a version like "12.5.82" or a library like "libcudart.so.12" is of the major version wanted."""
    if found is None or wanted is None:
        return found is not None
    version = found.rpartition(".so.")[2]
    return version.partition(".")[0] == wanted.partition(".")[0]
