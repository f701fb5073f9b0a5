"""Who evaluates and who trains: decided by what a sample holds, never by where it stands.

Samples are ranked by a hash of their content, class by class. The same samples in another order are split alike, and
equal samples are always on the same side.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compressor.errors import BadInput
from compressor.values import Array, Split

# More samples change the ranges that calibration finds by next to nothing, and every one costs time.
MAX_CALIBRATION = 512


def content_hash(*arrays: Array) -> bytes:
    """Hash of one sample: the values, shapes and dtypes of its arrays. 16 bytes of BLAKE2b."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()


def content_hashes(block: Split) -> list[bytes]:
    """Hash of each sample's inputs; the order of the inputs does not count."""
    arrays = [block.inputs[name] for name in sorted(block.inputs)]
    return [content_hash(*(array[row] for array in arrays)) for row in range(block.count)]


def evaluation_rows(hashes: Sequence[bytes], labels: Array | None, share: float) -> NDArray[np.bool_]:
    """Which samples evaluate (True); the others are for training and calibration.

    Args:
        hashes: of each sample's content.
        labels: class numbers keep their shares in both sets; labels of another kind are not looked at.
        share: of the samples that evaluate, 0 to 1; both sets get at least one sample.

    Raises:
        BadInput: fewer than two different samples.
    """
    different = len(set(hashes))
    if different < 2:
        raise BadInput(
            "the data cannot be split into samples to calibrate on and samples to evaluate on",
            expected="at least two different samples",
            received=f"{len(hashes)} sample{'s' * (len(hashes) != 1)}, {different} different",
        )
    chosen = chosen_rows(hashes, labels, math.floor(share * len(hashes) + 0.5))
    ranked = sorted(set(hashes))
    if not chosen.any():
        chosen = np.array([each == ranked[0] for each in hashes])
    if chosen.all():
        chosen = np.array([each != ranked[-1] for each in hashes])
    return chosen


def chosen_rows(hashes: Sequence[bytes], labels: Array | None, count: int) -> NDArray[np.bool_]:
    """At most `count` samples, every class with its share of them, equal samples together.

    Shares are rounded by their largest remainders (Hamilton's method).
    """
    rank = {each: place for place, each in enumerate(sorted(set(hashes)))}
    group = np.array([rank[each] for each in hashes], np.intp)
    sizes = np.bincount(group)
    classes = _classes_of(group, len(sizes), labels)
    chosen_groups = np.zeros(len(sizes), bool)
    for number, quota in _quotas(classes, sizes, min(count, len(hashes))).items():
        left = quota
        # Groups are numbered in the order of their hashes.
        for each in np.flatnonzero(classes == number):
            if sizes[each] <= left:
                chosen_groups[each] = True
                left -= sizes[each]
    chosen: NDArray[np.bool_] = chosen_groups[group]
    return chosen


def _classes_of(group: NDArray[np.intp], groups: int, labels: Array | None) -> NDArray[np.intp]:
    """Class of each group of equal samples: its smallest label, where labels are class numbers."""
    numbers = class_numbers(labels)
    if numbers is None:
        return np.zeros(groups, np.intp)
    _, found = np.unique(numbers, return_inverse=True)
    classes = np.full(groups, len(numbers))
    np.minimum.at(classes, group, found.reshape(-1))
    return classes


def class_numbers(labels: Array | None) -> Array | None:
    """One whole number per sample, where labels are that and there are few different ones; else None."""
    if labels is None or labels.dtype.kind not in "fiub" or labels.size != len(labels):
        return None
    flat = labels.reshape(-1)
    if flat.dtype.kind == "f" and not np.array_equal(flat, np.round(flat)):
        return None
    return flat if len(np.unique(flat)) <= max(2, len(flat) // 2) else None


def _quotas(classes: NDArray[np.intp], sizes: NDArray[np.intp], count: int) -> dict[int, int]:
    totals = np.bincount(classes, weights=sizes)
    exact = {int(name): count * float(totals[name]) / int(sizes.sum()) for name in np.unique(classes)}
    quotas = {name: math.floor(share) for name, share in exact.items()}
    missing = count - sum(quotas.values())
    by_remainder = sorted(exact, key=lambda name: (quotas[name] - exact[name], name))
    return quotas | {name: quotas[name] + 1 for name in by_remainder[:missing]}
