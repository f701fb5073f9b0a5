"""Whole numbers of any size, bit by bit: zero or not, how long, the sign, then the digits.

Short numbers learn by all their digits, so that the few values of clustered weights cost next to nothing once they were
seen; of long ones the first digits alone are learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.packing.arithmetic import Coder
from compressor.packing.mixture import Mixture
from compressor.values import Array

_ZERO, _SIGN, _LONGER, _LENGTH, _DIGIT = 0, 1, 2, 32, 128
# Digits up to which a length is counted up; what is over is told in so many bits.
_SHORT, _MORE = 8, 6
_LEARNT = 8
_EVEN = 32768
_SHIFT = 24


def bits(values: Array) -> int:
    """How many bits coding takes, those of one half left out: what it costs in time."""
    lengths = np.ceil(np.log2(np.abs(values.astype(np.float64)) + 1))
    short = np.minimum(lengths, _SHORT)
    each = 2 + short + _MORE * (lengths > _SHORT) + np.clip(lengths - 1, 0, _LEARNT - 1)
    return len(values) + int(np.where(lengths > 0, each, 0).sum())


class Integers:
    """A model of whole numbers in several contexts.

    Args:
        contexts: how many keys each number comes with.
        sets: as many states as the mixing may learn apart.
    """

    def __init__(self, contexts: int, sets: int = 1) -> None:
        # Zero, lengths, signs and digits are mixed apart.
        self._mixture = Mixture(contexts, 4 * sets)

    def code(self, coder: Coder, value: int, contexts: Sequence[int], chosen: int = 0) -> int:
        """Code one number of at most 72 digits, and answer it.

        Raises:
            Damaged: what is read takes too long.
        """
        bases = [each << _SHIFT for each in contexts]
        code = self._mixture.code

        def learnt(bit: int, node: int, part: int) -> int:
            return code(coder, bit, [base | node for base in bases], 4 * chosen + part)

        if not learnt(int(value != 0), _ZERO, 0):
            return 0
        negative = learnt(int(value < 0), _SIGN, 1)
        size = abs(value)
        wanted, length = size.bit_length(), 1
        while length <= _SHORT and learnt(int(wanted > length), _LONGER + 2 * length + negative, 2):
            length += 1
        if length > _SHORT:
            more, rest = 1, wanted - length
            for place in range(_MORE - 1, -1, -1):
                more = more << 1 | learnt(rest >> place & 1, _LENGTH + more, 2)
            length += more - (1 << _MORE)
        found = 1
        for place in range(length - 2, -1, -1):
            bit = size >> place & 1
            if length - place <= _LEARNT:
                node = _DIGIT + (((length << 1 | negative) << _LEARNT) + found)
                found = found << 1 | learnt(bit, node, 3)
            else:
                found = found << 1 | coder.code(bit, _EVEN)
        return -found if negative else found
