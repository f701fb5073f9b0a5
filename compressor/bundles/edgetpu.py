"""A `.tflite` file for a Coral, how it is compiled, and a runner for LiteRT with the Edge TPU's delegate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.edgetpu import script
from compressor.values import Artifact

# The Edge TPU's arithmetic is not published; not confirmed on a device.
_TOLERANCE = Tolerance(2, 2e-2)


def _files(contents: Contents) -> Mapping[str, bytes]:
    return {**script.files(contents.artifact.path, contents.compiled), **runner("run_litert.py")}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    return (
        f"{contents.model} for {contents.target.name}; not run on a device, see manifest.json.",
        f"1. The Edge TPU takes {script.COMPILED}: {script.how_compiled(contents.compiled)}.",
        "2. On the host of the Coral: `python3 -m pip install numpy ai-edge-litert`, and a libedgetpu built for it: "
        "Google's of 2021 (libedgetpu1-std) is known to crash in newer runtimes.",
        "3. `python3 run.py` compares ten answers with those expected; `--cpu` runs the same without an Edge TPU.",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return _TOLERANCE


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": script.FILE, "compiled": script.COMPILED, "delegate": "libedgetpu.so.1"}


BUNDLE = Bundle(
    summary="a .tflite file for a Coral with its compiler's command and a runner",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
    tflite=lambda path: path.read_bytes(),
)
