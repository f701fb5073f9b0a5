"""A `.tflite` file for a Coral, how it is compiled, and a runner for LiteRT with the Edge TPU's delegate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.values import Artifact

_FILE, _COMPILED = "model.tflite", "model_edgetpu.tflite"
# The Edge TPU's arithmetic is not published; not confirmed on a device.
_TOLERANCE = Tolerance(2, 2e-2)
_COMPILE = f"""\
#!/bin/sh
# Writes {_COMPILED}. The compiler runs on x86-64 Linux: https://coral.ai/docs/edgetpu/compiler/
set -eu
cd "$(dirname "$0")"
edgetpu_compiler -s -o . {_FILE}
"""


def _files(contents: Contents) -> Mapping[str, bytes]:
    compiled = {} if contents.compiled is None else {_COMPILED: contents.compiled.read_bytes()}
    model = contents.artifact.path.read_bytes()
    return {_FILE: model, "compile.sh": _COMPILE.encode(), **compiled, **runner("run_litert.py")}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    compiled = "is compiled already" if contents.compiled else "`sh compile.sh` on x86-64 Linux writes it"
    return (
        f"{contents.model} for {contents.target.name}; not run on a device, see manifest.json.",
        f"1. The Edge TPU takes {_COMPILED}: {compiled}.",
        "2. On the host of the Coral: the library libedgetpu1-std, and `python3 -m pip install numpy ai-edge-litert`",
        "3. `python3 run.py` compares ten answers with those expected; `--cpu` runs the same without an Edge TPU.",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return _TOLERANCE


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": _FILE, "compiled": _COMPILED, "delegate": "libedgetpu.so.1"}


BUNDLE = Bundle(
    summary="a .tflite file for a Coral with its compiler's command and a runner",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
    tflite=lambda path: path.read_bytes(),
)
