"""A `.tflite` file for an Ethos-U, how Vela compiles it, and a CMake project around what Vela made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.target import Target
from compressor.tflm import project
from compressor.values import Artifact

_FILE, _COMPILED = "model.tflite", "model_vela.tflite"
# Arm says that the unit answers as the reference kernels do; not confirmed on a device.
_TOLERANCE = Tolerance(1, 2e-2)
_COMPILE = """\
#!/bin/sh
# Writes @COMPILED@ for @CONFIG@: python3 -m pip install ethos-u-vela
set -eu
cd "$(dirname "$0")"
vela @FILE@ --accelerator-config @CONFIG@ --config Arm/vela.ini --system-config @SYSTEM@ \\
     --memory-mode @MEMORY@ --output-dir .
"""


def _files(contents: Contents) -> Mapping[str, bytes]:
    always = {
        _FILE: contents.artifact.path.read_bytes(),
        "compile.sh": _compile(contents.target).encode(),
        **runner("run_litert.py"),
    }
    if contents.compiled is None:
        return always
    compiled, tolerance = contents.compiled.read_bytes(), contents.tolerance
    asked, told = contents.asked, contents.told
    built = project.files(
        compiled, contents.target, asked, told, tolerance.steps, tolerance.relative, _npu(contents.target)
    )
    return always | built | {_COMPILED: compiled}


def _npu(target: Target) -> str:
    """Such as u55."""
    return str(target.facts["accelerator_config"].value).split("-")[1]


def _compile(target: Target) -> str:
    told = {name: str(target.facts[fact].value) for name, fact in _FACTS.items()}
    text = _COMPILE
    for name, value in (told | {"FILE": _FILE, "COMPILED": _COMPILED}).items():
        text = text.replace(f"@{name}@", value)
    return text


_FACTS = {"CONFIG": "accelerator_config", "SYSTEM": "system_config", "MEMORY": "memory_mode"}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    name = f"{contents.model} for {contents.target.name}; not run on a device, see manifest.json."
    test = "`python3 run.py --reference` compares ten answers on any host (`pip install numpy ai-edge-litert`)."
    if contents.compiled is None:
        return (
            name,
            f"1. No project for the device is here: {contents.why_not_compiled or 'nothing was compiled'}.",
            f"2. `sh compile.sh` asks Vela (`pip install ethos-u-vela`) for {_COMPILED}.",
            f"3. {test}",
        )
    return (
        name,
        "1. In a checkout of tflite-micro: `python3 tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py "
        '--makefile_options="TARGET=cortex_m_generic TARGET_ARCH=cortex-m55 CO_PROCESSOR=ethos_u '
        f'ETHOSU_ARCH={_npu(contents.target)}" TREE`',
        "2. `cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake -DTFLM_TREE=TREE -DBOARD_SOURCES=startup.c "
        "-DBOARD_LINK_FLAGS=-Tboard.ld && cmake --build build`; the start-up code calls Arm's `ethosu_init`.",
        f"3. Flash `build/model`: it prints how many values of the self-test differ. {test}",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return _TOLERANCE


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": _FILE}


BUNDLE = Bundle(
    summary="a .tflite file for an Ethos-U with Vela's command and a CMake project",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
    tflite=lambda path: path.read_bytes(),
)
