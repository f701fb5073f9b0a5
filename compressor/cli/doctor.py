"""`compressor doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from compressor.options import debug_option, json_option, print_json

_GPU_TIMEOUT_S = 180.0


@click.command(name="doctor")
@json_option
@debug_option
def COMMAND(as_json: bool, debug: bool) -> int:
    """Show versions, GPUs and vendor tools, and how to get what is missing; exit code 3 when runs cannot work.

    \b
    Example:
      compressor doctor
    """
    found = _examine()
    if as_json:
        print_json(found)
        return int(found["exit_code"])
    for line in _lines(found):
        click.echo(f"  {line}")
    return int(found["exit_code"])


def _lines(found: dict[str, Any]) -> Iterator[str]:
    colours = {"ok": "green", "differs": "yellow", "missing": "red"}
    for package in found["packages"]:
        state = click.style(package["state"], fg=colours[package["state"]])
        yield f"{package['name']:<32}{package['installed'] or '-':<14}{state}{package['advice']}"
    yield from _gpu_lines(found)
    for tool in found["tools"]:
        yield f"{tool['name']:<32}{tool['path'] or 'not on the PATH: ' + tool['what']}"
    for runtime in found["runtimes"]:
        ready = "ready" if runtime["ready"] else f"not installed: pip install {runtime['pip_name']}"
        yield f"runtime {runtime['name']:<24}{ready}"


def _gpu_lines(found: dict[str, Any]) -> Iterator[str]:
    built = found["tensorflow"]
    if built is not None:
        kind = f"CUDA {built['cuda_wanted']}, cuDNN {built['cudnn_wanted']}" if built["cuda_build"] else "no CUDA"
        capabilities = f" for {', '.join(built['compute_capabilities'])}" if built["compute_capabilities"] else ""
        yield f"TensorFlow {built['version']} was built with {kind}{capabilities}"
        for name, version in found["gpu_libraries"].items():
            yield f"{name:<32}{version or 'not found'}"
        for gpu in built["devices"]:
            yield f"GPU {gpu['device']}: {gpu['name']}, compute capability {gpu['compute_capability']}"
    for gpu in found["driver_gpus"]:
        yield (
            f"driver {gpu['driver']}: {gpu['name']}, {gpu['memory_mib']} MiB, "
            f"compute capability {gpu['compute_capability']}"
        )
    if found["gpu_advice"]:
        yield found["gpu_advice"]


def _examine() -> dict[str, Any]:
    from compressor import environment, gpus, runtimes

    packages = [_package(name, version) for name, version in environment.tested().items() if name in _DECIDING]
    tensorflow, failure = _tensorflow()
    driver, found = gpus.of_driver(), gpus.libraries()
    loaded = {name: runtimes.load(name) for name in runtimes.names()}
    ready = all(package["state"] != "missing" for package in packages)
    return {
        "packages": packages,
        "tensorflow": tensorflow,
        "driver_gpus": driver,
        "gpu_libraries": found,
        "gpu_advice": failure or gpus.advice(tensorflow, driver, found),
        "tools": [
            {"name": name, "path": path, "what": environment.TOOLS[name]} for name, path in environment.tools().items()
        ],
        "runtimes": [
            {"name": name, "ready": runtime.installed, "pip_name": runtime.pip_name} for name, runtime in loaded.items()
        ],
        "exit_code": 0 if ready else 3,
    }


_DECIDING = {
    "ai-edge-litert",
    "h5py",
    "numpy",
    "onnx",
    "onnxruntime",
    "protobuf",
    "scikit-learn",
    "tensorflow",
    "tensorflow-model-optimization",
    "tf2onnx",
    "tf_keras",
}


def _package(name: str, tested: str) -> dict[str, Any]:
    from compressor import environment

    found = environment.installed(name)
    if found is None:
        return {
            "name": name,
            "tested": tested,
            "installed": None,
            "state": "missing",
            "advice": f": pip install '{name}=={tested}'",
        }
    state = "ok" if found == tested else "differs"
    advice = "" if state == "ok" else f": tested with {tested}"
    return {"name": name, "tested": tested, "installed": found, "state": state, "advice": advice}


def _tensorflow() -> tuple[dict[str, Any] | None, str]:
    """What TensorFlow says of itself and its GPUs, asked in a child process; or why it says nothing."""
    from compressor import environment
    from compressor.errors import CompressorError
    from compressor.process import Worker

    if environment.installed("tensorflow") is None:
        return None, ""
    with tempfile.TemporaryDirectory() as folder, Worker(Path(folder) / "log.txt") as worker:
        try:
            told: dict[str, Any] = worker.call(
                "asking TensorFlow for GPUs", "compressor.gpus:of_tensorflow", {}, _GPU_TIMEOUT_S
            )
        except CompressorError as error:
            return None, " ".join(str(error).split())
    return told, ""
