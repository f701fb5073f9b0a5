"""What rules and compilers say of where operators run, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Where = Literal["accelerator", "cpu", "unsupported"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One operator of a file.

    Attributes:
        output: name of the first tensor it writes.
        layer: the Keras layer it came from, "" where no name tells.
        macs: multiply-accumulates of one run.
        reads: indices of the operators whose answers it reads.
    """

    index: int
    op: str
    output: str
    layer: str
    macs: int
    reads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Where one operator runs, why, and what would change it; `change` is empty where nothing would."""

    where: Where
    reason: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Placing:
    """What the rules say of one file.

    Attributes:
        decisions: one per operator, in the order of the file.
        mistakes: why the device's compiler takes none of it; such a file is bad input.
        warnings: what makes it slow, or rests on thin evidence.
        memory: bytes, by name, of what the device holds for it, and other figures of the whole.
    """

    decisions: tuple[Decision, ...]
    mistakes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    memory: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a compiler expects of one inference on the device: no measurement, and no latency.

    Attributes:
        by: the compiler and its version.
        clock_hz: the clock that the time is of.
        sram_bytes, dram_bytes, flash_bytes: largest use of each memory.
    """

    by: str
    cycles: int
    clock_hz: int
    inference_ms: float
    inferences_per_second: float
    sram_bytes: int
    dram_bytes: int
    flash_bytes: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the vendor's compiler said.

    Attributes:
        accelerated: operator → how many of it the compiler mapped; None where it takes all or nothing.
        left: operator → how many of it stay on the CPU.
        statuses: its own lines on each kind of operator.
        memory: bytes, by name.
        places: where each operator of the file went, where the compiler tells them apart.
        estimate: None where it makes none, or nothing runs on the accelerator.
    """

    version: str
    accelerated: Mapping[str, int] | None
    left: Mapping[str, int]
    statuses: tuple[str, ...] = ()
    memory: Mapping[str, int] = field(default_factory=dict)
    places: tuple[Where, ...] | None = None
    estimate: Estimate | None = None
