"""Every failure a user can meet, and the exit code it ends with.

CompressorError
├── BadInput       2   something the user gave is wrong
├── MissingTool    3   a program, package or device that is needed is not here
└── StageFailed    1   a child process crashed, hung or answered garbage
    ├── Crashed        it ended itself by a signal
    └── Refused        a converter does not take this model in this precision
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CompressorError(Exception):
    """A failure told in one message: what is wrong, what was expected, what was received, what to do."""

    exit_code = 1

    def __init__(
        self, wrong: str, *, expected: str | None = None, received: str | None = None, fix: str | None = None
    ) -> None:
        sentences = [wrong]
        if expected is not None:
            sentences.append(f"expected: {expected}")
        if received is not None:
            sentences.append(f"received: {received}")
        if fix is not None:
            sentences.append(f"what to do: {fix}")
        super().__init__("\n  ".join(sentences))


class BadInput(CompressorError):
    """Something the user gave is wrong: a name, a file, a value, a combination."""

    exit_code = 2


class MissingTool(CompressorError):
    """A program, package or device that the request needs is not here."""

    exit_code = 3


class StageFailed(CompressorError):
    """A stage that runs in a child process crashed, hung or answered garbage."""

    exit_code = 1


class Crashed(StageFailed):
    """A child process ended itself by a signal that speaks of a mistake in native code."""


class Refused(StageFailed):
    """A converter does not take this model in this precision."""


def missing(error: ModuleNotFoundError) -> MissingTool:
    """The error for a package that is not installed."""
    return MissingTool(
        f"the package {error.name} is not installed here",
        fix="pip install '.[tensorflow]' brings everything that compressing needs",
    )


def out_of_memory(error: MemoryError) -> StageFailed:
    """The error for memory that could not be had."""
    return StageFailed(
        "memory ran out" + (f": {' '.join(str(error).split())[:200]}" if str(error) else ""),
        fix="look at the sizes that the file states, or use a machine with more memory",
    )


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """The error for a name nobody knows, with the nearest known one when there is one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return BadInput(
        f"no {kind} is called '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""),
        expected=f"one of {', '.join(names) or '(none is installed)'}",
        received=f"'{name}'",
    )
