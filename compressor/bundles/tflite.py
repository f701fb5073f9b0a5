"""A `.tflite` file and a runner for LiteRT: for this machine, and for Cortex-A boards with a 64-bit system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.values import Artifact, Precision

_FILE = "model.tflite"
# Kernels of XNNPACK round differently on other processors; each layer can add a step of the last output.
_STEPS = 2
_FLOATS = {Precision.DYNAMIC_INT8: 1e-2, Precision.INT8: 2e-2}


def _files(contents: Contents) -> Mapping[str, bytes]:
    return {_FILE: contents.artifact.path.read_bytes(), **runner("run_litert.py")}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    return (
        f"{contents.model} for {contents.target.name} with LiteRT, {contents.artifact.precision}.",
        "1. On the device (64-bit system, Python 3.9 or later): `python3 -m pip install numpy ai-edge-litert`",
        "2. `python3 run.py` compares ten answers with those expected; `--reference` takes the exact kernels.",
        "3. `python3 run.py --samples mine.npz --answers answers.npz`: an array per input, named as in manifest.json.",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return Tolerance(_STEPS, _FLOATS.get(artifact.precision, 1e-5))


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": _FILE}


BUNDLE = Bundle(
    summary="a .tflite file with a runner for LiteRT",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
    tflite=lambda path: path.read_bytes(),
)
