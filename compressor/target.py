"""What a target device accepts, as a value. A target names no method; a recipe names no device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from compressor.values import Precision

Value = int | float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of file that the target takes, and the runtime here that speaks for the device.

    `baseline_runtime` runs the float32 file it is compared with, when that is another runtime
    (a device's exact integer kernels are often needlessly slow in float). `bundle` is the kind of bundle, where that
    is not the one called like the format.
    """

    format: str
    precisions: tuple[Precision, ...]
    runtime: str
    baseline_runtime: str = ""
    bundle: str = ""

    @property
    def runtime_of_baseline(self) -> str:
        """The runtime of the float32 file."""
        return self.baseline_runtime or self.runtime

    @property
    def kind_of_bundle(self) -> str:
        """What a person copies to the device, see `compressor.bundles`."""
        return self.bundle or self.format


@dataclass(frozen=True, slots=True)
class Device:
    """The real device, which is not the host: its row is stated as skipped, with the way to get it."""

    runtime: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known of a device.

    Attributes:
        value: a number in the unit that ends the fact's name, or words.
        source: address of the page that says so.
        confirmed: False where it was not read there, and should be before anything depends on it.
    """

    value: Value
    source: str
    confirmed: bool = True


Facts = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Variant:
    """One board of a family, as data: what differs from the family.

    Attributes:
        facts: its own, before those of the family.
        device: where the way to the real device is another one.
        bundle: the kind of bundle, where it is another one.
    """

    name: str
    summary: str
    facts: Facts = field(default_factory=dict)
    device: Device | None = None
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A device, or a family of devices, and what it accepts.

    Attributes:
        refusals: why a precision is not taken and what to use instead, in one sentence each.
        sources: where what is said here comes from.
        facts: memory, number formats, tools and the like, by name; a name ends with the unit of its number.
        variants: the boards of a family, each a target of its own.
        family: name of the family, of a target that is a variant.
        placement: name of the rules that say what runs where, in `compressor.placement`.
    """

    name: str
    summary: str
    routes: tuple[Route, ...]
    device: Device | None = None
    refusals: Mapping[Precision, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    family: str = ""
    placement: str = ""

    @property
    def boards(self) -> tuple[Target, ...]:
        """Each variant as a target: the family with what differs."""
        return tuple(
            replace(
                self,
                name=variant.name,
                summary=variant.summary,
                device=variant.device or self.device,
                routes=tuple(replace(route, bundle=variant.bundle or route.bundle) for route in self.routes),
                facts={**self.facts, **variant.facts},
                variants=(),
                family=self.name,
            )
            for variant in self.variants
        )

    def number(self, fact: str) -> float:
        """The number that a fact is.

        Raises:
            KeyError, TypeError: no fact of that name, or one in words (a defect of the target's file).
        """
        value = self.facts[fact].value
        if not isinstance(value, int | float):
            raise TypeError(f"{self.name}: {fact} is no number")
        return value

    def routes_for(self, precision: Precision) -> tuple[Route, ...]:
        """The routes that take a file of this precision; empty when the target refuses it."""
        return tuple(route for route in self.routes if precision in route.precisions)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Every precision that at least one route takes, in the order of `Precision`."""
        return tuple(precision for precision in Precision if self.routes_for(precision))
