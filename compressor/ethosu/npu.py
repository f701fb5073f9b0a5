"""The two generations of the Ethos-U that Vela tells apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Npu:
    """What differs between generations.

    Attributes:
        name: as Arm writes it.
        wide: it computes with 32 bits and booleans too, and compares and selects: the Ethos-U85.
        largest_bias: Vela takes no larger one.
        largest_weight_sums: of absolute weights behind one output, by bits of the activations.
    """

    name: str
    wide: bool
    largest_bias: int
    largest_weight_sums: tuple[int, int]

    def largest_weight_sum(self, activations: str) -> int:
        """The limit for activations of a type such as INT8."""
        return self.largest_weight_sums[activations == "INT16"]


_SUM = 127 << 16
_NARROW = ((1 << 40) - 1, (_SUM, _SUM))
_WIDE = ((1 << 48) - 1, (_SUM, 127 << 24))


def of(accelerator_config: str) -> Npu:
    """The generation of a configuration such as `ethos-u55-128`."""
    family = accelerator_config.split("-")[1]
    wide = family == "u85"
    return Npu(f"Ethos-{family.upper()}", wide, *(_WIDE if wide else _NARROW))
