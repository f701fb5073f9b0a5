"""Placement: which operators of a file a device accelerates. One family of devices per file, each with `PLACEMENT`.

Rules look at the file alone, so that they can be told without the vendor's compiler; where that is installed, what it
says is compared with what the rules say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compressor import registry, tflite_view
from compressor.placing import Compiled, Listed, Placing
from compressor.target import Target
from compressor.tflite_view import listing as tflite_listing


@dataclass(frozen=True, slots=True)
class Placement:
    """The rules of one family of devices.

    Attributes:
        place: the rules themselves, on what `read` gives.
        tool: program of the vendor's compiler, looked for on PATH; "" where there is none.
        tool_help: how to get it, in one sentence.
        compile: runs that program (its path) on a file for a target, within so many seconds; keeps what it wrote, where
            asked to.
        read: the view of a file.
        listed: its operators, in the order of the decisions.
        writes: the compiler leaves a file that the device runs; rows and bundles of the device have it.
        estimates: the compiler says what one inference takes, and rows of the device tell it.
    """

    summary: str
    place: Callable[[Any, Target], Placing]
    tool: str = ""
    tool_help: str = ""
    compile: Callable[[str, Path, Target, float, Path | None], Compiled] | None = None
    read: Callable[[Path], Any] = tflite_view.read
    listed: Callable[[Any], tuple[Listed, ...]] = tflite_listing.listed
    writes: bool = False
    estimates: bool = False


def names() -> tuple[str, ...]:
    """Every family that has rules."""
    return registry.names(__name__)


def load(name: str) -> Placement:
    """The rules of one family."""
    return cast(Placement, registry.load(__name__, name, "PLACEMENT", "placement"))
