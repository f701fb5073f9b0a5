"""The largest batch that fits: doubled until memory is exhausted, then one step back."""

from __future__ import annotations

from collections.abc import Callable

from compressor.errors import BadInput


def largest(fits: Callable[[int], bool], start: int, most: int, multiple_of: int = 1) -> int:
    """The largest size that fits, found by doubling from `start`, or by halving where even that does not fit.

    Args:
        fits: tries a batch of that size.
        most: no batch is larger.
        multiple_of: every size is a multiple of it.

    Raises:
        BadInput: not even the smallest batch fits.
    """
    size = rounded(min(start, most), multiple_of)
    if fits(size):
        while (larger := rounded(2 * size, multiple_of)) <= most and fits(larger):
            size = larger
        return size
    while size > multiple_of:
        size = rounded(size // 2, multiple_of)
        if fits(size):
            return size
    raise BadInput(
        f"not even a batch of {size} fits into memory",
        fix="train on a device with more memory, or a smaller network or input",
    )


def rounded(size: int, multiple_of: int) -> int:
    """The next smaller multiple, at least one."""
    return max(multiple_of, size - size % multiple_of)
