"""A `.tflite` file for a Coral Dev Board Micro, which has no Python: how it is compiled, and what its app has to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.bundles import Bundle, Contents, Tolerance, runner
from compressor.edgetpu import script
from compressor.values import Artifact

# As for every Edge TPU: its arithmetic is not published.
_TOLERANCE = Tolerance(2, 2e-2)


def _files(contents: Contents) -> Mapping[str, bytes]:
    return {**script.files(contents.artifact.path, contents.compiled), **runner("run_litert.py")}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    return (
        f"{contents.model} for {contents.target.name}; no program for the board is here, and nothing was run on one.",
        f"1. The Edge TPU takes {script.COMPILED}: {script.how_compiled(contents.compiled)}; it goes into an app of "
        "github.com/google-coral/coralmicro.",
        "2. The app opens the Edge TPU and registers its operator, as coralmicro's examples/classify_images_file does; "
        "self_test.npz has ten samples and the answers expected.",
        "3. On any host, `python3 run.py --cpu` compares the answers of the file before it (numpy, ai-edge-litert).",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return _TOLERANCE


def _manifest(contents: Contents) -> Mapping[str, Any]:
    return {"file": script.FILE, "compiled": script.COMPILED}


BUNDLE = Bundle(
    summary="a .tflite file for a Coral Dev Board Micro with its compiler's command",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    manifest=_manifest,
    tflite=lambda path: path.read_bytes(),
)
