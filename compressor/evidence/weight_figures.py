"""Weights before and after: kernels of a compressed file beside those of its float32 file, as the report tells them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compressor.kernels import Kernel, ncnn, onnx, tflite
from compressor.report.evidence import WeightsPart
from compressor.tflite_view.layers import plain
from compressor.values import Artifact

# The largest kernels of a file; what is left out then is small.
MOST_KERNELS = 64
# Odd, so that zero has a bar of its own in the middle.
BARS = 41
_DIGITS = 6
_READERS: dict[str, Callable[[Path], tuple[Kernel, ...]]] = {
    ".tflite": tflite.read,
    ".onnx": onnx.read,
    ".ncnn": ncnn.read,
}
# Names that a converter makes up hang on how many there are, which is not the same in both files.
_MADE_UP = ("arith.constant", "tfl.pseudo", "")


def has_kernels(path: Path) -> bool:
    """Whether a file's weights can be read; what is made of another file (`.cc`, `.ort`) repeats that one's."""
    return path.suffix in _READERS


def kernels(artifact: Artifact) -> tuple[Kernel, ...]:
    """The kernels of a file that has some.

    Raises:
        BadInput: the file cannot be read.
    """
    return _READERS[artifact.path.suffix](artifact.path)


def parts(before: Artifact, after: Artifact) -> list[WeightsPart]:
    """The largest kernels that are in both files, in the order of the compressed file.

    Raises:
        BadInput: a file cannot be read.
    """
    pairs = matched(kernels(before), kernels(after))
    largest = sorted(range(len(pairs)), key=lambda place: (-pairs[place][1].stored.size, place))[:MOST_KERNELS]
    return [_part(*pairs[place], after) for place in sorted(largest)]


def matched(before: Sequence[Kernel], after: Sequence[Kernel]) -> list[tuple[Kernel, Kernel]]:
    """Pairs of the same weights: of the same layer and role, else of the same name; sizes have to be equal.

    A kernel that has no partner, or more than one, is left out.
    """
    found: dict[int, tuple[Kernel, Kernel]] = {}
    for key in (_by_layer, _by_name):
        ours, theirs = (_unique(kernels, key) for kernels in (after, before))
        for place, kernel in ours.items():
            if place in theirs:
                found.setdefault(id(kernel), (theirs[place], kernel))
    return [found[id(kernel)] for kernel in after if id(kernel) in found]


def histogram(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[list[float], list[int], list[int]]:
    """Edges around zero that both fit in, and how many weights of each lie between them."""
    largest = max(float(np.abs(values).max(initial=0.0)) for values in (before, after)) or 1.0
    width = _rounded_up(2 * largest / BARS)
    edges = [float(f"{width * (place - BARS / 2):.8g}") for place in range(BARS + 1)]
    counts = (np.histogram(values, bins=np.asarray(edges))[0] for values in (before, after))
    return edges, *(list(map(int, each)) for each in counts)  # type: ignore[return-value]


def _by_layer(kernel: Kernel) -> Hashable | None:
    return (plain(kernel.layer), kernel.role, _sizes(kernel)) if kernel.layer else None


def _by_name(kernel: Kernel) -> Hashable | None:
    made_up = any(kernel.tensor.startswith(name) if name else not kernel.tensor for name in _MADE_UP)
    return None if made_up else (kernel.tensor, _sizes(kernel))


def _sizes(kernel: Kernel) -> tuple[int, ...]:
    """In any order: a quantizer may turn a kernel round, which no figure here hangs on."""
    return tuple(sorted(kernel.stored.shape))


def _unique(kernels: Sequence[Kernel], key: Callable[[Kernel], Hashable | None]) -> dict[Hashable, Kernel]:
    keys = [key(kernel) for kernel in kernels]
    counts = Counter(keys)
    return {
        place: kernel for place, kernel in zip(keys, kernels, strict=True) if place is not None and counts[place] == 1
    }


def _part(before: Kernel, after: Kernel, artifact: Artifact) -> WeightsPart:
    edges, counts_before, counts_after = histogram(before.real, after.real)
    return WeightsPart(
        format=artifact.format,
        precision=str(artifact.precision),
        layer=plain(after.layer or before.layer) or after.tensor,
        tensor=after.tensor,
        shape=list(after.stored.shape),
        bits=after.bits,
        sparsity_before=round(before.sparsity, _DIGITS),
        sparsity_after=round(after.sparsity, _DIGITS),
        distinct_before=before.distinct,
        distinct_after=after.distinct,
        distinct_per_scale=after.distinct_per_scale,
        edges=edges,
        before=counts_before,
        after=counts_after,
    )


def _rounded_up(value: float) -> float:
    """To four digits, and never to less than the value: none of the weights may fall out."""
    unit = Decimal(1).scaleb(Decimal(value).adjusted() - 3)
    return float(Decimal(value * (1 + 1e-9)).quantize(unit, ROUND_CEILING))
