"""How thin each kernel becomes: as thin as its energy allows, or as a budget for the whole model needs.

The energy of a kernel is the sum of its squares, which is that of its squared singular values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from compressor.low_rank.factors import Factors

Budgeted = Literal["macs", "parameters"]
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Split:
    """One way to make two layers of one.

    Attributes:
        macs, parameters: for each rank.
    """

    factors: Factors
    macs: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A layer, what it costs, and how it could be split."""

    macs: int
    parameters: int
    splits: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A way to split with its rank.

    Attributes:
        lost: share of the kernel's energy that is lost.
        macs, parameters: that are saved; negative where there are more.
    """

    split: Split
    rank: int
    lost: float
    macs: int
    parameters: int

    @property
    def harm(self) -> float:
        """What is added up over layers: of layers one after another, shares that are kept multiply."""
        return -float(np.log(max(1 - self.lost, _ROUNDING)))

    @property
    def pays(self) -> bool:
        """Whether both become fewer."""
        return self.macs > 0 and self.parameters > 0


def by_energy(whole: Whole, energy: float, multiple: int = 1) -> Cut:
    """The cheapest cut that keeps that share of the energy; whether it pays is to be asked.

    Args:
        multiple: the rank is one of these, rounded up, or full.
    """
    cuts = []
    for split in whole.splits:
        kept = np.cumsum(np.square(split.factors.strengths))
        rank = 1 + int(np.searchsorted(kept, energy * kept[-1] * (1 - _ROUNDING)))
        cuts.append(_cut(whole, split, min(len(kept), -(-rank // multiple) * multiple)))
    return max(cuts, key=lambda cut: cut.macs)


def within_budget(
    wholes: Sequence[Whole], what: Budgeted, saving: float, multiple: int = 1
) -> Mapping[int, Cut] | None:
    """Cuts that save so much together, with little energy lost.

    What counts is the product of the shares that layers keep, so that no layer loses all it has. Of each layer those
    cuts count that no mixture of two others beats; over all layers they are taken in the order of the harm for what is
    saved, until it is enough. The last layer then loses no more than it must.

    Returns:
        Cuts by the place of the layer in `wholes`; layers without one stay whole. None where so much cannot be saved.
    """
    options = [list(_paying(whole, multiple)) for whole in wholes]
    steps = sorted(
        ((slope, place, cut) for place, cuts in enumerate(options) for slope, cut in _bests(cuts, what)),
        key=lambda step: (step[0], step[1]),
    )
    chosen: dict[int, Cut] = {}
    for _, place, cut in steps:
        if _saved(chosen, what) >= saving:
            break
        chosen[place] = cut
        others = _saved({key: each for key, each in chosen.items() if key != place}, what)
        if others + getattr(cut, what) >= saving:
            enough = [each for each in options[place] if others + getattr(each, what) >= saving]
            chosen[place] = min(enough, key=lambda each: each.lost)
    return chosen if _saved(chosen, what) >= saving else None


def most(wholes: Sequence[Whole], what: Budgeted, multiple: int = 1) -> int:
    """What can be saved at most."""
    return sum(max((getattr(cut, what) for cut in _paying(whole, multiple)), default=0) for whole in wholes)


def _cut(whole: Whole, split: Split, rank: int) -> Cut:
    squares = np.square(split.factors.strengths)
    lost = float(squares[rank:].sum() / squares.sum()) if squares.any() else 0.0
    return Cut(split, rank, lost, whole.macs - rank * split.macs, whole.parameters - rank * split.parameters)


def _paying(whole: Whole, multiple: int) -> Iterator[Cut]:
    for split in whole.splits:
        for rank in range(multiple, len(split.factors.strengths) + 1, multiple):
            cut = _cut(whole, split, rank)
            if not cut.pays:
                break
            yield cut


def _bests(cuts: Sequence[Cut], what: Budgeted) -> Iterator[tuple[float, Cut]]:
    """The lower convex hull of the harm over what is saved, with the slope that leads to each of its corners.

    Andrew's monotone chain (Information Processing Letters 9, 1979).
    """
    hull: list[tuple[float, float, Cut | None]] = [(0.0, 0.0, None)]
    for cut in sorted(cuts, key=lambda each: (getattr(each, what), -each.harm)):
        point = (float(getattr(cut, what)), cut.harm, cut)
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) >= _slope(hull[-2], point):
            hull.pop()
        hull.append(point)
    for before, after in pairwise(hull):
        assert after[2] is not None
        yield _slope(before, after), after[2]


def _slope(one: tuple[float, float, Cut | None], other: tuple[float, float, Cut | None]) -> float:
    return (other[1] - one[1]) / (other[0] - one[0]) if other[0] > one[0] else -np.inf


def _saved(cuts: Mapping[int, Cut], what: Budgeted) -> int:
    return sum(getattr(cut, what) for cut in cuts.values())
