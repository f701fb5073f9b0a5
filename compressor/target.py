"""What a target device accepts, as a value. A target names no method; a recipe names no device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compressor.values import Precision


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of file that the target takes, and the runtime here that speaks for the device.

    `baseline_runtime` runs the float32 file it is compared with, when that is another runtime
    (a device's exact integer kernels are often needlessly slow in float).
    """

    format: str
    precisions: tuple[Precision, ...]
    runtime: str
    baseline_runtime: str = ""

    @property
    def runtime_of_baseline(self) -> str:
        """The runtime of the float32 file."""
        return self.baseline_runtime or self.runtime


@dataclass(frozen=True, slots=True)
class Device:
    """The real device, which is not the host: its row is stated as skipped, with the way to get it."""

    runtime: str
    reason: str


@dataclass(frozen=True, slots=True)
class Target:
    """A device and what it accepts.

    Attributes:
        refusals: why a precision is not taken and what to use instead, in one sentence each.
        sources: where the facts come from.
    """

    name: str
    summary: str
    routes: tuple[Route, ...]
    device: Device | None = None
    refusals: Mapping[Precision, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def routes_for(self, precision: Precision) -> tuple[Route, ...]:
        """The routes that take a file of this precision; empty when the target refuses it."""
        return tuple(route for route in self.routes if precision in route.precisions)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Every precision that at least one route takes, in the order of `Precision`."""
        return tuple(precision for precision in Precision if self.routes_for(precision))
