"""Samples of a run's `data.npz` as a person sees them: small pictures, and texts where the vocabulary is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compressor import png
from compressor.data.columns import Column
from compressor.data.npz import NpzFile
from compressor.data.spec import DataSpec
from compressor.data.tokens import read_vocabulary
from compressor.report.evidence import AnswersPart, SampleValue
from compressor.values import Array

# Characters of all pictures of a report together, so that it stays small however large they are.
MOST_CHARACTERS = 200_000
_LONGEST_TEXT = 300
_INPUTS = "x_evaluation"


def with_inputs(parts: Sequence[AnswersPart], data: Path, spec: DataSpec) -> list[AnswersPart]:
    """The same parts, their samples with pictures or texts as far as inputs are such.

    The first sample of every part gets its picture first, then the second of every part, and so on.

    Raises:
        BadInput: the data or the vocabulary cannot be read.
    """
    rows = np.unique([sample.index for part in parts for sample in part.samples]).astype(np.intp)
    inputs = [column for name, column in NpzFile(data).columns().items() if name.startswith(_INPUTS)]
    if not len(rows) or not inputs:
        return list(parts)
    pictures = _pictures(inputs, rows)
    texts = _texts(inputs, rows, spec)
    allowed = _allowed(parts, pictures)

    def seen(at: int, rank: int, sample: SampleValue) -> SampleValue:
        image = pictures.get(sample.index) if (at, rank) in allowed else None
        return sample.model_copy(update={"image": image, "text": texts.get(sample.index)})

    return [
        part.model_copy(update={"samples": [seen(at, rank, each) for rank, each in enumerate(part.samples)]})
        for at, part in enumerate(parts)
    ]


def _allowed(parts: Sequence[AnswersPart], pictures: dict[int, str]) -> set[tuple[int, int]]:
    """Which samples of which parts have a picture: as many as there is room for."""
    ranked = sorted((rank, at) for at, part in enumerate(parts) for rank in range(len(part.samples)))
    allowed, left = set(), MOST_CHARACTERS
    for rank, at in ranked:
        left -= len(pictures.get(parts[at].samples[rank].index, ""))
        if left < 0:
            break
        allowed.add((at, rank))
    return allowed


def _pictures(inputs: Iterable[Column], rows: NDArray[np.intp]) -> dict[int, str]:
    """Of the first input that is a picture; bytes as they are, other numbers over the range that is seen."""
    column = next((each for each in inputs if png.pictured(each.shape[1:])), None)
    if column is None:
        return {}
    samples = [png.shrunk(sample) for sample in column.pick(rows)]
    scaled = samples if column.dtype == np.uint8 else list(_stretched(samples))
    return {int(row): png.data_address(np.rint(each).astype(np.uint8)) for row, each in zip(rows, scaled, strict=True)}


def _stretched(samples: Sequence[NDArray[np.float64]]) -> Iterable[NDArray[np.float64]]:
    low, high = min(float(each.min()) for each in samples), max(float(each.max()) for each in samples)
    span = high - low
    return ((each - low) * (255 / span) if span > 0 else np.zeros_like(each) for each in samples)


def _texts(inputs: Sequence[Column], rows: NDArray[np.intp], spec: DataSpec) -> dict[int, str]:
    """Of the first input that holds token ids; a run without a vocabulary knows no words."""
    column = next((each for each in inputs if len(each.shape) == 2 and each.dtype.kind in "iu"), None)
    if spec.vocabulary is None or column is None:
        return {}
    tokens = {number: token for token, number in read_vocabulary(Path(spec.vocabulary)).ids.items()}
    between = "" if spec.tokens == "characters" else " "
    picked: Array = column.pick(rows)
    return {int(row): _text(ids, tokens.get, between) for row, ids in zip(rows, picked, strict=True)}


def _text(ids: Array, token: Callable[[int], str | None], between: str) -> str:
    # 0 fills a text up to its length.
    text = between.join(token(int(each)) or "?" for each in ids if each)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
