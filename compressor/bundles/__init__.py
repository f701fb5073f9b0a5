"""Bundles: what a person copies to a device to run a file there. One kind per file, each with `BUNDLE`.

A bundle adds programs to what every one has: the ten samples of the self-test, `manifest.json` and a README of five
lines. Programs that are written in Python are in `compressor/runners`, and copied as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compressor import registry, runners
from compressor.ends import Ends
from compressor.target import Target
from compressor.values import Array, Artifact

SAMPLES = 10
# What reads `manifest.json` and `self_test.npz`, beside every runner in Python.
_SELF_TEST = "self_test.py"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far answers on the device may be from those expected.

    Attributes:
        steps: of integer outputs, in their own steps.
        relative: of float outputs, against 1 or the largest expected magnitude, whichever is more.
    """

    steps: int
    relative: float


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle is made of.

    Attributes:
        asked: per input, ten samples as the file stores them, without the batch.
        told: per output, the answers expected.
        compiled: what the vendor's compiler made of the artifact, where it was here.
        why_not_compiled: in a sentence, where the device's row says.
    """

    model: str
    target: Target
    artifact: Artifact
    inputs: Ends
    outputs: Ends
    asked: tuple[Array, ...]
    told: tuple[Array, ...]
    tolerance: Tolerance
    compiled: Path | None = None
    why_not_compiled: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A kind of bundle.

    Attributes:
        files: everything but manifest, README and `self_test.npz`, by name.
        readme: four lines, on what it is and how it is started.
        tolerance: of the self-test.
        manifest: what the manifest says besides.
        tflite: the `.tflite` file in an artifact, whose ends say how numbers are stored; None where they are real.
        arrays: the self-test is also an `.npz`, for a runner in Python.
    """

    summary: str
    files: Callable[[Contents], Mapping[str, bytes]]
    readme: Callable[[Contents], tuple[str, str, str, str]]
    tolerance: Callable[[Artifact], Tolerance]
    manifest: Callable[[Contents], Mapping[str, Any]] = lambda contents: {}
    tflite: Callable[[Path], bytes] | None = None
    arrays: bool = True


def names() -> tuple[str, ...]:
    """Names of all kinds."""
    return registry.names(__name__)


def load(name: str) -> Bundle:
    """The kind of that name."""
    return cast(Bundle, registry.load(__name__, name, "BUNDLE", "bundle"))


def runner(name: str) -> dict[str, bytes]:
    """A runner in Python as `run.py`, with what it stands on."""
    folder = Path(runners.__file__).parent
    return {"run.py": (folder / name).read_bytes(), _SELF_TEST: (folder / _SELF_TEST).read_bytes()}
