"""Whole numbers of any size, bit by bit: zero or not, how long, the sign, then the digits.

Short numbers learn by all their digits, so that the few values of clustered weights cost next to nothing once they were
seen; of long ones the first digits alone are learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

from compressor.packing.arithmetic import Coder
from compressor.packing.damage import Damaged
from compressor.packing.mixture import Mixture

_ZERO, _SIGN, _LONGER, _DIGIT = 0, 1, 2, 128
_LONGEST = 66
_LEARNT = 8
_EVEN = 32768
_SHIFT = 24


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
        """Code one number, and answer it.

        Raises:
            Damaged: what is read is no number.
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
        while learnt(int(wanted > length), _LONGER + 2 * length + negative, 2):
            length += 1
            if length > _LONGEST:
                raise Damaged("a number without an end")
        found = 1
        for place in range(length - 2, -1, -1):
            bit = size >> place & 1
            if length - place <= _LEARNT:
                node = _DIGIT + (((length << 1 | negative) << _LEARNT) + found)
                found = found << 1 | learnt(bit, node, 3)
            else:
                found = found << 1 | coder.code(bit, _EVEN)
        return -found if negative else found
