"""A CMake project for TensorFlow Lite Micro: the model as a C array, a program around it, and the self-test in C++."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance
from compressor.tflm import c_array, fit, operators, project
from compressor.values import Artifact


def _files(contents: Contents) -> Mapping[str, bytes]:
    tolerance = contents.tolerance
    content = c_array.content(contents.artifact.path)
    return project.files(content, contents.target, contents.asked, contents.told, tolerance.steps, tolerance.relative)


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    needed = fit.need(c_array.content(contents.artifact.path))
    arena = needed.arena
    return (
        f"{contents.model} for {contents.target.name} with TensorFlow Lite Micro; not run on a device, "
        f"see manifest.json. Model {needed.model} bytes of flash; arena {arena.total} bytes estimated, "
        f"{arena.head} of them exact.",
        "1. In a checkout of tflite-micro: "
        "`python3 tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py TREE`",
        "2. `cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake -DTFLM_TREE=TREE "
        "-DBOARD_SOURCES=startup.c -DBOARD_LINK_FLAGS=-Tboard.ld && cmake --build build`",
        "3. Flash `build/model`: it prints the arena's use and how many values of the self-test differ (0 wanted).",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    """The reference kernels of LiteRT and TFLM give the same integers; floats differ by the order of sums."""
    return Tolerance(0, 1e-5)


def _manifest(contents: Contents) -> Mapping[str, Any]:
    content = c_array.content(contents.artifact.path)
    arena = fit.need(content).arena
    return {
        "tflite": {"bytes": len(content), "sha256": sha256(content).hexdigest()},
        "operators": list(operators.names(content)),
        "arena": asdict(arena) | {"total": arena.total, "provenance": "estimated but for the head"},
    }


BUNDLE = Bundle(
    summary="a CMake project for TensorFlow Lite Micro",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
    tflite=c_array.content,
    arrays=False,
)
