"""How many weights have fallen at which optimizer step, counted over the whole training, whoever began it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["polynomial", "constant"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Sparsity over the optimizer steps of a training.

    "polynomial" rises from `initial` and is steep at first (Zhu and Gupta, arXiv:1710.01878, equation 1); "constant" is
    there from the start.

    Attributes:
        initial: sparsity before the first step.
        ends: the optimizer step from which on sparsity is final and masks stay as they are.
        power: of the polynomial; 1 rises evenly.
        frequency: optimizer steps from one renewal of the masks to the next.
    """

    kind: Kind
    initial: float
    ends: int
    power: float
    frequency: int

    def sparsity(self, step: int, final: float) -> float:
        """The sparsity after so many optimizer steps, on the way to `final`."""
        if self.kind == "constant" or step >= self.ends:
            return final
        left: float = (1 - step / self.ends) ** self.power
        return final + (self.initial - final) * left

    def renews(self, step: int) -> bool:
        """Whether masks are made anew after so many optimizer steps."""
        return step == self.ends or (step < self.ends and step % self.frequency == 0)

    def last_renewal(self, step: int) -> int:
        """The latest step up to this one that renewed the masks: where training goes on, they are those of it."""
        return self.ends if step >= self.ends else step - step % self.frequency
