"""What a step of a GitHub workflow leaves: annotations in its log, its summary, and outputs for the steps after it.

Files and their form: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from compressor.errors import BadInput

_SUMMARY, _OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"


def append_summary(markdown: str) -> None:
    """Add to the summary of the step, where there is one.

    Raises:
        BadInput: the file that the workflow names cannot be written.
    """
    _append(_SUMMARY, f"{markdown.rstrip()}\n")


def append_outputs(outputs: Mapping[str, str]) -> None:
    """Set outputs of the step, where there is one; line breaks in a value become spaces.

    Raises:
        BadInput: the file that the workflow names cannot be written.
    """
    _append(_OUTPUT, "".join(f"{name}={' '.join(value.splitlines())}\n" for name, value in outputs.items()))


def _append(variable: str, text: str) -> None:
    named = os.environ.get(variable)
    if not named:
        return
    try:
        # The runner made the file, and other commands of the step add to it: it is never replaced.
        with Path(named).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"cannot write {named}, which {variable} names: {error.strerror}") from None
