"""What is wrong with a packed file."""

from __future__ import annotations


class Damaged(ValueError):
    """The bytes are no packed file that `compressor pack` wrote."""
