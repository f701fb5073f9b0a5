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
    for gpu in found["gpus"]:
        yield f"GPU {gpu['device']}: {gpu['name']}, compute capability {gpu['compute_capability']}"
    if not found["gpus"]:
        yield f"no GPU: {found['gpu_advice']}"
    for tool in found["tools"]:
        yield f"{tool['name']:<32}{tool['path'] or 'not on the PATH: ' + tool['what']}"
    for runtime in found["runtimes"]:
        ready = "ready" if runtime["ready"] else f"not installed: pip install {runtime['pip_name']}"
        yield f"runtime {runtime['name']:<24}{ready}"


def _examine() -> dict[str, Any]:
    from compressor import environment, runtimes

    packages = [_package(name, version) for name, version in environment.tested().items() if name in _DECIDING]
    gpus, advice = _gpus()
    loaded = {name: runtimes.load(name) for name in runtimes.names()}
    ready = all(package["state"] != "missing" for package in packages)
    return {
        "packages": packages,
        "gpus": gpus,
        "gpu_advice": advice,
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


def _gpus() -> tuple[list[dict[str, str]], str]:
    """GPUs as TensorFlow sees them, asked in a child process, and what to do when there are none."""
    from compressor import environment
    from compressor.errors import CompressorError
    from compressor.process import Worker

    if environment.installed("tensorflow") is None:
        return [], "TensorFlow is not installed; measuring works without it"
    with tempfile.TemporaryDirectory() as folder, Worker(Path(folder) / "log.txt") as worker:
        try:
            gpus: list[dict[str, str]] = worker.call(
                "asking TensorFlow for GPUs", "compressor.environment:gpus", {}, _GPU_TIMEOUT_S
            )
        except CompressorError as error:
            return [], " ".join(str(error).split())
    return gpus, "training runs on the CPU; with an NVIDIA GPU: pip install '.[gpu]'"
