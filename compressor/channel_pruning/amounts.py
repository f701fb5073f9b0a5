"""How many channels each group gives: the same share everywhere, or by what it costs and how much it is felt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from compressor.channel_pruning.groups import Group
from compressor.values import Array

# A layer without channels is none.
LARGEST_SHARE = 0.9
_TURNS = 40


def weakest(group: Group, importance: Mapping[int, float], share: float, multiple: int) -> Array:
    """The sets of a group that fall when it gives a share of them, the least important ones.

    Args:
        multiple: what is left is a multiple of it, rounded up; a group that is no larger gives nothing.
    """
    count = len(group.sets)
    left = max(1, round(count * (1 - share)))
    left = min(count, -(-left // multiple) * multiple)
    order = sorted(group.sets.tolist(), key=lambda number: (importance[number], number))
    return np.array(order[: count - left], np.int64)


def shares_within(
    sensitivity: Sequence[float], saved: Sequence[float], fits: Callable[[Sequence[float]], bool]
) -> list[float] | None:
    """Shares that the groups give so that the network fits its budget with the least harm.

    The harm of a group is taken to grow with the square of its share, what it saves with the share itself. The least
    harm for a saving then has the same ratio of further harm to further saving everywhere: share = λ · saved / harm,
    no more than 0.9. λ is found by bisection.

    Args:
        sensitivity: what the answers lose when a group alone gives half of its channels.
        saved: what that saves, in the unit of the budget.
        fits: whether the network with these shares fits.

    Returns:
        The shares; None where the budget cannot be reached.
    """
    floor = max(max(sensitivity, default=0.0) * 1e-6, 1e-12)
    ratio = np.array([gain / max(harm, floor) for gain, harm in zip(saved, sensitivity, strict=True)])
    if not ratio.size or not ratio.max() > 0:
        return None
    ratio = ratio / ratio.max()

    def shares(strength: float) -> list[float]:
        return list(np.minimum(strength * ratio, LARGEST_SHARE))

    low, high = 0.0, LARGEST_SHARE / float(ratio[ratio > 0].min())
    if fits(shares(low)):
        return shares(low)
    if not fits(shares(high)):
        return None
    for _ in range(_TURNS):
        # Strengths differ by orders of magnitude.
        middle = float(np.sqrt(max(low, high * 1e-9) * high))
        low, high = (low, middle) if fits(shares(middle)) else (middle, high)
    return shares(high)
