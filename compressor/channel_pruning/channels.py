"""Which channels of a network stand or fall together: disjoint sets (Tarjan, Journal of the ACM 22, 1975).

Every channel of every tensor has a number, its label. Addition makes one set of two labels, since a channel can leave
a sum only with its partner; a set with a channel that has to stay stays as a whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


class Channels:
    """A growing number of channels, in sets."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._reasons: dict[int, str] = {}

    @property
    def count(self) -> int:
        """How many channels there are; every set's number is smaller."""
        return len(self._parent)

    def new(self, count: int) -> Labels:
        """Labels of so many channels, each a set of its own."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        return np.arange(first, first + count)

    def staying(self, count: int, reason: str) -> Labels:
        """Labels of so many channels that have to stay.

        Args:
            reason: as part of a sentence: "`name` …".
        """
        labels = self.new(count)
        self.stay(labels, reason)
        return labels

    def unite(self, one: Labels, other: Labels) -> None:
        """Let channels at the same place stand or fall together."""
        for mine, theirs in zip(one.tolist(), other.tolist(), strict=True):
            first, second = self._root(mine), self._root(theirs)
            if first == second:
                continue
            kept, gone = min(first, second), max(first, second)
            self._parent[gone] = kept
            if gone in self._reasons:
                self._reasons.setdefault(kept, self._reasons[gone])

    def stay(self, labels: Labels, reason: str) -> None:
        """Let channels stay, and whatever stands with them."""
        for label in labels.tolist():
            self._reasons.setdefault(self._root(label), reason)

    def sets(self, labels: Labels) -> Labels:
        """The set of each label, as the smallest label in it."""
        return np.array([self._root(label) for label in labels.tolist()], np.int64)

    def free(self, labels: Labels) -> NDArray[np.bool_]:
        """Whether the set of each label may fall."""
        return np.array([self._root(label) not in self._reasons for label in labels.tolist()], bool)

    def reason(self, label: int) -> str | None:
        """Why the set of a label has to stay; None where it may fall."""
        return self._reasons.get(self._root(label))

    def _root(self, label: int) -> int:
        root = label
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[label] != root:
            self._parent[label], label = root, self._parent[label]
        return root
