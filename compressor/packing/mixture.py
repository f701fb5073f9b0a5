"""Probabilities of bits from several contexts at once, mixed in whole numbers.

Logistic mixing as in PAQ (Mahoney 2005, "Adaptive weighing of context models for lossless data compression"): each
context predicts by what it saw, and the weights of the contexts learn online. A few hundred weights of a small network
have no room for tables of frequencies; this has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from compressor.packing.arithmetic import Coder
from compressor.packing.damage import Damaged

# Values of 1 / (1 + exp(-x)) in 4096ths, for x of -8 to 8 in steps of a half.
_SIGMOID = (
    *(1, 2, 4, 6, 10, 17, 27, 45, 74, 120, 194, 311, 488, 747, 1102, 1546, 2048),
    *(2550, 2994, 3349, 3608, 3785, 3902, 3976, 4022, 4051, 4069, 4079, 4086, 4090, 4092, 4093, 4094),
)
_WIDEST = 2047
_CERTAIN = 24
# What a context knows: its probability in 65536ths, and how often it was seen, in the lowest byte.
_UNSEEN, _TIMES = 32768 << 8, 0xFF
# A context that was seen n times moves by 1 / (n + 1.5), in 65536ths; then as it did at the limit.
_LIMIT = 250
_STEPS = tuple(2 * 65536 // (2 * seen + 3) for seen in range(_LIMIT + 1))
# How sure a context is goes by how often it was seen: 0, 1, 2 to 3, 4 to 7 and so on.
_SURENESS = tuple(min(seen.bit_length(), 7) for seen in range(_LIMIT + 1))
_ONE = 65536
# Bits that one model may take, so that nothing takes minutes.
MOST_BITS = 900_000


def _squashed(x: int) -> int:
    whole, rest = divmod(x + 2048, 128)
    return (_SIGMOID[whole] * (128 - rest) + _SIGMOID[whole + 1] * rest) // 8


_SQUASH = tuple(_squashed(x) for x in range(-2048, 2048))


def _stretches() -> tuple[int, ...]:
    """The x of each probability in 4096ths: `_SQUASH` read backwards."""
    found, x = [], -_WIDEST
    for probability in range(4096):
        while x < _WIDEST and _SQUASH[x + 2048] >> 4 < probability:
            x += 1
        found.append(x)
    return tuple(found)


_STRETCH = _stretches()


class Mixture:
    """A number of contexts whose predictions are mixed; `sets` of weights, of which each bit chooses one.

    Args:
        first: what a context weighs before anything was learnt, in 65536ths.
        rate: how fast weights learn.
    """

    def __init__(self, contexts: int, sets: int = 1, first: int = 20000, rate: int = 6) -> None:
        self._seen: list[dict[int, int]] = [{} for _ in range(contexts)]
        self._weights = [[[first] * 8 for _ in range(contexts)] for _ in range(sets)]
        self._rate = rate
        self._left = MOST_BITS

    def code(self, coder: Coder, bit: int, keys: Sequence[int], chosen: int = 0) -> int:
        """Code one bit by a key for each context.

        Raises:
            Damaged: what is read has no end.
        """
        self._left -= 1
        if self._left < 0:
            raise Damaged("more bits than a packed file has")
        cells, inputs, total = [], [], 0
        for seen, key, weights in zip(self._seen, keys, self._weights[chosen], strict=True):
            cell = seen.get(key, _UNSEEN)
            if cell & _TIMES:
                sure, x = _SURENESS[cell & _TIMES], _STRETCH[cell >> 12]
                total += weights[sure] * x
                inputs.append((weights, sure, x))
            cells.append(cell)
        mixed = min(max(total >> 16, -_WIDEST), _WIDEST)
        probability = min(max(_SQUASH[mixed + 2048], _CERTAIN), _ONE - _CERTAIN)
        bit = coder.code(bit, probability)
        error = ((_ONE if bit else 0) - probability) * self._rate
        for weights, sure, x in inputs:
            weights[sure] += x * error >> 18
        self._learn(keys, cells, bit)
        return bit

    def copy(self) -> Mixture:
        """The same, to learn on by itself."""
        made = Mixture(0, 0, rate=self._rate)
        made._seen = [seen.copy() for seen in self._seen]
        made._weights = [[list(weights) for weights in each] for each in self._weights]
        made._left = self._left
        return made

    def _learn(self, keys: Sequence[int], cells: Sequence[int], bit: int) -> None:
        for seen, key, cell in zip(self._seen, keys, cells, strict=True):
            times, probability = cell & _TIMES, cell >> 8
            if bit:
                probability += (65535 - probability) * _STEPS[times] >> 16
            else:
                probability -= probability * _STEPS[times] >> 16
            seen[key] = probability << 8 | min(times + 1, _LIMIT)
