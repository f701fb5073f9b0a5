"""What a person copies to a board with an Edge TPU: the file, the command that compiles it, and what that wrote."""

from __future__ import annotations

from pathlib import Path

FILE, COMPILED = "model.tflite", "model_edgetpu.tflite"
_COMPILE = f"""\
#!/bin/sh
# Writes {COMPILED}. The compiler runs on x86-64 Linux: https://coral.ai/docs/edgetpu/compiler/
set -eu
cd "$(dirname "$0")"
edgetpu_compiler -s -o . {FILE}
"""


def files(model: Path, compiled: Path | None) -> dict[str, bytes]:
    """Contents by name.

    Args:
        compiled: what the compiler wrote, where it was here.
    """
    made = {} if compiled is None else {COMPILED: compiled.read_bytes()}
    return {FILE: model.read_bytes(), "compile.sh": _COMPILE.encode(), **made}


def how_compiled(compiled: Path | None) -> str:
    """How the compiled file comes about, as the end of a sentence."""
    return "is compiled already" if compiled else "`sh compile.sh` on x86-64 Linux writes it"
